import { registry } from "@web/core/registry";

const CARD = ".o_kanban_record:contains(Late deal)";

registry.category("web_tour.tours").add("sales_process_card", {
    steps: () => [
        { trigger: `${CARD} .o_sales_process_card .o_sales_process_step:contains(Call the customer)` },
        { trigger: `${CARD} .o_sales_process_card .badge:contains(Late)` },
        { trigger: ".o_kanban_record:contains(Plain deal):not(:has(.o_sales_process_card))" },
    ],
});
