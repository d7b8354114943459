import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

/** One tap calls the customer: by the telephone at hand, or through the telephone system where it can. */
export class CallButton extends Component {
    static template = "sales_process.CallButton";
    static props = {
        phone: String,
        leadId: Number,
        canOriginate: { type: Boolean, optional: true },
        onCall: { type: Function, optional: true },
        label: { type: String, optional: true },
    };

    setup() {
        this.orm = useService("orm");
        this.notification = useService("notification");
    }

    get href() {
        return `tel:${this.props.phone.replace(/[^+\d*#]/g, "")}`;
    }

    async originate() {
        await this.orm.call("crm.lead", "process_call", [[this.props.leadId]]);
        this.notification.add(_t("Your telephone will ring: pick it up to be connected."), { type: "info" });
        this.props.onCall?.();
    }
}

/** The same on the form of a lead. */
export class LeadCallButton extends Component {
    static template = "sales_process.LeadCallButton";
    static components = { CallButton };
    static props = { ...standardWidgetProps };
}

registry.category("view_widgets").add("sales_process_call", {
    component: LeadCallButton,
    fieldDependencies: [
        { name: "phone", type: "char" },
        { name: "call_can_originate", type: "boolean" },
    ],
});
