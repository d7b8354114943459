import { registry } from "@web/core/registry";

const ROW = ".o_sales_process_ways .o_way";

registry.category("web_tour.tours").add("sales_process_ways", {
    steps: () => [
        { trigger: ".o_ways_process", run: "selectByLabel New business" },
        { trigger: `${ROW} .o_way_count b:contains(2)` },
        { trigger: `${ROW}:has(.o_loop_begin) .o_hop:contains(Call the customer)` },
        { trigger: `${ROW} .o_hop.o_skipped:contains(Complete the lead)` },
        { trigger: ".o_ways_outcomes", run: "click" },
        { trigger: `${ROW} .o_outcome:contains(Not reached)` },
        { trigger: ".o_ways_result", run: "selectByLabel Won" },
        { trigger: ".o_sales_process_ways .o_view_nocontent" },
        { trigger: ".o_ways_result", run: "selectByLabel Won and lost" },
        { trigger: ".o_ways_outcomes", run: "click" },
        { trigger: `${ROW}:has(.o_loop_begin)`, run: "click" },
        { trigger: ".o_list_view .o_data_row:contains(Thrice)" },
        { trigger: ".o_back_button, .breadcrumb-item a:contains(Ways of Deals)", run: "click" },
        { trigger: `${ROW}:has(.o_loop_begin)` },
    ],
});

registry.category("web_tour.tours").add("sales_process_ways_at_work", {
    steps: () => [
        { trigger: ".o_ways_process", run: "selectByLabel New business" },
        { trigger: `${ROW} .o_hop:contains(Call the customer)` },
        { trigger: ".o_ways_result:has(option[value=all]:checked)" },
        { content: "why not those that have ended", trigger: ".o_ways_none_ended" },
        { trigger: ".o_ways_result", run: "selectByLabel Won" },
        { content: "what to do about an empty page", trigger: ".o_view_nocontent button[name=all_deals]", run: "click" },
        { trigger: `.o_sales_process_ways:not(:has(.o_ways_none_ended)) .o_way .o_hop:contains(Call the customer)` },
        { trigger: ".o_ways_result:has(option[value=all]:checked)" },
    ],
});
