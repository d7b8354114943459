import { Component, onMounted, onPatched, onWillUpdateProps, useEffect, useRef, useState } from "@odoo/owl";
import { formatCurrency } from "@web/core/currency";
import { _t } from "@web/core/l10n/translation";
import { formatInteger } from "@web/views/fields/formatters";
import { formatShare } from "../period/share";
import { formatSpan } from "../period/span";
import { BOX, layoutMap, neighbour, shapeOf, wrapName } from "./layout";

// Characters of the icon font that Odoo brings.
const ICONS = {
    task: "\uf007", mail: "\uf0e0", document: "\uf0f6", approval: "\uf046", meeting: "\uf073",
    action: "\uf013", notice: "\uf0a1", wait: "\uf252", decision: "\uf126",
};
const ZOOM = { least: 0.3, most: 2.5, step: 1.25, readable: 0.75, readableByHand: 0.85 };
const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];

const measureText = (() => {
    const pen = document.createElement("canvas").getContext("2d");
    return (text) => {
        pen.font = "600 12.5px system-ui, sans-serif";
        return pen.measureText(text).width;
    };
})();

/**
 * A process drawn: steps by phase, the ways between them, on each step the deals that stand there. With a
 * `way` in the map it is the way of one deal instead.
 */
export class ProcessMap extends Component {
    static template = "sales_process.ProcessMap";
    static props = {
        map: Object,
        measure: { type: String, optional: true }, // what the colour says: waited, amount, late
        open: Function, // (node, late) => what a click does
    };
    static defaultProps = { measure: "waited" };

    setup() {
        this.box = BOX;
        this.frame = useRef("frame");
        this.canvas = useRef("canvas");
        this.state = useState({ zoom: 1, hovered: null, focused: null, current: null });
        this.draw(this.props);
        onWillUpdateProps((next) => next.map !== this.props.map && this.draw(next));
        onMounted(() => this.fit());
        onPatched(() => this.keepPlace());
        // Zooming with the wheel must not zoom the page: a listener of the template cannot say so.
        useEffect(
            (frame) => {
                const wheel = (ev) => this.onWheel(ev);
                frame.addEventListener("wheel", wheel, { passive: false });
                return () => frame.removeEventListener("wheel", wheel);
            },
            () => [this.frame.el]
        );
    }

    draw({ map }) {
        this.layout = layoutMap(map);
        this.names = Object.fromEntries(map.nodes.map((node) => [node.code, node.name]));
        this.lines = Object.fromEntries(map.nodes.map((node) => [node.code, wrapName(node.name, BOX.width - (node.ends.length ? 68 : 52), measureText)]));
        const path = map.path || [];
        this.taken = new Set(path.slice(1).map((code, index) => `${path[index]}>${code}`));
        const known = map.nodes.some((node) => node.code === this.state.current);
        this.state.current = known ? this.state.current : this.startOf(map)?.code;
    }

    /** Where the keyboard begins: where the deal stands, else where most is held up. */
    startOf(map) {
        const now = map.nodes.find((node) => ["now", "late", "failed"].includes(map.way?.[node.code]?.state));
        const held = (node) => node.share?.waited || 0;
        return now || map.nodes.reduce((best, node) => (best && held(best) >= held(node) ? best : node), null);
    }

    // Zoom and pan: the browser scrolls, so that fingers, wheels and keys do what they do everywhere.

    /** As much as can be read; what does not fit is scrolled to. */
    fit() {
        const frame = this.frame.el;
        const whole = Math.min(frame.clientWidth / this.layout.width, 1);
        this.state.zoom = this.limit(Math.max(whole, this.env.isSmall ? ZOOM.readableByHand : ZOOM.readable));
        this.seek = true;
    }

    limit(zoom) {
        return Math.min(Math.max(zoom, ZOOM.least), ZOOM.most);
    }

    /** @param {Object} at the point of the screen that stays where it is; the middle if none is given */
    zoomBy(factor, at) {
        const frame = this.frame.el;
        const rect = frame.getBoundingClientRect();
        const [x, y] = at ? [at.clientX - rect.left, at.clientY - rect.top] : [frame.clientWidth / 2, frame.clientHeight / 2];
        const before = this.state.zoom;
        const zoom = this.limit(before * factor);
        this.hold = { x, y, left: (frame.scrollLeft + x) / before, top: (frame.scrollTop + y) / before };
        this.state.zoom = zoom;
    }

