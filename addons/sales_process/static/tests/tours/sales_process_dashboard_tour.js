import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("sales_process_dashboard", {
    steps: () => [
        { trigger: ".o_dashboard_tile[name=funnel] .o_dashboard_stage" },
        { content: "where the money stands still", trigger: ".o_dashboard_tile[name=funnel] .o_dashboard_still:contains(100):contains(12 d)" },
        { content: "and since when", trigger: ".o_dashboard_tile[name=funnel] .o_dashboard_age.text-danger:contains(12 d)" },
        { trigger: ".o_dashboard_tile[name=forecast]" },
        { trigger: "button[name=days_30]", run: "click" },
        { trigger: "button[name=days_30].active" },
        { trigger: ".o_sales_process_dashboard:not(:has(.placeholder))" },
        { trigger: "select[name=team]" },
        { trigger: ".o_dashboard_tile[name=forecast] .o_dashboard_title", run: "click" },
        { trigger: ".o_graph_renderer, .o_graph_view" },
        { trigger: ".breadcrumb-item:contains(Sales Dashboard), .o_back_button", run: "click" },
        { trigger: ".o_dashboard_tile[name=funnel] .o_dashboard_stage" },
    ],
});
