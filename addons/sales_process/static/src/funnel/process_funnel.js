import { Component, onMounted, onWillUnmount, onWillUpdateProps, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { formatCurrency } from "@web/core/currency";
import { serializeDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { user } from "@web/core/user";
import { KeepLast } from "@web/core/utils/concurrency";
import { useBus, useService } from "@web/core/utils/hooks";
import { effect } from "@web/core/utils/reactive";
import { useDebounced } from "@web/core/utils/timing";
import { formatInteger } from "@web/views/fields/formatters";
import { periods } from "../period/periods";
import { formatShare } from "../period/share";
import { formatDays } from "../period/span";
import { teamOfStage } from "./stage_team";

const { DateTime } = luxon;
const STORE = "sales_process_funnel";
const RELOAD_AFTER = 500;
export const CARD_SAVED = "sales-process-card-saved";

/** The funnel above the board: reads after the cards are there, and never stands in their way. */
export class ProcessFunnel extends Component {
    static template = "sales_process.Funnel";
    static props = { model: Object, domain: Array, context: Object };

    setup() {
        this.orm = useService("orm");
        this.last = new KeepLast();
        const kept = this.readKept();
        this.state = useState({
            status: "waiting",
            isStale: false,
            stages: [],
            totals: {},
            teams: [],
            days: kept.days ?? 90,
            measure: kept.measure ?? "count",
            folded: this.env.isSmall ? true : kept.folded ?? false,
        });
        this.reloadSoon = useDebounced(() => this.load(), RELOAD_AFTER);
        useBus(this.props.model.bus, "update", () => this.onUpdate());
        useBus(this.props.model.bus, CARD_SAVED, () => this.reloadSoon());
        onMounted(() => {
            this.alive = true;
            this.load();
            this.watchCards();
            this.loadTeams();
        });
        onWillUpdateProps(({ domain }) => {
            // Until they are there, figures of what was chosen before do not pass for those of this.
            this.state.isStale ||= JSON.stringify(domain) !== JSON.stringify(this.props.domain);
            this.reloadSoon();
        });
        onWillUnmount(() => (this.alive = false));
    }

    // Reading

    onUpdate() {
        this.watchCards();
        this.reloadSoon();
    }

    /** Cards that are made, archived or deleted change the count of their column, and tell nobody. */
    watchCards() {
        const { root } = this.props.model;
        if (this.watched === root || !root.groups) {
            return;
        }
        this.watched = root;
        let known;
        effect(
            ({ groups }) => {
                const counts = groups.map((group) => group.count).join();
                if (known !== undefined && known !== counts) {
                    this.reloadSoon();
                }
                known = counts;
            },
            [root]
        );
    }

    /** Figures of the board's own leads; what goes wrong is a line of text, the board goes on. */
    async load(props = this.props) {
        if (this.state.folded || !this.alive) {
            return;
        }
        try {
            const { stages, ...totals } = await this.last.add(this.ask(props));
            Object.assign(this.state, { stages, totals, status: "ready", isStale: false });
            this.showSought();
        } catch {
            this.state.status = "error";
        }
    }

    /** The teams that a leader chooses from, asked for once the figures are there; a rep has their own deals. */
    async loadTeams() {
        if (await user.hasGroup("sales_team.group_sale_salesman_all_leads")) {
            try {
                this.state.teams = await this.orm.silent.searchRead("crm.team", [], ["name"], { limit: 200 });
            } catch {
                this.state.teams = [];
            }
        }
    }

    ask({ domain, context }) {
        const begin = this.state.days && DateTime.local().minus({ days: this.state.days - 1 });
        return this.orm.silent.call("crm.lead", "process_funnel", [domain], {
            date_from: begin ? serializeDate(begin) : false,
            context,
        });
    }

    readKept() {
        try {
            return JSON.parse(browser.localStorage.getItem(STORE)) || {};
        } catch {
            return {};
        }
    }

    keep() {
        const { days, measure, folded } = this.state;
        browser.localStorage.setItem(STORE, JSON.stringify({ days, measure, folded }));
    }

    // Acting

    toggleFold() {
        this.state.folded = !this.state.folded;
        if (!this.env.isSmall) {
            this.keep();
        }
        this.load();
    }

    setDays(days) {
        this.state.days = Number(days);
        this.keep();
        this.load();
    }

    setMeasure(measure) {
        this.state.measure = measure;
        this.keep();
    }

    /** Filter the board by a stage; again, or another one, lets go of it. */
    toggleStage(stage) {
        const isNew = this.stageFilter?.funnelStageId !== stage.id;
        const filter = isNew && {
            description: _t("Stage: %s", stage.name),
            domain: [["stage_id", "=", stage.id]],
            funnelStageId: stage.id,
        };
        this.refilter(this.stageFilter, filter);
        this.sought = isNew ? stage : null;
    }

    /** Filter the board by a team, whose own stages are then its columns, and what is made there is theirs; 0: none. */
    chooseTeam(id) {
        const team = this.state.teams.find((one) => one.id === Number(id));
        const filter = team && {
            description: _t("Team: %s", team.name),
            domain: [["team_id", "=", team.id]],
            context: { default_team_id: team.id },
            funnelTeamId: team.id,
        };
        this.refilter(this.teamFilter, filter);
    }

    refilter(old, filter) {
        if (old) {
            this.env.searchModel.deactivateGroup(old.groupId);
        }
        if (filter) {
            this.env.searchModel.createNewFilters([filter]);
        }
    }

    /** Once the board is filtered, its cards may be out of sight: the column of the chosen stage is brought there. */
    showSought() {
        const group = this.sought && this.props.model.root.groups?.find((one) => one.value === this.sought.id);
        this.sought = null;
        const column = group && document.querySelector(`.o_kanban_group[data-id="${group.id}"]`);
        if (this.env.isSmall) {
            column?.scrollIntoView({ behavior: "smooth", block: "nearest", inline: "start" });
        } else {
            // By its head: the funnel stays where it is, however long the column.
            column?.querySelector(".o_kanban_header")?.scrollIntoView({ behavior: "smooth", block: "nearest", inline: "nearest" });
        }
    }

    /** The filter of the search that was made here, with this mark. */
    filterWith(mark) {
        const search = this.env.searchModel;
        return search.query
            .map((element) => search.searchItems[element.searchItemId])
            .find((item) => item?.[mark]);
    }

    get stageFilter() {
        return this.filterWith("funnelStageId");
    }

    get teamFilter() {
        return this.filterWith("funnelTeamId");
    }

    // Showing

    periods = periods();

    get measures() {
        return [
            { name: "count", label: _t("Deals") },
            { name: "amount", label: _t("Amount") },
        ];
    }

    get isEmpty() {
        const { stages, totals } = this.state;
        return !totals.won && !totals.lost && stages.every((stage) => !stage.count);
    }

    /** Stages with what drawing needs: their height and that of the next one, in percent of the tallest. */
    get drawn() {
        const { stages, measure } = this.state;
        const tallest = Math.max(...stages.map((stage) => stage[measure]), 0);
        const active = this.stageFilter?.funnelStageId;
        const size = (stage) => (stage && tallest > 0 ? (Math.max(stage[measure], 0) / tallest) * 100 : 0);
        return stages.map((stage, place) => ({
            ...stage,
            team: this.teamOf(stage),
            isApart: stage.conversion_from !== stages[place - 1]?.id,
            size: size(stage),
            // What is won stays: a won stage leads nowhere, also where stages of others stand behind it.
            shape: this.shape(size(stage), size(stages[place + 1]), place + 1 < stages.length && !stage.is_won),
            isActive: stage.id === active,
            isDim: Boolean(active) && stage.id !== active,
        }));
    }

    get hasTeams() {
        return this.state.stages.some((stage) => this.teamOf(stage));
    }

    teamOf(stage) {
        return teamOfStage(stage, this.state.stages, this.state.teams);
    }

    /** A band as high as the stage, that narrows or widens to the next one. */
    shape(size, next, hasNext) {
        const [high, low] = [Math.max(size, 1) / 2, Math.max(hasNext ? next : size, 1) / 2];
        const bend = hasNext ? 80 : 100;
        return `M0,${50 - high} L${bend},${50 - high} L100,${50 - low} L100,${50 + low} L${bend},${50 + high} L0,${50 + high} Z`;
    }

    money(amount) {
        return formatCurrency(amount, this.state.totals.currency_id, { humanReadable: true });
    }

    number(count) {
        return formatInteger(count);
    }

    percent = formatShare;

    get velocityHelp() {
        const { win_rate, cycle_days } = this.state.totals;
        return _t(
            "Deals standing × win rate (%(rate)s) × mean amount won ÷ mean cycle (%(cycle)s)",
            { rate: this.percent(win_rate), cycle: this.days(cycle_days) }
        );
    }

    get tooFewHelp() {
        return _t("Told from %s wins on: of fewer, a single quick deal decides.", this.number(this.state.totals.enough_wins));
    }

    days = formatDays;

    reasons(stage) {
        return stage.reasons.map((one) => `${one.name} (${this.number(one.count)})`).join(", ");
    }

    tooltip(stage) {
        const rows = stage.is_won
            ? [[_t("Won in the period"), `${this.number(stage.count)} · ${this.money(stage.amount)}`]]
            : [
                  [_t("Standing here now"), `${this.number(stage.count)} · ${this.money(stage.amount)}`],
                  [_t("Age, mean and median"), `${this.days(stage.age_mean)} · ${this.days(stage.age_median)}`],
                  [_t("Moved on"), this.number(stage.moved_on)],
                  [_t("Moved back"), this.number(stage.moved_back)],
                  [_t("Lost"), `${this.number(stage.dropped)} · ${this.money(stage.dropped_amount)}`],
              ];
        if (stage.conversion !== false) {
            const before = this.state.stages.find((one) => one.id === stage.conversion_from);
            const from = before ? _t("Conversion from “%s”", before.name) : _t("Conversion from the last stages of the teams");
            rows.push([from, this.percent(stage.conversion)]);
        }
        if (stage.reasons.length) {
            rows.push([_t("Lost because"), this.reasons(stage)]);
        }
        return JSON.stringify({ name: [stage.name, stage.team].filter(Boolean).join(" · "), rows });
    }

    /** The stage in one sentence, for those who hear the screen. */
    label(stage) {
        const { name, rows } = JSON.parse(this.tooltip(stage));
        return [name, ...rows.map(([what, value]) => `${what}: ${value}`)].join(". ");
    }
}