    zoomIn = () => this.zoomBy(ZOOM.step);
    zoomOut = () => this.zoomBy(1 / ZOOM.step);

    /** After drawing anew: the point that was held is where it was; a fresh map shows where things stand. */
    keepPlace() {
        const frame = this.frame.el;
        if (this.hold) {
            const { x, y, left, top } = this.hold;
            this.hold = null;
            frame.scrollTo(left * this.state.zoom - x, top * this.state.zoom - y);
        } else if (this.seek) {
            this.seek = false;
            const box = this.layout.boxes[this.state.current];
            if (box) {
                frame.scrollTo(
                    (box.x + BOX.width / 2) * this.state.zoom - frame.clientWidth / 2,
                    (box.y + BOX.height / 2) * this.state.zoom - frame.clientHeight / 2
                );
            }
        }
    }

    onWheel(ev) {
        if (ev.ctrlKey || ev.metaKey) {
            ev.preventDefault();
            this.zoomBy(Math.exp(-ev.deltaY / 300), ev);
        }
    }

    /** The ground can be taken hold of with the mouse; fingers scroll anyway, and two of them zoom. */
    onPointerDown(ev) {
        this.fingers ??= new Map();
        this.fingers.set(ev.pointerId, ev);
        const ground = !ev.target.closest(".o_map_node");
        if (ev.pointerType === "mouse" && ev.button === 0 && ground) {
            const frame = this.frame.el;
            this.grip = { x: ev.clientX, y: ev.clientY, left: frame.scrollLeft, top: frame.scrollTop };
            frame.setPointerCapture(ev.pointerId);
        }
    }

    onPointerMove(ev) {
        if (this.grip) {
            this.frame.el.scrollTo(this.grip.left + this.grip.x - ev.clientX, this.grip.top + this.grip.y - ev.clientY);
        } else if (this.fingers?.has(ev.pointerId) && this.fingers.size === 2) {
            this.pinch(ev);
        }
    }

