import { Component, onWillStart, onWillUpdateProps, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { ProcessMap } from "./process_map";

/** The map in a form: of a process with its figures, of a lead with its own way. */
export class ProcessMapWidget extends Component {
    static template = "sales_process.ProcessMapWidget";
    static components = { ProcessMap };
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.last = new KeepLast();
        this.state = useState({ map: null });
        onWillStart(() => this.load(this.props.record));
        onWillUpdateProps((next) => this.load(next.record));
    }

    get ofLead() {
        return this.props.record.resModel === "crm.lead";
    }

    async load(record) {
        const method = record.resModel === "crm.lead" ? "process_get_map" : "get_map";
        this.state.map = record.resId && (await this.last.add(this.orm.call(record.resModel, method, [[record.resId]])));
    }

    async open(node, late) {
        const { record } = this.props;
        const action = await (this.ofLead
            ? this.orm.call("crm.lead", "action_process_view_step", [[record.resId], node.id])
            : this.orm.call("sales.process", "action_map_open", [[record.resId], node.id], { late }));
        if (action) {
            await this.action.doAction(action, { onClose: () => this.load(record) });
        }
    }
}

registry.category("view_widgets").add("sales_process_map", { component: ProcessMapWidget });
