import { markRaw } from "@odoo/owl";
import { registry } from "@web/core/registry";
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
        return super._save({ ...options, onError: (error, tools) => onRefused(this, stage, error, tools, options.onError) });
    },
});

async function onRefused(record, stageId, error, tools, onError) {
    if (isRefusal(error) && (await askForMissing(record, stageId))) {
        if (record.isInEdition) {
            return false;
        }
        // a board puts its card back only when saving fails; the dialog has said why
        error.isProcessGate = true;
        throw error;
    }
    if (onError) {
        return onError(error, tools);
    }
    if (!record.isInEdition) {
        await record._load({});
    }
    throw error;
}

function isRefusal(error) {
    return error instanceof RPCError && error.exceptionName === "odoo.exceptions.ValidationError";
}

/** @returns {Promise<boolean>} whether it was a gate, and the dialog is open */
async function askForMissing(record, stageId) {
    const gate = await record.model.orm.call("crm.lead", "process_get_gate", [[record.resId], stageId]);
    if (!gate) {
        return false;
    }
    const changes = record._getChanges();
    delete changes.stage_id;
    forgetStage(record);
    record.model.dialog.add(GateDialog, {
        leadId: record.resId,
        stageId,
        gate,
        changes,
        onMoved: () => record.model.load(),
    });
    return true;
}

/** The lead shows the stage it is in again; whatever else was changed in the form stays. */
function forgetStage(record) {
    const rest = { ...record._changes };
    delete rest.stage_id;
    record._changes = markRaw(rest);
    record.data = { ...record._values, ...record._changes };
    record.dirty = Object.keys(rest).length > 0;
    record._setEvalContext();
}

registry.category("error_handlers").add(
    "sales_process_gate",
    (env, error, originalError) => {
        if (originalError?.isProcessGate) {
            error.unhandledRejectionEvent?.preventDefault();
            return true;
        }
    },
    { sequence: 50 }
);
