import { Component, markup, onWillStart, useExternalListener, useState } from "@odoo/owl";
import { DateTimeInput } from "@web/core/datetime/datetime_input";
import { deserializeDateTime, serializeDateTime } from "@web/core/l10n/dates";
import { localization } from "@web/core/l10n/localization";
import { _t } from "@web/core/l10n/translation";
import { RecordSelector } from "@web/core/record_selectors/record_selector";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { CallButton } from "../call/call_button";
import { LetterMenu } from "../letter/letter_menu";
import { RecordPart } from "./task_part";

const REFUSED = "refused";
const PERSON_KINDS = ["task", "approval", "meeting"];

/** The form of a task: the customer, this step's fields, and the outcomes as buttons. */
export class TaskForm extends Component {
    static template = "sales_process.TaskForm";
    static components = { CallButton, DateTimeInput, LetterMenu, RecordPart, RecordSelector };
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.notification = useService("notification");
        this.state = useState({ form: null, chosen: null, busy: false, passed: null, tab: "history", ...this.emptyAnswer() });
        this.records = {};
        this.incoming = _t("Incoming");
        this.outgoing = _t("Outgoing");
        useExternalListener(document, "visibilitychange", () => this.onBackFromCall());
        onWillStart(() => this.load(this.props.record.resId));
    }

    emptyAnswer() {
        return { date: false, reason: "", comment: "", duration: "", mergeId: false, called: false };
    }

    async load(taskId) {
        const form = await this.orm.call("sales.process.task", "get_form", [[taskId]]);
        form.task.instruction = form.task.instruction && markup(form.task.instruction);
        form.lead.wishes = form.lead.wishes && markup(form.lead.wishes);
        this.records = {};
        Object.assign(this.state, { form, chosen: null, ...this.emptyAnswer() });
    }

    // -- what stands on the form ------------------------------------------------------------------

    get task() {
        return this.state.form.task;
    }

    /** The way forward first; what ends the deal badly last. */
    get outcomes() {
        return this.state.form.outcomes;
    }

    /** Where the step itself has a no that asks why, one button says it. */
    get hasOwnNo() {
        return this.outcomes.some((outcome) => outcome.asks_reason);
    }

    /** What the customer has of us to answer: the paper sent last. The first opening is told of it, and how often. */
    get sentPaper() {
        return this.task.open && this.state.form.story.papers.find((paper) => paper.sent);
    }

    get complaints() {
        return this.state.form.complaints;
    }

    get hasStopper() {
        return this.state.form.obstacles.some((obstacle) => obstacle.stops);
    }

    buttonClass(outcome, index) {
        if (outcome.end === "lost" || outcome.asks_reason) {
            return "btn-outline-danger";
        }
        return index === 0 ? "btn-primary" : "btn-secondary";
    }

    get chosenAsks() {
        const outcome = this.state.chosen;
        return {
            date: outcome.asks_date,
            reason: outcome.asks_reason,
            comment: outcome.asks_comment,
            merge: outcome.asks_merge,
        };
    }

    get canConfirm() {
        const asks = this.chosenAsks;
        return (
            !(asks.date && !this.state.date) &&
            !(asks.reason && !this.state.reason) &&
            !(asks.comment && !this.state.comment.trim()) &&
            !(asks.merge && !this.state.mergeId)
        );
    }

    talked(seconds) {
        return luxon.Duration.fromMillis(seconds * 1000).toFormat("m:ss");
    }

    /** The customer's wishes are shown where they are not asked for. */
    get showWishes() {
        const { lead, parts } = this.state.form;
        return lead.wishes && !parts.some((part) => part.names.includes("description"));
    }

    get isPersonKind() {
        return PERSON_KINDS.includes(this.task.kind);
    }

    get mergeDomain() {
        return [["id", "!=", this.state.form.lead.id]];
    }

    get momentFormat() {
        return localization.dateTimeFormat.replace(":ss", "");
    }

    get tomorrow() {
        return luxon.DateTime.now().plus({ days: 1 }).set({ hour: 10, minute: 0, second: 0, millisecond: 0 });
    }

    partContext(part) {
        return part.context || {};
    }

    onPartLoaded(part, record) {
        this.records[part.model] = record;
    }

    // -- calling ----------------------------------------------------------------------------------

    onCall() {
        this.state.called = luxon.DateTime.now();
    }

    /** Back from the telephone: how long it took is filled in, to be corrected. */
    onBackFromCall() {
        if (document.visibilityState === "visible" && this.state.called && !this.state.duration) {
            this.state.duration = Math.ceil(luxon.DateTime.now().diff(this.state.called, "minutes").minutes);
        }
    }

    // -- answering --------------------------------------------------------------------------------

    onRefused() {
        // an approval has an outcome of the same code, which asks for no reason
        this.choose({ code: REFUSED, name: _t("The customer refused"), end: "lost", asks_reason: true });
    }

    /** An outcome that needs nothing more is taken at once; else what it needs is asked for. */
    choose(outcome) {
        if (this.state.busy || !this.checkNeeds(outcome)) {
            return;
        }
        if (outcome.url) {
            return this.action.doAction({ type: "ir.actions.act_url", url: outcome.url, target: "self" });
        }
        this.state.chosen = outcome;
        this.state.reason = (outcome.asks_reason && outcome.reason) || "";
        if (outcome.asks_date && !this.state.date) {
            this.state.date = this.tomorrow;
        }
        const asks = this.chosenAsks;
        if (asks.date || asks.reason || asks.comment || asks.merge) {
            return;
        }
        this.state.chosen = null;
        return this.complete(outcome);
    }

    /** Marks the fields that this outcome needs and that are empty, and names them. */
    checkNeeds(outcome) {
        const missing = [];
        for (const part of this.state.form.parts) {
            const record = this.records[part.model];
            for (const [name, need] of Object.entries(part.needs)) {
                const filled = (field) => this.isFilled(record, field);
                if (need.outcomes.includes(outcome.code) && !filled(name) && !(need.instead && filled(need.instead))) {
                    missing.push(part.fields[name].string);
                    record.setInvalidField(name);
                }
            }
        }
        if (missing.length) {
            const title = _t("“%s” needs", outcome.name);
            this.notification.add(missing.join(", "), { title, type: "danger" });
        }
        return !missing.length;
    }

    isFilled(record, name) {
        const value = record?.data[name];
        if (value && record.fields[name].type === "html") {
            const box = document.createElement("div");
            box.innerHTML = value.toString();
            return Boolean(box.textContent.trim());
        }
        return Array.isArray(value?.records) ? value.records.length > 0 : Boolean(value);
    }

    async values() {
        const values = {};
        for (const part of this.state.form.parts) {
            const changes = await this.records[part.model].getChanges();
            for (const name of part.names.filter((name) => name in changes)) {
                values[name] = changes[name];
            }
        }
        if (this.state.date) {
            values.date = serializeDateTime(this.state.date);
        }
        if (this.state.reason) {
            values.lost_reason_id = parseInt(this.state.reason);
        }
        if (this.state.mergeId) {
            values.merge_lead_id = this.state.mergeId;
        }
        if (this.state.duration) {
            values.duration = parseFloat(this.state.duration);
        }
        return values;
    }

    /** What was typed stays where it is when the server says no. */
    async complete(outcome) {
        this.state.busy = true;
        try {
            const values = await this.values();
            const args = [[this.task.id], outcome.code, values, this.state.comment.trim() || null];
            const context = { approval_fingerprint: this.state.form.judged?.fingerprint };
            const opened = await this.orm.call("sales.process.task", "complete", args, { context });
            await this.goOn(outcome, opened);
        } finally {
            this.state.busy = false;
        }
    }

    /** What follows at once, and is this user's to do, is asked in the same dialog. */
    async goOn(outcome, opened) {
        const isNamedAlike = outcome.name === this.task.name;
        const done = isNamedAlike ? outcome.name : _t("%(task)s: %(outcome)s", { task: this.task.name, outcome: outcome.name });
        const following = await this.readFollowing(opened);
        const next = following.find((task) => this.isMineNow(task));
        if (next) {
            this.state.passed = done;
            return this.load(next.id);
        }
        const words = following.map((task) => this.nextWords(task));
        this.notification.add(words.join(" · ") || done, { type: "success", title: words.length ? done : undefined });
        if (this.env.inDialog) {
            return this.action.doAction({ type: "ir.actions.act_window_close" });
        }
        this.state.passed = done;
        await this.load(this.task.id);
    }

    async readFollowing(opened) {
        const fields = ["state", "kind", "user_id", "date_open", "step_id"];
        return opened.length ? this.orm.read("sales.process.task", opened, fields).catch(() => []) : [];
    }

    isMineNow(task) {
        const isMine = task.user_id && task.user_id[0] === user.userId;
        return isMine && task.state === "open" && PERSON_KINDS.includes(task.kind) && !this.isLater(task);
    }

    isLater(task) {
        return task.date_open > serializeDateTime(luxon.DateTime.now().plus({ minutes: 1 }));
    }

    /** What comes next, whose it is, and when it begins if not at once. */
    nextWords(task) {
        const step = task.step_id[1];
        if (!PERSON_KINDS.includes(task.kind)) {
            return task.kind === "wait" ? _t("Next: %s", step) : _t("Next, by itself: %s", step);
        }
        const who = task.user_id ? task.user_id[1] : _t("nobody yet");
        const when = this.isLater(task) && deserializeDateTime(task.date_open).toLocaleString(luxon.DateTime.DATETIME_MED);
        return when ? _t("Next: %(step)s, %(who)s, from %(when)s", { step, who, when }) : _t("Next: %(step)s, %(who)s", { step, who });
    }

    // -- letters and links ------------------------------------------------------------------------

    async onLetter(letter, method) {
        await this.orm.call("sales.process.message", method, [[letter.id]]);
        await this.reloadLetters();
    }

    async reloadLetters() {
        this.state.form.letters = (await this.orm.call("sales.process.task", "get_form", [[this.task.id]])).letters;
    }

    openRecord(model, id) {
        return this.action.doAction({
            type: "ir.actions.act_window", res_model: model, res_id: id, views: [[false, "form"]],
        });
    }

    /** The quotation to be proposed, made from its template where there is none yet. */
    async openQuotation() {
        return this.action.doAction(
            await this.orm.call("sales.process.task", "action_open_quotation", [[this.task.id]])
        );
    }

    async openComplaints() {
        const lead = this.state.form.lead.id;
        return this.action.doAction(await this.orm.call("crm.lead", "action_view_complaints", [[lead]]));
    }

    openTask(id) {
        return this.load(id);
    }
}

registry.category("view_widgets").add("sales_process_task", { component: TaskForm });
