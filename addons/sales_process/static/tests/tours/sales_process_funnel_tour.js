import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("sales_process_funnel", {
    steps: () => [
        { trigger: ".o_kanban_record:contains(Deal 1)" },
        { trigger: ".o_sales_process_funnel .o_funnel_stage:first b:contains(3)" },
        { trigger: ".o_sales_process_funnel .o_funnel_stage:first .o_amount" },
        { trigger: ".o_funnel_stage:eq(1)", run: "click" },
        { trigger: ".o_searchview_facet:contains(Stage)" },
        { trigger: ".o_funnel_stage.o_active:eq(0) .o_name" },
        { trigger: ".o_funnel_stage:eq(0) b:contains(3)" },
        { trigger: ".o_funnel_stage.o_active:eq(0)", run: "click" },
        { trigger: ".o_searchview:not(:has(.o_searchview_facet:contains(Stage)))" },
        { trigger: ".o_kanban_record:contains(Deal 1)" },
        { trigger: ".o_funnel_team", run: "selectByLabel Funnel North" },
        { trigger: ".o_searchview_facet:contains(Team: Funnel North)" },
        { trigger: ".o_funnel_team", run: "selectByLabel All teams" },
        { trigger: ".o_searchview:not(:has(.o_searchview_facet:contains(Team)))" },
        { trigger: ".o_kanban_record:contains(Deal 1)" },
        { trigger: ".o_funnel_fold", run: "click" },
        { trigger: ".o_sales_process_funnel:not(:has(.o_funnel_stage))" },
        { trigger: ".o_funnel_fold", run: "click" },
        { trigger: ".o_funnel_stage" },
    ],
});
