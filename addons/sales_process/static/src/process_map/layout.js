/** Where the boxes and arrows of a process map stand: pure arithmetic, no DOM. */

export const BOX = { width: 186, height: 66 };
const PAGE = { width: 1350, height: 700 }; // what a screen shows at once: how far columns are broken goes by it
const SPACE = { top: 46, side: 14, gutter: 34, channel: 22, lane: 7, phase: 14, corner: 6 };
const PORT = { in: -8, loopIn: -24, out: 8, loopOut: 14, step: 6 };

/**
 * Phases from left to right, their steps from top to bottom in the order of the way; a long phase is broken
 * into columns. Arrows run in the lanes between the boxes, never through one; those that end at the same box
 * share their lane.
 *
 * @returns {{ boxes: Object, edges: Object[], columns: Object[], width: number, height: number }}
 */
export function layoutMap(map) {
    const order = orderOf(map);
    const grid = placeInGrid(map, order);
    const edges = pairsOf(map, order).map((pair) => ({ ...pair, route: routeOf(grid.cells[pair.from], grid.cells[pair.to]) }));
    const lanes = assignLanes(edges, grid);
    const frame = measure(grid, lanes);
    const ports = assignPorts(edges, grid);
    return {
        boxes: Object.fromEntries(Object.entries(grid.cells).map(([code, cell]) => [code, { ...cell, x: frame.x[cell.column], y: frame.y[cell.row] }])),
        edges: edges.map((edge) => ({ ...edge, path: roundedPath(pointsOf(edge, grid, frame, lanes, ports)) })),
        columns: phaseBands(grid, frame),
        width: frame.width,
        height: frame.height,
    };
}

/**
 * dict code -> place on the way: as the process lists its steps, or as its ways lead on, whichever leads
 * back less often.
 */
function orderOf(map) {
    const listed = Object.fromEntries(map.nodes.map((node, place) => [node.code, place]));
    const walked = walkOrder(map);
    const backward = (order) => map.edges.filter((edge) => order[edge.to] < order[edge.from]).length;
    return backward(walked) < backward(listed) ? walked : listed;
}

/** From each start the first outcomes as far as they lead, then what branches off. Without recursion: a
 * process may be long. */
function walkOrder(map) {
    const next = Object.fromEntries(map.nodes.map((node) => [node.code, []]));
    for (const edge of map.edges) {
        next[edge.from]?.push(edge.to);
    }
    const place = {};
    const open = map.nodes.map((node) => node.code).reverse();
    while (open.length) {
        const code = open.pop();
        if (code in next && !(code in place)) {
            place[code] = Object.keys(place).length;
            open.push(...[...next[code]].reverse());
        }
    }
    return place;
}

/** Each step its column and row; `phases` says which columns a phase has. */
function placeInGrid(map, order) {
    const byPhase = map.phases.map((phase) =>
        map.nodes.filter((node) => node.phase === phase.code).sort((a, b) => order[a.code] - order[b.code])
    );
    const longest = Math.max(1, ...byPhase.map((nodes) => nodes.length));
    let best = null;
    for (let rows = Math.min(5, longest); rows <= longest; rows++) {
        const columns = byPhase.reduce((sum, nodes) => sum + Math.max(1, Math.ceil(nodes.length / rows)), 0);
        const width = columns * (BOX.width + 76);
        const height = SPACE.top + rows * (BOX.height + 38);
        const scale = Math.min(PAGE.width / width, PAGE.height / height);
        if (!best || scale > best.scale + 0.01) {
            best = { scale, rows };
        }
    }
    const cells = {};
    const phases = [];
    let column = 0;
    byPhase.forEach((nodes, index) => {
        const count = Math.max(1, Math.ceil(nodes.length / (best?.rows || 1)));
        const rows = Math.ceil(nodes.length / count);
        nodes.forEach((node, place) => {
            cells[node.code] = { column: column + Math.floor(place / rows), row: place % rows };
        });
        phases.push({ ...map.phases[index], first: column, last: column + count - 1 });
        column += count;
    });
    const depth = Math.max(0, ...Object.values(cells).map((cell) => cell.row)) + 1;
    return { cells, phases, columns: Math.max(column, 1), rows: depth };
}

/** One arrow for each pair of steps, however many outcomes lead from one to the other. */
function pairsOf(map, order) {
    const first = {};
    const pairs = new Map();
    for (const edge of map.edges) {
        if (!(edge.from in order) || !(edge.to in order)) {
            continue;
        }
        first[edge.from] ??= edge.to;
        const key = `${edge.from}>${edge.to}`;
        const pair = pairs.get(key) || { key, from: edge.from, to: edge.to, names: [], count: 0 };
        pair.names.push(edge.outcome);
        pair.count += edge.limit ? 0 : edge.count || 0;
        pair.main ||= first[edge.from] === edge.to;
        pair.loop = order[edge.to] <= order[edge.from];
        pairs.set(key, pair);
    }
    return [...pairs.values()];
}

