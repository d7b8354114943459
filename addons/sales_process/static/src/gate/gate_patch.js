import { RPCError } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";
import { Record } from "@web/model/relational_model/record";
import { GateDialog } from "./gate_dialog";

/**
 * A lead that a gate keeps out of a stage: the server's refusal becomes a dialog that asks for what
 * is missing, on the board, in the form and in the list alike.
 */
patch(Record.prototype, {
    async _save(options = {}) {
        const stage = this.resModel === "crm.lead" && this.resId && this._getChanges().stage_id;
        if (!stage) {
            return super._save(...arguments);
        }
        const asked = async (error) => (isRefusal(error) ? askForMissing(this, stage) : false);
        const { onError } = options;
        try {
            return await super._save({
                ...options,
                onError: async (error, tools) => {
                    if (await asked(error)) {
                        tools.discard();
                        return false;
                    }
                    if (onError) {
                        return onError(error, tools);
                    }
                    if (!this.isInEdition) {
                        await this._load({});
                    }
                    throw error;
                },
            });
        } catch (error) {
            this._changes.stage_id && (await this._discard());
            throw error;
        }
    },
});

function isRefusal(error) {
    return error instanceof RPCError && error.exceptionName === "odoo.exceptions.ValidationError";
}

/** @returns {Promise<boolean>} whether it was a gate, and the dialog is open */
async function askForMissing(record, stageId) {
    const gate = await record.model.orm.call("crm.lead", "process_get_gate", [[record.resId], stageId]);
    if (!gate) {
        return false;
    }
    record.model.dialog.add(GateDialog, {
        leadId: record.resId,
        stageId,
        gate,
        onMoved: () => record.model.load(),
    });
    return true;
}
