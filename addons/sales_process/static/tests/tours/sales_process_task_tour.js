import { registry } from "@web/core/registry";

/** A rep opens their tasks and says that the customer could not be reached. */
registry.category("web_tour.tours").add("sales_process_task_not_reached", {
    steps: () => [
        { content: "open the call", trigger: ".o_data_row:contains('Tour request') td[name=step_id]", run: "click" },
        { content: "the customer stands on top", trigger: ".o_sales_process_task h2:contains('Tina Tour')" },
        { content: "a number to call", trigger: ".o_sales_process_task a[href='tel:+4930555']" },
        { content: "say more", trigger: ".o_sales_process_task textarea", run: "edit Nobody picked up" },
        { content: "not reached", trigger: ".o_sales_process_task button[name=not_reached]", run: "click" },
        { content: "the dialog is closed", trigger: "body:not(:has(.modal)) .o_list_view" },
        { content: "and it was told", trigger: ".o_notification:contains('Not reached')" },
        { content: "with what comes next", trigger: ".o_notification:contains('Next: Call the customer')" },
    ],
});

/** What an outcome needs is asked for in the form, and what follows at once in the same dialog. */
registry.category("web_tour.tours").add("sales_process_task_reached", {
    steps: () => [
        { content: "open the call", trigger: ".o_data_row:contains('Tour request') td[name=step_id]", run: "click" },
        { content: "reached", trigger: ".o_sales_process_task button[name=reached]", run: "click" },
        { content: "the result is asked for at once", trigger: ".o_sales_process_task_name:contains('Result of the contact')" },
        { content: "forward without the fields", trigger: ".o_sales_process_task button[name=interested]", run: "click" },
        { content: "what is missing is named", trigger: ".o_notification:contains('Expected Revenue')" },
        { content: "the customer refuses", trigger: ".o_sales_process_task button[name=refused]", run: "click" },
        { content: "a reason is needed", trigger: ".o_sales_process_task button[name=confirm]:disabled" },
        { content: "choose one", trigger: ".o_sales_process_task select", run: "selectByIndex 1" },
        { content: "confirm", trigger: ".o_sales_process_task button[name=confirm]:enabled", run: "click" },
        { content: "done", trigger: "body:not(:has(.modal)) .o_list_view" },
    ],
});

/** On a page of its own a task reads from the top down: its fields, a comment, the buttons. */
registry.category("web_tour.tours").add("sales_process_task_page", {
    steps: () => [
        { content: "the fields are there", trigger: ".o_sales_process_part .o_field_widget[name=expected_revenue]" },
        {
            content: "nothing is pushed below the buttons",
            trigger: ".o_sales_process_task_comment",
            run({ anchor }) {
                const buttons = document.querySelector(".o_sales_process_task_outcomes");
                if (anchor.getBoundingClientRect().bottom > buttons.getBoundingClientRect().top + 1) {
                    throw new Error("The comment stands below the buttons.");
                }
            },
        },
    ],
});

/** A gate keeps a lead out of a stage: what is missing is asked for, and the lead moves. */
registry.category("web_tour.tours").add("sales_process_gate", {
    steps: () => [
        {
            content: "move to the stage of the proposals, folded away or not",
            trigger: ".o_form_view .o_statusbar_status",
            run: () =>
                [...document.querySelectorAll(".o_arrow_button")]
                    .find((button) => button.textContent.includes("Stage of proposals"))
                    .click(),
        },
        { content: "what is missing", trigger: ".modal .o_field_widget[name=expected_revenue] input", run: "edit 1200" },
        { content: "save and move", trigger: ".modal button[name=save]", run: "click" },
        { content: "moved", trigger: "body:not(:has(.modal)) .o_sales_process_box:contains('Make the proposal')" },
    ],
});

/** A leader sends a proposal back: with a word, and without a reason of the customer's. */
registry.category("web_tour.tours").add("sales_process_approval_returned", {
    steps: () => [
        { content: "what is asked", trigger: ".o_sales_process_task_judged:contains('Amount')" },
        { content: "back", trigger: ".o_sales_process_task button[name=refused]:contains('Return for changes')", run: "click" },
        { content: "a word is needed", trigger: ".o_sales_process_task_ask button[name=confirm]:disabled" },
        { content: "and no reason of the customer's", trigger: ".o_sales_process_task_ask:not(:has(select))" },
        { content: "say it", trigger: ".o_sales_process_task textarea", run: "edit Add the second year" },
        { content: "confirm", trigger: ".o_sales_process_task_ask button[name=confirm]:enabled", run: "click" },
        { content: "done", trigger: ".o_sales_process_task .badge:contains('Done'), .o_notification:contains('Return for changes')" },
    ],
});
