import { Component, useState } from "@odoo/owl";
import { Dialog } from "@web/core/dialog/dialog";
import { Dropdown } from "@web/core/dropdown/dropdown";
import { DropdownItem } from "@web/core/dropdown/dropdown_item";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

/** A letter as the customer would get it, and one button that sends it. */
export class LetterDialog extends Component {
    static template = "sales_process.LetterDialog";
    static components = { Dialog };
    static props = { leadId: Number, letter: Object, preview: Object, onSent: Function, close: Function };

    setup() {
        this.orm = useService("orm");
        this.notification = useService("notification");
        this.state = useState({ busy: false });
        // One key a dialog: however often the button is hit, or the request repeated, one letter goes.
        this.key = crypto.randomUUID?.() || `${Date.now()}-${Math.random()}`;
    }

    async send() {
        if (this.state.busy) {
            return;
        }
        this.state.busy = true;
        try {
            const { leadId, letter, preview } = this.props;
            await this.orm.call("crm.lead", "process_send_letter", [[leadId], letter.id, this.key]);
            this.notification.add(_t("“%(letter)s” is on its way to %(to)s.", { letter: letter.name, to: preview.to }), {
                type: "success",
            });
            this.props.close();
            await this.props.onSent();
        } finally {
            this.state.busy = false;
        }
    }
}

/** The standard letters that fit a lead as it stands; what stands against sending is said first. */
export class LetterMenu extends Component {
    static template = "sales_process.LetterMenu";
    static components = { Dropdown, DropdownItem };
    static props = { leadId: Number, onSent: { type: Function, optional: true } };

    setup() {
        this.orm = useService("orm");
        this.dialog = useService("dialog");
        this.state = useState({ problem: "", letters: [] });
    }

    async load() {
        Object.assign(this.state, await this.orm.call("crm.lead", "process_letters", [[this.props.leadId]]));
    }

    async open(letter) {
        const { leadId } = this.props;
        const preview = await this.orm.call("crm.lead", "process_letter_preview", [[leadId], letter.id]);
        this.dialog.add(LetterDialog, { leadId, letter, preview, onSent: async () => this.props.onSent?.() });
    }
}

/** The same on the form of a lead. */
export class LeadLetterMenu extends Component {
    static template = "sales_process.LeadLetterMenu";
    static components = { LetterMenu };
    static props = { ...standardWidgetProps };

    async onSent() {
        await this.props.record.load();
    }
}

registry.category("view_widgets").add("sales_process_letters", { component: LeadLetterMenu });
