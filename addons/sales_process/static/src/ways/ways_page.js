import { Component, onWillStart, useState } from "@odoo/owl";
import { formatCurrency } from "@web/core/currency";
import { serializeDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { download } from "@web/core/network/download";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { useSetupAction } from "@web/search/action_hook";
import { ControlPanel } from "@web/search/control_panel/control_panel";
import { formatInteger } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { periods } from "../period/periods";
import { formatShare } from "../period/share";
import { formatSpan } from "../period/span";

const { DateTime } = luxon;
const CHOSEN = { code: "", version_id: 0, team_id: 0, days: 365, result: "ended", outcomes: false, automatic: false };
const NUMBERS = ["version_id", "team_id", "days"];

/** The ways that deals really took, the most frequent first; a click opens those that took one. */
export class WaysPage extends Component {
    static template = "sales_process.WaysPage";
    static components = { ControlPanel };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.last = new KeepLast();
        this.display = { controlPanel: {} };
        this.state = useState({ ...CHOSEN, ...this.props.state?.ways, found: null, isNoneEnded: false });
        useSetupAction({ getLocalState: () => ({ ways: this.chosen }) });
        onWillStart(() => this.start());
    }

    async start() {
        [this.versions, this.teams, this.mayExport] = await Promise.all([
            this.orm.searchRead("sales.process", [["state", "!=", "draft"]], ["code", "name", "version"], { order: "state, sequence, code, version desc" }),
            this.orm.searchRead("crm.team", [], ["display_name"]),
            user.hasGroup("base.group_allow_export"),
        ]);
        this.processes = Object.values(Object.fromEntries([...this.versions].reverse().map((one) => [one.code, one]))).reverse();
        if (!this.processes.some((process) => process.code === this.state.code)) {
            this.state.code = this.processes[0]?.code || "";
        }
        await (this.props.state?.ways ? this.load() : this.loadEnded());
    }

    /** Where nothing has ended yet, the ways of deals at work say more than an empty page. */
    async loadEnded() {
        Object.assign(this.state, { result: "ended", isNoneEnded: false });
        await this.load();
        if (!this.ways.length) {
            this.state.result = "all";
            await this.load();
            this.state.isNoneEnded = true;
        }
    }

    get chosen() {
        return Object.fromEntries(Object.keys(CHOSEN).map((name) => [name, this.state[name]]));
    }

    get filters() {
        const { days, ...filters } = this.chosen;
        delete filters.code;
        return { ...filters, date_from: days ? serializeDate(DateTime.local().minus({ days: days - 1 })) : false };
    }

    async load() {
        if (this.state.code) {
            this.state.found = await this.last.add(this.orm.call("sales.process", "process_ways", [this.state.code, this.filters]));
        }
    }

    choose(name, ev) {
        const { value } = ev.target;
        this.state[name] = NUMBERS.includes(name) ? Number(value) : value;
        if (name === "code") {
            this.state.version_id = 0;
        }
        if (this.state.isNoneEnded && name !== "result") {
            return this.loadEnded();
        }
        this.state.isNoneEnded = false;
        return this.load();
    }

    /** Whether something is left out by what is chosen: then an empty page is no wonder. */
    get isNarrow() {
        const { result, days, team_id, version_id } = this.state;
        return Boolean(this.processes.length && (result !== "all" || days || team_id || version_id));
    }

    showAll() {
        Object.assign(this.state, { result: "all", days: 0, team_id: 0, version_id: 0, isNoneEnded: false });
        return this.load();
    }

    toggle(name) {
        this.state[name] = !this.state[name];
        return this.load();
    }

    async open(way) {
        const action = await this.orm.call("sales.process", "action_ways_open", [way.key, this.filters]);
        await this.action.doAction(action);
    }

    async export(kind) {
        await download({
            url: `/sales_process/events.${kind}`,
            data: {
                code: this.state.code,
                filters: JSON.stringify(this.filters),
                company_ids: user.activeCompanies.map((company) => company.id).join(","),
            },
        });
    }

    // Showing

    get ways() {
        return this.state.found?.ways || [];
    }

    get total() {
        return this.state.found.total;
    }

    get ownVersions() {
        return this.versions.filter((version) => version.code === this.state.code);
    }

    periods = periods();

    get results() {
        return [
            { name: "ended", label: _t("Won and lost") },
            { name: "won", label: _t("Won") },
            { name: "lost", label: _t("Lost") },
            { name: "open", label: _t("Open") },
            { name: "all", label: _t("All deals") },
        ];
    }

    /** The visits of a way with the brackets of what was repeated. */
    hops(way) {
        return way.hops.map((hop, place) => ({
            ...hop,
            begins: way.loops.filter(([begin]) => begin === place).length,
            ends: way.loops.filter(([begin, length]) => begin + length - 1 === place).length,
        }));
    }

    brackets(count) {
        return Array.from({ length: count }, (_one, place) => place);
    }

    /** A way in one sentence, for those who hear the screen. */
    label(way) {
        const said = this.hops(way).map((hop) => {
            const words = [hop.name, hop.outcome, hop.skipped && _t("skipped"), hop.begins && _t("repeated from here"), hop.ends && _t("repeated up to here")];
            return words.filter(Boolean).join(", ");
        });
        const deals = _t("%s deals", this.number(way.count));
        const won = _t("won: %s", this.percent(way.win_rate));
        return `${deals}, ${won}. ${said.join("; ")}`;
    }

    percent = formatShare;

    tone(way) {
        if (way.win_rate === false || this.total.win_rate === false) {
            return "";
        }
        const difference = way.win_rate - this.total.win_rate;
        return difference > 0.05 ? "text-success" : difference < -0.05 ? "text-danger" : "";
    }

    number = (count) => formatInteger(count);
    money = (amount) => formatCurrency(amount, this.state.found.currency_id, { humanReadable: true });
    span = (hours) => (hours === false ? "–" : formatSpan(hours));
}

registry.category("actions").add("sales_process.ways", WaysPage);