/** Which sides an arrow leaves and enters by, and the gutters and channel it runs in. */
function routeOf(from, to) {
    const [dx, dy] = [to.column - from.column, to.row - from.row];
    if (!dx && !dy) {
        return { kind: "self" };
    }
    if (!dx && dy === 1) {
        return { kind: "down" };
    }
    if (!dx) {
        const side = dy > 0 ? "right" : "left";
        return { kind: "lane", out: side, into: side, gutter: from.column + (dy > 0 ? 1 : 0) };
    }
    const channel = to.row + (dy >= 0 ? 0 : 1); // comes from above where it comes down, else from below
    if (dx > 0) {
        const base = { out: "right", into: "left", gutter: from.column + 1 };
        if (dx === 1) {
            return { kind: dy ? "lane" : "straight", ...base };
        }
        return { kind: "channel", ...base, channel, last: to.column };
    }
    const base = { out: "left", into: "right", gutter: from.column };
    return dx === -1 ? { kind: "lane", ...base } : { kind: "channel", ...base, channel, last: to.column + 1 };
}

/** Lanes of gutters and tracks of channels: the same for arrows to the same box, free of others. */
function assignLanes(edges, grid) {
    const gutters = Array.from({ length: grid.columns + 1 }, () => new Map());
    const channels = Array.from({ length: grid.rows + 1 }, () => new Map());
    const add = (lanes, key, from, to) => {
        const [low, high] = [Math.min(from, to), Math.max(from, to)];
        const known = lanes.get(key);
        lanes.set(key, known ? { low: Math.min(known.low, low), high: Math.max(known.high, high) } : { low, high });
    };
    for (const { from, to, route } of edges) {
        const [start, end] = [grid.cells[from], grid.cells[to]].map((cell) => 2 * cell.row + 1);
        const key = laneKey(to, route);
        if (route.kind === "lane") {
            add(gutters[route.gutter], key, start, end);
        } else if (route.kind === "channel") {
            add(gutters[route.gutter], key, start, 2 * route.channel);
            add(channels[route.channel], key, route.gutter, route.last);
            add(gutters[route.last], key, 2 * route.channel, end);
        }
    }
    return { gutters: gutters.map(spread), channels: channels.map(spread) };
}

function laneKey(to, route) {
    return `${to}|${route.into}`;
}

/** Each span the first lane where nothing is in its way; short ones first. */
function spread(spans) {
    const lanes = [];
    const lane = {};
    for (const [key, span] of [...spans].sort((a, b) => a[1].high - a[1].low - (b[1].high - b[1].low))) {
        let index = lanes.findIndex((taken) => taken.every((other) => span.high < other.low || other.high < span.low));
        if (index < 0) {
            index = lanes.push([]) - 1;
        }
        lanes[index].push(span);
        lane[key] = index;
    }
    return { lane, count: lanes.length };
}

/** Pixels: gutters and channels are as wide as their lanes need. */
function measure(grid, lanes) {
    const starts = new Set(grid.phases.map((phase) => phase.first));
    const gutterX = [];
    const x = [];
    let left = SPACE.side;
    lanes.gutters.forEach(({ count }, index) => {
        left += starts.has(index) && index ? SPACE.phase : 0;
        gutterX.push(left);
        const edge = index === 0 || index === grid.columns;
        left += Math.max(edge ? (count ? 26 : 8) : SPACE.gutter, 22 + count * SPACE.lane);
        if (index < grid.columns) {
            x.push(left);
            left += BOX.width;
        }
    });
    const channelY = [];
    const y = [];
    let top = SPACE.top;
    lanes.channels.forEach(({ count }, index) => {
        channelY.push(top);
        const edge = index === 0 || index === grid.rows;
        top += Math.max(edge ? 8 : SPACE.channel, 10 + count * SPACE.lane);
        if (index < grid.rows) {
            y.push(top);
            top += BOX.height;
        }
    });
    return { x, y, gutterX, channelY, width: left + SPACE.side, height: top + 6 };
}

/** Arrows leave a side one below the other, in the order of where they go. */
function assignPorts(edges, grid) {
    const sides = new Map();
    for (const edge of edges) {
        if (edge.route.out) {
            const key = `${edge.from}|${edge.route.out}`;
            sides.set(key, [...(sides.get(key) || []), edge]);
        }
    }
    const ports = {};
    for (const [key, leaving] of sides) {
        const first = key.endsWith("|left") ? PORT.loopOut : PORT.out;
        leaving
            .sort((a, b) => grid.cells[a.to].row - grid.cells[b.to].row)
            .forEach((edge, index) => (ports[edge.key] = Math.min(first + index * PORT.step, BOX.height / 2 - 3)));
    }
    return ports;
}

