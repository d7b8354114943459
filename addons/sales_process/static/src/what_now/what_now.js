import { Component, onMounted, onWillStart, onWillUnmount, useRef, useState } from "@odoo/owl";
import { Pager } from "@web/core/pager/pager";
import { deserializeDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { useService } from "@web/core/utils/hooks";
import { useDebounced } from "@web/core/utils/timing";
import { ControlPanel } from "@web/search/control_panel/control_panel";
import { formatInteger, formatMonetary } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { StagesNow } from "../stages_now/stages_now";

const PAGE = 20;
const REFRESH_SECONDS = 120;
const SCOPE_KEY = "sales_process.what_now.scope";

const startPage = { id: user.homeActionId }; // the web client reads it once

const telephone = (number) => `tel:${number.replace(/[^+\d]/g, "")}`;

/** One task: what, for whom, why, and the telephone at hand. A click opens its form. */
export class WhatNowTask extends Component {
    static template = "sales_process.WhatNowTask";
    static props = {
        task: Object,
        open: Function,
        money: Function,
        showUser: { type: Boolean, optional: true },
        selected: { type: Boolean, optional: true },
        select: { type: Function, optional: true },
    };

    telephone = telephone;

    get tone() {
        const { task } = this.props;
        return task.late || task.failed ? "danger" : task.at ? "info" : "primary";
    }
}

/** The start page: what to do, for whom, by when and why, the money at risk first. */
export class WhatNow extends Component {
    static template = "sales_process.WhatNow";
    static components = { ControlPanel, Pager, StagesNow, WhatNowTask };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.notification = useService("notification");
        this.page = useRef("page");
        const scope = sessionStorage.getItem(SCOPE_KEY) || "mine";
        this.state = useState({ desk: null, scope, offset: 0, selected: {}, busy: false, isStart: startPage.id === this.props.action.id });
        onWillStart(() => this.load());
        this.stayFresh();
    }

    /** New tasks show up by themselves: told by the bus, looked for now and then, and on coming back. */
    stayFresh() {
        const refresh = useDebounced(() => this.refresh(), 1500);
        const bus = useService("bus_service");
        const onVisible = () => document.visibilityState === "visible" && refresh();
        let timer;
        bus.subscribe("mail.activity/updated", refresh);
        onMounted(() => {
            timer = setInterval(onVisible, REFRESH_SECONDS * 1000);
            document.addEventListener("visibilitychange", onVisible);
        });
        onWillUnmount(() => {
            clearInterval(timer);
            bus.unsubscribe("mail.activity/updated", refresh);
            document.removeEventListener("visibilitychange", onVisible);
        });
    }

    async load(offset = this.state.offset) {
        const args = [this.state.scope, offset, PAGE];
        const desk = await this.orm.silent.call("sales.process.task", "process_what_now", args);
        const gone = offset && offset >= desk.tasks.total;
        Object.assign(this.state, { desk, scope: desk.scope, offset: gone ? 0 : offset });
        this.keepSelected();
    }

    /** In the background: who is just choosing is not disturbed, an error is not shown. */
    async refresh() {
        if (!this.selectedIds.length && !this.state.busy) {
            await this.load().catch(() => {});
        }
    }

    // -- what stands on the page ------------------------------------------------------------------

    get desk() {
        return this.state.desk;
    }

    get greeting() {
        const hour = luxon.DateTime.now().hour;
        const name = user.name.split(" ")[0];
        return hour < 12 ? _t("Good morning, %s", name) : hour < 18 ? _t("Good afternoon, %s", name) : _t("Good evening, %s", name);
    }

    get scopeNames() {
        return { mine: _t("Mine"), team: _t("My team"), all: _t("All") };
    }

    /** When the first of the tasks that lie ahead begins, in the user's own way to write it. */
    get laterFirst() {
        const { weekday, day, month, hour, minute } = { ...luxon.DateTime.DATETIME_MED_WITH_WEEKDAY };
        return deserializeDateTime(this.desk.later.first).toLocaleString({ weekday, day, month, hour, minute });
    }

    number = (count) => formatInteger(count);

    get isTeam() {
        return this.state.scope !== "mine";
    }

    /** The deals of whose tasks are shown. */
    get dealDomain() {
        const mine = [["user_id", "=", user.userId]];
        const team = ["|", ["team_id.user_id", "=", user.userId], ["team_id.member_ids", "in", [user.userId]]];
        return [...{ mine, team, all: [] }[this.state.scope], ["type", "=", "opportunity"]];
    }

    get isEmpty() {
        const { tasks, calls } = this.desk;
        return !tasks.total && !calls.total;
    }

    get pagerProps() {
        return {
            offset: this.state.offset, limit: PAGE, total: this.desk.tasks.total,
            onUpdate: ({ offset }) => this.load(offset),
        };
    }

    telephone = telephone;
    money = (amount) => formatMonetary(amount, { currencyId: this.desk.currency_id, digits: [16, 0] });

    /** On a phone the lists stand below each other. */
    jump(name) {
        this.page.el.querySelector(`.card[name=${name}]`).scrollIntoView({ behavior: "smooth" });
    }

    /** The web client opens with it from the next time on; Odoo keeps that as a preference of the user. */
    async startHere() {
        await this.orm.write("res.users", [user.userId], { action_id: this.props.action.id });
        startPage.id = this.props.action.id;
        this.state.isStart = true;
        this.notification.add(_t("Odoo opens with this page from now on."), { type: "success" });
    }

    // -- acting -----------------------------------------------------------------------------------

    async setScope(scope) {
        sessionStorage.setItem(SCOPE_KEY, scope);
        Object.assign(this.state, { scope, offset: 0, selected: {} });
        await this.load();
    }

    openTask = async (id) => {
        const action = await this.orm.call("sales.process.task", "action_open_task", [[id]]);
        return this.action.doAction(action, { onClose: () => this.load() });
    };

    openLead(id) {
        return this.action.doAction({ type: "ir.actions.act_window", res_model: "crm.lead", res_id: id, views: [[false, "form"]] });
    }

    openRep(rep) {
        return this.openList(rep.name, [["user_id", "=", rep.user_id || false]]);
    }

    openCalls() {
        const mine = this.isTeam ? [] : [["user_id", "=", user.userId]];
        return this.openList(_t("Calls"), [...mine, ["step_id.activity_type_id.category", "=", "phonecall"]]);
    }

    openLetters() {
        return this.action.doAction("sales_process.action_sales_process_message");
    }

    openList(name, domain) {
        return this.action.doAction({
            type: "ir.actions.act_window", name, res_model: "sales.process.task",
            views: [[false, "list"], [false, "kanban"], [false, "form"]],
            domain: [["state", "=", "open"], ["kind", "in", ["task", "approval", "meeting"]], ...domain],
        });
    }

    async onLetter(letter, method) {
        this.state.busy = true;
        try {
            await this.orm.call("sales.process.message", method, [[letter.id]]);
            const told = {
                action_send_now: _t("On its way to %s", letter.customer),
                action_hold: _t("Held back until you let it go"),
                action_release: _t("Goes at its time"),
            };
            this.notification.add(told[method], { type: "success" });
        } finally {
            this.state.busy = false;
            await this.load();
        }
    }

    // -- handing over -----------------------------------------------------------------------------

    get selectedIds() {
        return Object.keys(this.state.selected).map(Number);
    }

    get canSelect() {
        return this.isTeam;
    }

    select = (id) => {
        if (this.state.selected[id]) {
            delete this.state.selected[id];
        } else {
            this.state.selected[id] = true;
        }
    };

    /** What is no longer on the page is not handed over by mistake. */
    keepSelected() {
        const { tasks, team } = this.desk;
        const shown = new Set([tasks, team?.stuck, team?.unassigned].flatMap((list) => list?.rows || []).map((task) => task.id));
        for (const id of this.selectedIds.filter((id) => !shown.has(id))) {
            delete this.state.selected[id];
        }
    }

    selectAll(rows) {
        const all = rows.every((task) => this.state.selected[task.id]);
        for (const { id } of rows) {
            if (all || !this.state.selected[id]) {
                this.select(id);
            }
        }
    }

    handOver() {
        const ids = this.selectedIds;
        return this.action.doAction("sales_process.action_sales_process_reassign", {
            additionalContext: { active_model: "sales.process.task", active_ids: ids, active_id: ids[0] },
            onClose: async () => {
                this.state.selected = {};
                await this.load();
            },
        });
    }
}

registry.category("actions").add("sales_process.what_now", WhatNow);
