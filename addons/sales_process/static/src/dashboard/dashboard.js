import { Component, onWillStart, onWillUpdateProps, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { formatCurrency } from "@web/core/currency";
import { deserializeDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { ControlPanel } from "@web/search/control_panel/control_panel";
import { formatFloat, formatInteger } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { teamOfStage } from "../funnel/stage_team";
import { periods } from "../period/periods";
import { formatShare } from "../period/share";
import { formatDays, formatSpan } from "../period/span";

const STORE = "sales_process_dashboard";

/** One tile: asks for its own figures, shows what went wrong as a line, opens its full report. */
export class DashboardTile extends Component {
    static template = "sales_process.DashboardTile";
    static props = {
        name: String,
        title: String,
        asked: String,
        ask: Function,
        open: Function,
        empty: String,
        isEmpty: Function,
        wide: { type: Boolean, optional: true },
        slots: Object,
    };

    setup() {
        this.last = new KeepLast();
        this.state = useState({ status: "waiting", data: null });
        onWillStart(() => {
            this.load(this.props);
        });
        onWillUpdateProps((props) => {
            if (props.asked !== this.props.asked) {
                this.load(props);
            }
        });
    }

    async load(props) {
        try {
            this.state.data = await this.last.add(props.ask());
            this.state.status = props.isEmpty(this.state.data) ? "empty" : "ready";
        } catch {
            this.state.status = "error";
        }
    }
}

/** The leader's page: what stands, moves, comes and waits; a rep sees their own. */
export class SalesDashboard extends Component {
    static template = "sales_process.Dashboard";
    static components = { ControlPanel, DashboardTile };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.answers = {};
        this.state = useState({ days: 90, teamId: false, teams: [], currencyId: false, ...this.readKept() });
        onWillStart(async () => {
            const { teams, currency_id } = await this.orm.call("sales.process.dashboard", "process_dashboard", []);
            const known = teams.some((team) => team.id === this.state.teamId);
            Object.assign(this.state, { teams, currencyId: currency_id, teamId: known && this.state.teamId });
        });
    }

    // Reading

    get asked() {
        return `${this.state.days}/${this.state.teamId}`;
    }

    /** Two tiles of the same figures ask once. */
    ask(tile) {
        const key = `${tile}/${this.asked}`;
        if (!this.answers[key]) {
            const args = [tile, this.state.days, this.state.teamId || null];
            this.answers[key] = this.orm.silent.call("sales.process.dashboard", "process_dashboard_tile", args);
            this.answers[key].catch(() => delete this.answers[key]);
        }
        return this.answers[key];
    }

    readKept() {
        try {
            const { days, teamId } = JSON.parse(browser.localStorage.getItem(STORE));
            return { days: [30, 90, 365].includes(days) ? days : 90, teamId };
        } catch {
            return {};
        }
    }

    choose(values) {
        Object.assign(this.state, values);
        this.answers = {};
        const { days, teamId } = this.state;
        browser.localStorage.setItem(STORE, JSON.stringify({ days, teamId }));
    }

    periods = periods().filter(({ days }) => days);

    isEmpty = {
        funnel: ({ stages, won, lost }) => !won && !lost && stages.every((stage) => !stage.count),
        velocity: ({ won }) => !won,
        dynamics: ({ total }) => !total.won && !total.lost,
        forecast: ({ months, no_month }) => !no_month && months.every((month) => !(month.open || month.renewal || month.then || month.true)),
        deadlines: ({ deadline_kept, deadline_missed, open_now }) => !deadline_kept && !deadline_missed && !open_now,
        bottlenecks: ({ steps }) => !steps.length,
    };

    /** Why there is no speed to tell of, of deals that were won. */
    noVelocity({ won, enough_wins }) {
        return won < enough_wins
            ? _t("%(won)s won: a speed is told from %(enough)s on", { won: this.number(won), enough: this.number(enough_wins) })
            : _t("These were won within an hour of being created: they were only written down");
    }

    velocityHint({ enough_wins }) {
        return _t("Told from %s wins on: of fewer, a single quick deal decides.", this.number(enough_wins));
    }

    // Acting

    /** The full report of a tile, of the same team. */
    open(xmlid, context = {}) {
        const team = this.state.teamId ? { search_default_team_id: this.state.teamId } : {};
        return this.action.doAction(xmlid, { additionalContext: { ...team, ...context } });
    }

    /** The deals behind the funnel: those of everybody it counts, so not by the action that begins with one's own. */
    openDeals(views, domain = []) {
        const team = this.state.teamId ? [["team_id", "=", this.state.teamId]] : [];
        return this.action.doAction({
            type: "ir.actions.act_window",
            name: _t("Pipeline"),
            res_model: "crm.lead",
            views: views.map((view) => [false, view]),
            domain: [["type", "=", "opportunity"], ...team, ...domain],
            context: { default_type: "opportunity" },
        });
    }

    openPipeline() {
        return this.openDeals(["kanban", "list", "form"]);
    }

    openStage(stage) {
        return this.openDeals(["list", "kanban", "form"], [["stage_id", "=", stage.id]]);
    }

    openBottleneck(step) {
        return this.open("sales_process.action_sales_process_bottleneck", { search_default_step_id: step.step_id, search_default_group_step: 0 });
    }

    openLoad(person) {
        return this.open("sales_process.action_open_task_report", { search_default_user_id: person.user_id, search_default_open_now: 1 });
    }

    // Showing

    money = (amount) => formatCurrency(amount, this.state.currencyId, { humanReadable: true });
    number = (count) => formatInteger(count);
    percent = formatShare;
    hours = formatSpan;
    days = formatDays;
    // A day of work has no 24 hours: these are never told in days.
    workingHours = (hours) => _t("%s h", formatFloat(hours, { digits: [0, hours < 10 ? 1 : 0], trailingZeros: false }));

    /** Stages as bars, the longest as wide as the tile. */
    stages({ stages }) {
        const most = Math.max(...stages.map((stage) => stage.amount), 1);
        return stages
            .filter((stage) => stage.count || !stage.fold)
            .map((stage) => ({
                ...stage,
                team: teamOfStage(stage, stages, this.state.teams),
                width: Math.max((stage.amount / most) * 100, stage.count ? 1 : 0),
            }));
    }

    /** Where the money stands still: the stage with the most of it times the days it has been there; none below a day. */
    standstill({ stages }) {
        const weight = (stage) => (stage.is_won || stage.age_median < 1 ? 0 : stage.amount * stage.age_median);
        const worst = stages.reduce((one, other) => (weight(other) > weight(one) ? other : one), stages[0]);
        return worst && weight(worst) > 0 ? worst : null;
    }

    standing({ stages }) {
        return stages.reduce((sum, stage) => sum + (stage.is_won ? 0 : stage.count), 0);
    }

    /** Buckets with the height of their bars in percent. */
    bars({ by, buckets }) {
        const most = Math.max(...buckets.flatMap((one) => [one.won, one.lost]), 1);
        const every = Math.ceil(buckets.length / 6);
        return buckets.map((one, place) => {
            const date = deserializeDate(one.date);
            const label = date.toFormat(by === "date:month" ? "LLL" : "d LLL");
            return {
                ...one,
                label: place % every ? "" : label,
                title: _t("%(date)s: won %(won)s, lost %(lost)s", { date: label, won: this.number(one.won), lost: this.number(one.lost) }),
                wonHeight: (one.won / most) * 100,
                lostHeight: (one.lost / most) * 100,
            };
        });
    }

    months({ months }) {
        const most = Math.max(...months.map((one) => Math.max(one.then, one.true + (one.is_over ? 0 : one.open + one.renewal))), 1);
        const height = (value) => Math.min((Math.max(value, 0) / most) * 100, 100);
        return months.map((one) => ({
            ...one,
            label: deserializeDate(one.date).toFormat("LLL"),
            title: this.monthTitle(one),
            thenHeight: height(one.then),
            trueHeight: height(one.true),
            openHeight: one.is_over ? 0 : height(one.open),
            renewalHeight: one.is_over ? 0 : height(one.renewal),
        }));
    }

    monthTitle(one) {
        const name = deserializeDate(one.date).toFormat("LLLL yyyy");
        const then = _t("forecast %(then)s, came true %(real)s", { then: this.money(one.then), real: this.money(one.true) });
        const coming = _t("still expected %(open)s, renewals %(renewals)s", { open: this.money(one.open), renewals: this.money(one.renewal) });
        return `${name}: ${one.is_over ? then : one.then || one.true ? `${then}, ${coming}` : coming}`;
    }

    coming({ months }) {
        return months.filter((one) => !one.is_over).reduce((sum, one) => sum + one.open + one.renewal, 0);
    }

    /** How a figure changed against the period before, in words a screen reader can say. */
    change(total, before) {
        if (!before) {
            return null;
        }
        const share = (total - before) / before;
        const up = share >= 0;
        return { up, text: `${up ? "+" : "−"}${this.percent(Math.abs(share))}` };
    }

    kept({ deadline_kept, deadline_missed }) {
        const all = deadline_kept + deadline_missed;
        return all ? deadline_kept / all : null;
    }

    busiest({ load }) {
        const most = Math.max(...load.map((one) => one.open), 1);
        return load.map((one) => ({ ...one, width: ((one.open - one.late) / most) * 100, lateWidth: (one.late / most) * 100 }));
    }
}

registry.category("actions").add("sales_process.dashboard", SalesDashboard);
