import { crmKanbanView } from "@crm/views/crm_kanban/crm_kanban_view";
import { registry } from "@web/core/registry";
import { CARD_SAVED, ProcessFunnel } from "./process_funnel";

/** The pipeline as crm has it, with the funnel above its columns. */
export const processFunnelView = {
    ...crmKanbanView,
    Controller: class extends crmKanbanView.Controller {
        static template = "sales_process.FunnelKanbanView";
        static components = { ...crmKanbanView.Controller.components, ProcessFunnel };

        /** A card that was dragged is saved, and nothing else tells the funnel. */
        onRecordSaved() {
            super.onRecordSaved(...arguments);
            this.model.bus.trigger(CARD_SAVED);
        }
    },
};

registry.category("views").add("sales_process_funnel", processFunnelView);