function pointsOf(edge, grid, frame, lanes, ports) {
    const [from, to] = [grid.cells[edge.from], grid.cells[edge.to]];
    const middle = (cell) => frame.y[cell.row] + BOX.height / 2;
    const side = (cell, name) => frame.x[cell.column] + (name === "right" ? BOX.width : 0);
    const { route } = edge;
    if (route.kind === "self") {
        const [x, y] = [side(from, "right"), middle(from)];
        return [[x, y + 26], [x + 13, y + 26], [x + 13, y - 26], [x, y - 26]];
    }
    if (route.kind === "down") {
        const x = frame.x[from.column] + BOX.width / 2;
        return [[x, frame.y[from.row] + BOX.height], [x, frame.y[to.row]]];
    }
    const start = [side(from, route.out), middle(from) + ports[edge.key]];
    const inside = route.into === "left" ? PORT.in : PORT.loopIn;
    const end = [side(to, route.into), middle(to) + inside];
    if (route.kind === "straight") {
        return [start, [start[0] + 10, start[1]], [start[0] + 10, end[1]], end];
    }
    const key = laneKey(edge.to, route);
    const laneX = (gutter) => frame.gutterX[gutter] + 10 + lanes.gutters[gutter].lane[key] * SPACE.lane;
    const first = laneX(route.gutter);
    if (route.kind === "lane") {
        return [start, [first, start[1]], [first, end[1]], end];
    }
    const [last, y] = [laneX(route.last), frame.channelY[route.channel] + 6 + lanes.channels[route.channel].lane[key] * SPACE.lane];
    return [start, [first, start[1]], [first, y], [last, y], [last, end[1]], end];
}

/** A path along points, its corners rounded, a little short of its end for the arrow's head. */
function roundedPath(points) {
    const parts = [`M ${points[0].join(" ")}`];
    for (let index = 1; index < points.length - 1; index++) {
        const [before, here, after] = [points[index - 1], points[index], points[index + 1]];
        const into = toward(here, before);
        const out = toward(here, after);
        parts.push(`L ${into.join(" ")} Q ${here.join(" ")} ${out.join(" ")}`);
    }
    parts.push(`L ${points[points.length - 1].join(" ")}`);
    return parts.join(" ");
}

/** The point on the way from a corner to another point where the rounding begins. */
function toward(corner, other) {
    const [dx, dy] = [other[0] - corner[0], other[1] - corner[1]];
    const length = Math.hypot(dx, dy);
    const part = length ? Math.min(SPACE.corner, length / 2) / length : 0;
    return [corner[0] + dx * part, corner[1] + dy * part].map((value) => Math.round(value * 10) / 10);
}

function phaseBands(grid, frame) {
    return grid.phases.map((phase) => {
        const x = frame.x[phase.first] - 12;
        return { code: phase.code, name: phase.name, x, width: frame.x[phase.last] + BOX.width + 12 - x };
    });
}

/** The outline of a step, by its kind. */
export function shapeOf(kind) {
    const { width: w, height: h } = BOX;
    if (kind === "decision") {
        return `M 14 0 H ${w - 14} L ${w} ${h / 2} L ${w - 14} ${h} H 14 L 0 ${h / 2} Z`;
    }
    if (kind === "approval") {
        return `M 10 0 H ${w - 10} L ${w} 10 V ${h - 10} L ${w - 10} ${h} H 10 L 0 ${h - 10} V 10 Z`;
    }
    if (kind === "document") {
        return `M 0 0 H ${w - 14} L ${w} 14 V ${h} H 0 Z M ${w - 14} 0 V 14 H ${w}`;
    }
    const r = { wait: 26, task: 9, meeting: 9 }[kind] ?? 1;
    return `M ${r} 0 H ${w - r} A ${r} ${r} 0 0 1 ${w} ${r} V ${h - r} A ${r} ${r} 0 0 1 ${w - r} ${h} H ${r} A ${r} ${r} 0 0 1 0 ${h - r} V ${r} A ${r} ${r} 0 0 1 ${r} 0 Z`;
}

/** A name in at most two lines that fit. @param {Function} measured text -> pixels */
export function wrapName(name, width, measured) {
    const lines = [""];
    for (const word of name.split(/\s+/)) {
        const longer = `${lines[lines.length - 1]} ${word}`.trim();
        if (measured(longer) <= width || !lines[lines.length - 1]) {
            lines[lines.length - 1] = longer;
        } else {
            lines.push(word);
        }
    }
    return lines.length <= 2 ? lines.map((line) => shorten(line, width, measured)) : [lines[0], shorten(`${lines.slice(1).join(" ")}`, width, measured)];
}

function shorten(text, width, measured) {
    if (measured(text) <= width) {
        return text;
    }
    let kept = text;
    while (kept && measured(`${kept}…`) > width) {
        kept = kept.slice(0, -1);
    }
    return `${kept.trimEnd()}…`;
}

/** The step that an arrow key leads to: the nearest one in that direction, straight ones first. */
export function neighbour(boxes, code, key) {
    const here = boxes[code];
    const along = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    let best = null;
    for (const [other, box] of Object.entries(boxes)) {
        const [dx, dy] = [box.x - here.x, box.y - here.y];
        const ahead = dx * along[0] + dy * along[1];
        const aside = Math.abs(dx * along[1]) + Math.abs(dy * along[0]);
        if (ahead > 0 && (!best || ahead + 3 * aside < best.far)) {
            best = { other, far: ahead + 3 * aside };
        }
    }
    return best?.other;
}
