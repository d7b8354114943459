import { Component, onMounted, onWillUpdateProps, useState } from "@odoo/owl";
import { formatCurrency } from "@web/core/currency";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { formatInteger } from "@web/views/fields/formatters";
import { readTeamsOf, teamOfStage } from "../funnel/stage_team";

/** Deals by stage now: how many stand where, and what they are worth. Reads after the page is there. */
export class StagesNow extends Component {
    static template = "sales_process.StagesNow";
    static props = { domain: Array, context: { type: Object, optional: true } };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.last = new KeepLast();
        this.state = useState({ status: "waiting", stages: [], teams: [], currencyId: false });
        onMounted(() => {
            this.load(this.props);
        });
        onWillUpdateProps((props) => {
            if (JSON.stringify(props.domain) !== JSON.stringify(this.props.domain)) {
                this.load(props);
            }
        });
    }

    async load({ domain, context }) {
        try {
            const asked = this.orm.silent.call("crm.lead", "process_stages_now", [domain], { context: context || {} });
            const { stages, currency_id } = await this.last.add(asked);
            const teams = await this.last.add(readTeamsOf(stages, this.orm));
            Object.assign(this.state, { stages, teams, currencyId: currency_id, status: "ready" });
        } catch {
            this.state.status = "error";
        }
    }

    money = (amount) => formatCurrency(amount, this.state.currencyId, { humanReadable: true });
    number = (count) => formatInteger(count);

    get isEmpty() {
        return this.state.stages.every((stage) => !stage.count);
    }

    /** Stages with the width of their bar, the longest as wide as there is room. */
    get drawn() {
        const most = Math.max(...this.state.stages.map((stage) => stage.count), 1);
        const { stages, teams } = this.state;
        return stages.map((stage) => ({ ...stage, team: teamOfStage(stage, stages, teams), width: (stage.count / most) * 100 }));
    }

    open(stage) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            name: stage.name,
            res_model: "crm.lead",
            views: [[false, "list"], [false, "kanban"], [false, "form"]],
            domain: [...this.props.domain, ["won_status", "=", "pending"], ["stage_id", "=", stage.id]],
        });
    }
}
