import { Component, onWillStart, onWillUpdateProps, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { BOX, layoutMap } from "./layout";

const ICONS = {
    task: "fa-user", mail: "fa-envelope", document: "fa-file-text-o", approval: "fa-check-square-o", meeting: "fa-calendar",
    action: "fa-cog", notice: "fa-bullhorn", wait: "fa-hourglass-half", decision: "fa-code-fork",
};

/** The process drawn; in a lead with its own way marked. A click on a step opens its tasks. */
export class ProcessMap extends Component {
    static template = "sales_process.ProcessMap";
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.state = useState({ map: null, active: null });
        this.box = BOX;
        onWillStart(() => this.load(this.props.record));
        onWillUpdateProps((next) => this.load(next.record));
    }

    get onLead() {
        return this.props.record.resModel === "crm.lead";
    }

    async load(record) {
        if (!record.resId) {
            return;
        }
        const method = this.onLead ? "process_get_map" : "get_map";
        const map = await this.orm.call(record.resModel, method, [[record.resId]]);
        this.layout = map && layoutMap(map);
        this.state.map = map;
    }

    icon(node) {
        return ICONS[node.kind] || "fa-circle-o";
    }

    mark(node) {
        return this.state.map.way?.[node.code]?.state || "";
    }

    boxStyle(node) {
        const { x, y } = this.layout.boxes[node.code];
        return `left:${x}px;top:${y}px;width:${BOX.width}px;height:${BOX.height}px`;
    }

    boxClass(node) {
        const mark = this.mark(node);
        const dim = this.state.active && !this.isNear(node.code);
        return [
            "o_sales_process_map_node", `o_kind_${node.kind}`, mark && `o_way_${mark}`,
            this.state.map.way && !mark && "o_way_none", dim && "o_dim",
        ].filter(Boolean).join(" ");
    }

    isNear(code) {
        const active = this.state.active;
        return code === active || this.layout.edges.some(
            (edge) => (edge.from === active && edge.to === code) || (edge.to === active && edge.from === code)
        );
    }

    edgeClass(edge) {
        const active = this.state.active;
        const near = active && (edge.from === active || edge.to === active);
        return `o_edge ${edge.main ? "o_main" : ""} ${near ? (edge.from === active ? "o_out" : "o_in") : active ? "o_dim" : ""}`;
    }

    arrowOf(edge) {
        const near = this.state.active && (edge.from === this.state.active || edge.to === this.state.active);
        return `url(#o_sp_arrow${near ? "_active" : edge.main ? "_main" : ""})`;
    }

    nodeLabel(node) {
        const parts = [node.name, node.kind_text];
        if (node.open) {
            parts.push(_t("%s open", node.open));
        }
        if (node.late) {
            parts.push(_t("%s late", node.late));
        }
        return parts.join(", ");
    }

    /** What can come of the step under the pointer, in words. */
    get activeText() {
        const node = this.state.map.nodes.find((node) => node.code === this.state.active);
        if (!node) {
            return null;
        }
        const names = Object.fromEntries(this.state.map.nodes.map((node) => [node.code, node.name]));
        const ways = this.state.map.edges
            .filter((edge) => edge.from === node.code)
            .map((edge) => ({ outcome: edge.limit ? _t("%(outcome)s (time %(limit)s)", edge) : edge.outcome, to: names[edge.to] }));
        const ends = { won: _t("Won"), lost: _t("Lost"), merged: _t("Merged") };
        return { name: node.name, kind: node.kind_text, ways: [...ways, ...node.ends.map((end) => ({ outcome: end.name, to: ends[end.end] }))] };
    }

    hasEnd(node, end) {
        return node.ends.some((item) => item.end === end);
    }

    async onClick(node) {
        const [model, method] = this.onLead
            ? ["crm.lead", "action_process_view_step"]
            : ["sales.process", "action_view_step_tasks"];
        const action = await this.orm.call(model, method, [[this.props.record.resId], node.id]);
        if (action) {
            await this.action.doAction(action);
        }
    }
}

registry.category("view_widgets").add("sales_process_map", { component: ProcessMap });
