import { registry } from "@web/core/registry";

const NODES = ".o_sales_process_map .o_map_node";

/** Boxes of the drawing, as the screen has them. */
function boxes() {
    return [...document.querySelectorAll(`${NODES} .o_shape`)].map((shape) => shape.getBoundingClientRect());
}

function check(right, what) {
    if (!right) {
        throw new Error(what);
    }
}

registry.category("web_tour.tours").add("sales_process_map", {
    steps: () => [
        { trigger: ".o_map_process:has(option:contains(Long way))", run: "selectByLabel Long way v1" },
        {
            content: "60 steps, none upon another, in letters that can be read",
            trigger: `${NODES}[data-code=s59]`,
            run() {
                const all = boxes();
                check(all.length === 60, `${all.length} steps are drawn`);
                for (const [index, a] of all.entries()) {
                    for (const b of all.slice(index + 1)) {
                        const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
                        check(apart, "two steps stand upon one another");
                    }
                }
                const name = document.querySelector(`${NODES} .o_name`);
                const size = parseFloat(getComputedStyle(name).fontSize) * name.getScreenCTM().a;
                check(size >= 9, `letters of ${size} pixels`);
                check(!document.querySelector(".o_edge[d*=NaN]"), "an arrow leads nowhere");
            },
        },
        { trigger: ".o_map_zoom_in", run: "click" },
        { trigger: ".o_map_fit", run: "click" },
        { trigger: ".o_map_process", run: "selectByLabel New business v1" },
        { trigger: `${NODES}[data-code=call_customer] .o_count:contains(3)` },
        { trigger: `${NODES}[data-code=call_customer][aria-label*='Deals here: 3']` },
        { trigger: ".o_map_by_late", run: "click" },
        { trigger: `${NODES}[data-code=call_customer].o_heat_0` },
        { trigger: ".o_map_by_amount", run: "click" },
        { trigger: `${NODES}[data-code=call_customer].o_heat_4` },
        {
            content: "keys go from step to step",
            trigger: `${NODES}[data-code=call_customer]`,
            run() {
                this.anchor.focus();
                this.anchor.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
                check(document.activeElement.dataset.code !== "call_customer", "the arrow key leads nowhere");
                const back = new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true });
                document.activeElement.dispatchEvent(back);
                check(document.activeElement === this.anchor, "the way back leads elsewhere");
            },
        },
        { trigger: ".o_map_text b:contains(Call the customer)" },
        {
            content: "Enter opens what stands there",
            trigger: `${NODES}[data-code=call_customer]:focus`,
            run() {
                this.anchor.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
            },
        },
        { trigger: ".o_list_view .o_data_row:contains(Mapped 1)" },
        { trigger: ".o_back_button, .breadcrumb-item a:contains(Process Map)", run: "click" },
        { trigger: `${NODES}[data-code=call_customer].o_heat_4` },
    ],
});
