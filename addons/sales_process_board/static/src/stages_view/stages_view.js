import { Component } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { Layout } from "@web/search/layout";
import { kanbanView } from "@web/views/kanban/kanban_view";
import { standardViewProps } from "@web/views/standard_view_props";
import { StagesNow } from "@sales_process/stages_now/stages_now";

/** Deals by stage as a view, so that it finds its place on a dashboard, with a search of its own. */
export class StagesController extends Component {
    static template = "sales_process_board.StagesView";
    static components = { Layout, StagesNow };
    static props = {
        ...standardViewProps,
        "*": true,
    };
}

registry.category("views").add("sales_process_stages", { ...kanbanView, Controller: StagesController });
