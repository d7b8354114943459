import { registry } from "@web/core/registry";

/** A rep works from the start page: the first task, answered, is gone from it. */
registry.category("web_tour.tours").add("sales_process_what_now", {
    steps: () => [
        { content: "only what is theirs", trigger: ".o_sales_process_now:not(:contains('Not mine'))" },
        { content: "no team to look at", trigger: ".o_sales_process_now:not(:has(.o_sales_process_now_scopes))" },
        { content: "why it is there", trigger: ".o_sales_process_now_task:contains('Tina Tour'):contains('late')" },
        { content: "a number to call", trigger: ".o_sales_process_now_task a[href='tel:+4930555']" },
        { content: "open it", trigger: ".o_sales_process_now_task:contains('Tina Tour') .o_sales_process_now_open", run: "click" },
        { content: "not reached", trigger: ".modal .o_sales_process_task button[name=not_reached]", run: "click" },
        { content: "it is gone, whether or not the next call is still today", trigger: "body:not(:has(.modal)) .o_sales_process_now:not(:has(.o_sales_process_now_task))" },
    ],
});

/** A leader hands over what is nobody's, all at once. */
registry.category("web_tour.tours").add("sales_process_what_now_team", {
    steps: () => [
        { content: "the team's", trigger: ".o_sales_process_now_scopes button[name=team]", run: "click" },
        { content: "what is nobody's", trigger: ".card[name=unassigned] .o_sales_process_now_task:contains('Orphan')" },
        { content: "choose all", trigger: ".card[name=unassigned] .card-header button", run: "click" },
        { content: "two are chosen", trigger: ".o_sales_process_now_bar b:contains('2')" },
        { content: "hand over", trigger: ".o_sales_process_now_bar button[name=hand_over]", run: "click" },
        { content: "to whom", trigger: ".modal .o_field_widget[name=user_id] input", run: "edit Carl" },
        { content: "choose", trigger: ".o-autocomplete--dropdown-item:contains('Carl Colleague')", run: "click" },
        { content: "the deals as well", trigger: ".modal .o_field_widget[name=with_lead] input:checked" },
        { content: "confirm", trigger: ".modal button[name=action_reassign]", run: "click" },
        { content: "they have somebody", trigger: "body:not(:has(.modal)) .o_sales_process_now:not(:has(.card[name=unassigned]))" },
    ],
});

/** With nothing due a page says what begins later, and leads there. */
registry.category("web_tour.tours").add("sales_process_what_now_later", {
    steps: () => [
        { content: "one begins later", trigger: ".o_sales_process_now_empty [name=later] b:contains('1')" },
        { content: "no team to look at", trigger: ".o_sales_process_now_empty:not(:has(button[name=to_team]))" },
        { content: "look at it", trigger: "button[name=to_later]", run: "click" },
        { trigger: ".o_list_view .o_data_row:contains('Request 0'), .o_kanban_view .o_kanban_record:contains('Request 0')" },
    ],
});