    pinch(ev) {
        const distance = () => {
            const [a, b] = [...this.fingers.values()];
            return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
        };
        const before = distance();
        this.fingers.set(ev.pointerId, ev);
        const [a, b] = [...this.fingers.values()];
        const middle = { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
        this.zoomBy(distance() / (before || 1), middle);
    }

    onPointerUp(ev) {
        this.grip = null;
        this.fingers?.delete(ev.pointerId);
    }

    // Keyboard

    onKeydown(ev, node) {
        if (ev.key === "Enter" || ev.key === " ") {
            ev.preventDefault();
            this.props.open(node, false);
        } else if (ARROWS.includes(ev.key) && !ev.altKey && !ev.ctrlKey && !ev.metaKey) {
            ev.preventDefault();
            this.focus(neighbour(this.layout.boxes, node.code, ev.key));
        } else if (["Home", "End"].includes(ev.key)) {
            ev.preventDefault();
            this.focus(this.props.map.nodes.at(ev.key === "Home" ? 0 : -1).code);
        } else if (["+", "-", "0"].includes(ev.key)) {
            ev.preventDefault();
            ({ "+": this.zoomIn, "-": this.zoomOut, 0: () => this.fit() })[ev.key]();
        }
    }

    focus(code) {
        const element = code && this.canvas.el.querySelector(`[data-code="${CSS.escape(code)}"]`);
        if (element) {
            this.state.current = code;
            element.focus();
            element.scrollIntoView({ block: "nearest", inline: "nearest" });
        }
    }

    onFocus(node) {
        Object.assign(this.state, { focused: node.code, current: node.code });
    }

    // What is shown

    get active() {
        return this.state.hovered || this.state.focused;
    }

    get ofLead() {
        return Boolean(this.props.map.way);
    }

    mark(node) {
        return this.props.map.way?.[node.code]?.state || "none";
    }

    visits(node) {
        return this.props.map.way?.[node.code]?.visits || 0;
    }

    isNear(code) {
        const { active } = this;
        return (
            code === active ||
            this.layout.edges.some((edge) => (edge.from === active && edge.to === code) || (edge.to === active && edge.from === code))
        );
    }

    nodeClass(node) {
        const tone = this.ofLead ? `o_way_${this.mark(node)}` : `o_heat_${node.level[this.props.measure]}`;
        const dim = this.active && !this.isNear(node.code) ? "o_dim" : "";
        return `o_map_node o_kind_${node.kind} ${tone} ${dim}`;
    }

    edgeClass(edge) {
        const { active } = this;
        const near = active && (edge.from === active || edge.to === active);
        const light = near ? (edge.from === active ? "o_out" : "o_in") : active ? "o_dim" : "";
        const taken = this.ofLead && this.taken.has(edge.key) ? "o_taken" : "";
        return `o_edge ${edge.main ? "o_main" : ""} ${edge.loop ? "o_loop" : ""} ${taken} ${light}`;
    }

    /** An arrow is as thick as the share of what left its step that took it. */
    edgeStyle(edge) {
        const most = this.mostTaken;
        return edge.count && most ? `stroke-width:${(1.4 + 3.2 * Math.sqrt(edge.count / most)).toFixed(1)}px` : "";
    }

    get mostTaken() {
        return Math.max(0, ...this.layout.edges.map((edge) => edge.count));
    }

    arrowOf(edge) {
        const { active } = this;
        const near = active && (edge.from === active || edge.to === active);
        const taken = this.ofLead && this.taken.has(edge.key);
        return `url(#o_map_arrow${near ? "_near" : taken ? "_taken" : edge.loop ? "_loop" : ""})`;
    }

    /** Arrows that matter are drawn above the others. */
    get edges() {
        const rank = (edge) => (edge.from === this.active || edge.to === this.active ? 3 : this.taken.has(edge.key) ? 2 : edge.main ? 1 : 0);
        return [...this.layout.edges].sort((a, b) => rank(a) - rank(b));
    }

    icon = (node) => ICONS[node.kind] || "\uf10c";
    shape = (node) => shapeOf(node.kind);
    place = (node) => `translate(${this.layout.boxes[node.code].x} ${this.layout.boxes[node.code].y})`;
    hasEnd = (node, end) => node.ends.some((item) => item.end === end);
    number = (count) => formatInteger(count);
    span = formatSpan;

    money(amount) {
        return formatCurrency(amount, this.props.map.currency_id, { humanReadable: true });
    }

    percent = formatShare;

    barWidth(node) {
        return Math.round((BOX.width - 28) * node.share[this.props.measure]);
    }

    get wayWords() {
        return {
            done: _t("done"), passed: _t("passed over"), cancelled: _t("cancelled"), now: _t("here now"),
            late: _t("here now, late"), failed: _t("failed"), none: _t("not reached"),
        };
    }

    /** One step and where it leads, for those who hear the screen: they do not see the arrows. */
    label(node) {
        const facts = this.facts(node).map(([what, value]) => `${what}: ${value}`);
        const ways = this.ways(node).map(({ outcome, to }) => `${outcome} → ${to}`);
        return [node.name, node.kind_text, ...facts, ...ways].join(". ");
    }

    facts(node) {
        if (this.ofLead) {
            const facts = [[_t("This deal"), this.wayWords[this.mark(node)]]];
            return this.visits(node) > 1 ? [...facts, [_t("Times"), this.number(this.visits(node))]] : facts;
        }
        const facts = [[_t("Deals here"), this.number(node.open)]];
        if (node.open) {
            facts.push([_t("Amount"), this.money(node.amount)], [_t("Late"), this.number(node.late)]);
            facts.push([_t("They have waited (median)"), this.span(node.wait)]);
            facts.push([_t("Of all waiting"), this.percent(node.share.waited)]);
        }
        if (node.left) {
            facts.push([_t("Done in the period"), this.number(node.left)], [_t("Usual time (median)"), this.span(node.usual)]);
        }
        return facts;
    }

    /** What can come of the step that is looked at, in words. */
    get detail() {
        const node = this.props.map.nodes.find((one) => one.code === this.active);
        if (!node) {
            return null;
        }
        return { node, facts: this.facts(node), ways: this.ways(node) };
    }

    /** What each outcome of a step leads to: another step, or an end. */
    ways(node) {
        const ends = { won: _t("Won"), lost: _t("Lost"), merged: _t("Merged") };
        const ways = this.props.map.edges
            .filter((edge) => edge.from === node.code)
            .map((edge) => ({
                outcome: edge.limit ? _t("%(outcome)s (time %(limit)s)", edge) : edge.outcome,
                to: this.names[edge.to],
                count: edge.limit ? 0 : edge.count,
            }));
        return [...ways, ...node.ends.map((end) => ({ outcome: end.name, to: ends[end.end] }))];
    }
}
