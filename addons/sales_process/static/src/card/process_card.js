import { Component, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { useRecordObserver } from "@web/model/relational_model/utils";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

const FIELDS = [
    "process_state",
    "process_step_now",
    "process_is_late",
    "process_is_failed",
    "speed_grade",
    "speed_is_running",
    "speed_text",
    "speed_detail",
];
const COLORS = { good: "success", hurry: "warning", missed: "danger" };

/** Reads what all cards of a board ask for in one go. */
export const processCardsService = {
    dependencies: ["orm"],
    start(_env, { orm }) {
        let waiting = null;

        async function read(ids) {
            await new Promise((resolve) => browser.setTimeout(resolve));
            waiting = null;
            const rows = await orm.silent.read("crm.lead", [...ids], FIELDS);
            return new Map(rows.map((row) => [row.id, row]));
        }

        return {
            ask(id) {
                if (!waiting) {
                    const ids = new Set();
                    waiting = { ids, rows: read(ids) };
                }
                waiting.ids.add(id);
                return waiting.rows.then((rows) => rows.get(id));
            },
        };
    },
};

registry.category("services").add("sales_process_cards", processCardsService);

/** Where a deal stands in its process, on its card: read after the board is there, and never in its way. */
export class ProcessCard extends Component {
    static template = "sales_process.ProcessCard";
    static props = { ...standardWidgetProps };

    setup() {
        this.cards = useService("sales_process_cards");
        this.last = new KeepLast();
        this.state = useState({ card: null });
        useRecordObserver((record) => {
            // Looked at, so that a deal that changes is asked for again.
            if (record.data && record.resId && !record.model.useSampleModel) {
                this.load(record.resId);
            }
        });
    }

    async load(id) {
        try {
            this.state.card = (await this.last.add(this.cards.ask(id))) || null;
        } catch {
            this.state.card = null;
        }
    }

    get card() {
        const { card } = this.state;
        return card && ["running", "paused"].includes(card.process_state) ? card : null;
    }

    get isMarked() {
        return this.card.process_is_failed || this.card.process_is_late || this.card.process_state === "paused";
    }

    get speedClass() {
        const color = COLORS[this.card.speed_grade];
        const look = this.card.speed_is_running ? `badge text-bg-${color}` : `small text-${color}`;
        return this.isMarked ? look : `${look} ms-auto`;
    }
}

registry.category("view_widgets").add("sales_process_card", { component: ProcessCard });
