import { Component, onWillStart, useState } from "@odoo/owl";
import { formatCurrency } from "@web/core/currency";
import { serializeDate, serializeDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { useSetupAction } from "@web/search/action_hook";
import { ControlPanel } from "@web/search/control_panel/control_panel";
import { formatInteger } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { periods } from "../period/periods";
import { formatSpan } from "../period/span";
import { ProcessMap } from "./process_map";

const { DateTime } = luxon;

/** The map of a chosen process, for a team and a moment. */
export class ProcessMapPage extends Component {
    static template = "sales_process.ProcessMapPage";
    static components = { ControlPanel, ProcessMap };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.last = new KeepLast();
        this.display = { controlPanel: {} };
        const kept = this.props.state?.map || {};
        this.state = useState({
            map: null,
            process_id: kept.process_id ?? this.props.action.params?.process_id ?? 0,
            team_id: kept.team_id ?? 0,
            days: kept.days ?? 90,
            day: kept.day ?? "",
            measure: kept.measure ?? "waited",
        });
        useSetupAction({ getLocalState: () => ({ map: this.chosen }) });
        onWillStart(() => this.start());
    }

    async start() {
        [this.processes, this.teams] = await Promise.all([
            this.orm.searchRead("sales.process", [["state", "!=", "draft"]], ["display_name"], { order: "state, sequence, code, version desc" }),
            this.orm.searchRead("crm.team", [], ["display_name"]),
        ]);
        if (!this.processes.some((process) => process.id === this.state.process_id)) {
            this.state.process_id = this.processes[0]?.id;
        }
        await this.load();
    }

    get chosen() {
        const { process_id, team_id, days, day, measure } = this.state;
        return { process_id, team_id, days, day, measure };
    }

    /** What the server is asked for: the end of the chosen day, in UTC. */
    get filters() {
        const { team_id, days, day } = this.state;
        const as_of = day && DateTime.fromISO(day).endOf("day");
        return { team_id, days, as_of: as_of && as_of.isValid ? serializeDateTime(as_of.startOf("second")) : false };
    }

    async load() {
        if (this.state.process_id) {
            this.state.map = await this.last.add(this.orm.call("sales.process", "get_map", [[this.state.process_id], this.filters]));
        }
    }

    choose(name, value) {
        this.state[name] = value;
        return this.load();
    }

    chooseNumber(name, ev) {
        return this.choose(name, Number(ev.target.value));
    }

    colour(measure) {
        this.state.measure = measure;
    }

    async open(node, late) {
        const args = [[this.state.process_id], node.id, this.filters, late];
        await this.action.doAction(await this.orm.call("sales.process", "action_map_open", args));
    }

    get totals() {
        return this.state.map.totals;
    }

    get today() {
        return serializeDate(DateTime.local());
    }

    periods = periods();

    get measures() {
        return [
            { name: "waited", label: _t("Waiting") },
            { name: "amount", label: _t("Amount") },
            { name: "late", label: _t("Late") },
        ];
    }

    number = (count) => formatInteger(count);
    money = (amount) => formatCurrency(amount, this.state.map.currency_id, { humanReadable: true });
    span = formatSpan;
}

registry.category("actions").add("sales_process.map", ProcessMapPage);
