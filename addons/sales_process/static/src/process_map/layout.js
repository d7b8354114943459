/** Where the boxes and arrows of a process map stand: pure arithmetic, no DOM. */

export const BOX = { width: 168, height: 50, rowGap: 16, columnGap: 92, top: 40, left: 40 };

/**
 * Columns by phase, rows by the order of the steps.
 * @returns {{ boxes: Object, edges: Object[], columns: Object[], width: number, height: number }}
 */
export function layoutMap(map) {
    const rows = {};
    const boxes = {};
    const columns = map.phases.map((phase, index) => ({ ...phase, x: columnX(index) }));
    for (const node of map.nodes) {
        const column = map.phases.findIndex((phase) => phase.code === node.phase);
        const row = (rows[column] = (rows[column] ?? -1) + 1);
        boxes[node.code] = { column, row, x: columnX(column), y: BOX.top + row * (BOX.height + BOX.rowGap) };
    }
    const depth = Math.max(0, ...Object.values(rows)) + 1;
    return {
        boxes,
        columns,
        edges: layoutEdges(map, boxes),
        width: columnX(Math.max(map.phases.length, 1)) - BOX.columnGap + BOX.left,
        height: BOX.top + depth * (BOX.height + BOX.rowGap) + 8,
    };
}

function columnX(index) {
    return BOX.left + index * (BOX.width + BOX.columnGap);
}

/** One arrow for each pair of steps, however many outcomes lead from one to the other. */
function layoutEdges(map, boxes) {
    const first = {};
    const pairs = new Map();
    for (const edge of map.edges) {
        if (!boxes[edge.from] || !boxes[edge.to]) {
            continue;
        }
        first[edge.from] ??= edge.to;
        const key = `${edge.from}>${edge.to}`;
        const pair = pairs.get(key) || { key, from: edge.from, to: edge.to, names: [] };
        pair.names.push(edge.outcome);
        pair.main ||= first[edge.from] === edge.to;
        pairs.set(key, pair);
    }
    return [...pairs.values()].map((pair) => ({ ...pair, path: pathOf(boxes[pair.from], boxes[pair.to]) }));
}

function pathOf(from, to) {
    const half = BOX.height / 2;
    const right = (box) => box.x + BOX.width;
    if (from === to) {
        const [x, y] = [right(from), from.y + half];
        return `M ${x} ${y - 10} C ${x + 26} ${y - 22}, ${x + 26} ${y + 22}, ${x + 2} ${y + 10}`;
    }
    if (from.column === to.column) {
        return sameColumn(from, to, half, right);
    }
    if (from.column < to.column) {
        const [x1, y1, x2, y2] = [right(from), from.y + half, to.x - 2, to.y + half];
        const bend = Math.min(60, (x2 - x1) / 2);
        return `M ${x1} ${y1} C ${x1 + bend} ${y1}, ${x2 - bend} ${y2}, ${x2} ${y2}`;
    }
    const [x1, y1, x2, y2] = [from.x, from.y + half + 8, right(to) + 2, to.y + half + 8];
    return `M ${x1} ${y1} C ${x1 - 46} ${y1}, ${x2 + 46} ${y2}, ${x2} ${y2}`;
}

function sameColumn(from, to, half, right) {
    const distance = Math.abs(from.row - to.row);
    if (to.row === from.row + 1) {
        const x = from.x + BOX.width / 2;
        return `M ${x} ${from.y + BOX.height} L ${x} ${to.y - 2}`;
    }
    const bulge = Math.min(16 + distance * 5, 44);
    const forward = to.row > from.row;
    const x = forward ? right(from) : from.x;
    const side = forward ? bulge : -bulge;
    const [y1, y2] = [from.y + half, to.y + half + (forward ? -8 : 8)];
    return `M ${x} ${y1} C ${x + side} ${y1}, ${x + side} ${y2}, ${x + (forward ? 2 : -2)} ${y2}`;
}
