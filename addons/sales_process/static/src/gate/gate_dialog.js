import { Component, onWillStart, useState } from "@odoo/owl";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { user } from "@web/core/user";
import { useService } from "@web/core/utils/hooks";
import { RecordPart } from "@sales_process/task_form/task_part";

/** What a lead lacks to enter a stage: just these fields, saved together with the stage. */
export class GateDialog extends Component {
    static template = "sales_process.GateDialog";
    static components = { Dialog, RecordPart };
    static props = { leadId: Number, stageId: Number, gate: Object, changes: Object, onMoved: Function, close: Function };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ reason: "", override: false, busy: false, isLeader: false });
        this.title = _t("Still missing");
        onWillStart(async () => {
            this.state.isLeader = await user.hasGroup("sales_process.group_leader");
        });
    }

    get part() {
        return this.props.gate.part;
    }

    /** What no field can mend: a step to be done, a paper to come. */
    get others() {
        const labels = this.part ? Object.values(this.part.fields).map((field) => field.string) : [];
        return this.props.gate.missing.filter((text) => !labels.includes(text));
    }

    async run(save) {
        this.state.busy = true;
        try {
            await save();
            this.props.close();
            await this.props.onMoved();
        } finally {
            this.state.busy = false;
        }
    }

    onSave() {
        return this.run(async () => {
            const changes = this.record ? await this.record.getChanges() : {};
            await this.orm.write("crm.lead", [this.props.leadId], {
                ...this.props.changes, ...changes, stage_id: this.props.stageId,
            });
        });
    }

    onOverride() {
        const { leadId, stageId, changes } = this.props;
        return this.run(async () => {
            if (Object.keys(changes).length) {
                await this.orm.write("crm.lead", [leadId], changes);
            }
            await this.orm.call("crm.lead", "process_move", [[leadId], stageId, this.state.reason]);
        });
    }
}
