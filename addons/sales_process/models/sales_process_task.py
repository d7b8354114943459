from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_datetime

from ..engine import transition
from ..engine.definition import Delay
from .mail_activity import DONE_FILES, DoneFiles
from .working_time import WorkingTime

OPEN_STATES = ("queued", "open", "failed")


class SalesProcessTask(models.Model):
    """One visit of one step by one case: what is to be done, by whom, by when, and what came of it.

    People's tasks show as activities; marking either done completes both. Automatic ones are
    queued and run after commit. Rows are written by the process alone: `complete` is the way in.
    """

    _name = "sales.process.task"
    _inherit = ["sales.process.row"]
    _description = "Task of a Sales Process"
    _order = "date_deadline, id"

    case_id = fields.Many2one(
        "sales.process.case", required=True, ondelete="cascade", index=True, readonly=True
    )
    lead_id = fields.Many2one("crm.lead", required=True, ondelete="cascade", index=True, readonly=True)
    process_id = fields.Many2one("sales.process", required=True, ondelete="restrict", readonly=True)
    step_id = fields.Many2one("sales.process.step", required=True, ondelete="restrict", readonly=True)
    visit = fields.Integer(default=1, required=True, readonly=True)
    state = fields.Selection(
        [
            ("queued", "Queued"),
            ("open", "Open"),
            ("done", "Done"),
            ("failed", "Failed"),
            ("cancelled", "Cancelled"),
        ],
        default="open",
        required=True,
        readonly=True,
    )
    kind = fields.Selection(related="step_id.kind")
    on_hold = fields.Boolean(
        string="Paused", readonly=True, help="The case is paused: nothing runs by itself."
    )
    is_passed = fields.Boolean(string="Passed", readonly=True, help="Gone through without being opened.")
    why = fields.Char(string="Why (Code)", readonly=True)
    why_text = fields.Char(string="Why", compute="_compute_why_text")
    user_id = fields.Many2one("res.users", string="Responsible", index="btree_not_null", readonly=True)
    team_id = fields.Many2one(related="case_id.team_id", store=True)
    company_id = fields.Many2one(related="case_id.company_id", store=True)
    partner_id = fields.Many2one(related="lead_id.partner_id")
    order_id = fields.Many2one(
        "sale.order",
        ondelete="set null",
        index="btree_not_null",
        readonly=True,
    )
    activity_id = fields.Many2one("mail.activity", ondelete="set null", index="btree_not_null", readonly=True)
    origin_task_id = fields.Many2one(
        "sales.process.task", string="Follows", ondelete="set null", index="btree_not_null", readonly=True
    )
    next_task_ids = fields.One2many(
        "sales.process.task", "origin_task_id", string="Followed by", readonly=True
    )
    timer_ids = fields.One2many("sales.process.timer", "task_id", string="Timers", readonly=True)
    letter_ids = fields.One2many("sales.process.message", "task_id", string="Letters", readonly=True)
    date_open = fields.Datetime(string="From", readonly=True)
    date_deadline = fields.Datetime(string="Deadline", readonly=True)
    deadline_by_hand = fields.Boolean(
        readonly=True, help="Set by a leader: changed working hours leave it alone."
    )
    date_done = fields.Datetime(string="Done on", readonly=True)
    outcome_id = fields.Many2one("sales.process.outcome", ondelete="restrict", readonly=True)
    outcome_code = fields.Char(readonly=True)
    done_by_id = fields.Many2one("res.users", string="Done by", ondelete="set null", readonly=True)
    comment = fields.Text(readonly=True)
    duration = fields.Float(string="Minutes", readonly=True)
    error = fields.Text(readonly=True)
    escalation_count = fields.Integer(string="Escalations", readonly=True)
    is_late = fields.Boolean(compute="_compute_is_late", search="_search_is_late")
    next_text = fields.Char(string="If Nothing Happens", compute="_compute_next_text")

    _once_a_visit = models.UniqueIndex("(case_id, step_id, visit)", "A step opens once a visit.")
    _runner = models.Index("(date_open, id) WHERE state = 'queued' AND on_hold IS NOT TRUE")
    _open_of_user = models.Index("(user_id, date_deadline) WHERE state = 'open'")
    _of_step = models.Index("(step_id, date_done)")
    _failed = models.Index("(process_id) WHERE error IS NOT NULL")

    @api.depends("step_id", "lead_id")
    def _compute_display_name(self):
        for task in self:
            task.display_name = f"{task.step_id.name or ''}: {task.lead_id.name or ''}"

    @api.depends("state", "date_deadline")
    def _compute_is_late(self):
        now = fields.Datetime.now()
        for task in self:
            task.is_late = task.state in OPEN_STATES and bool(task.date_deadline) and task.date_deadline < now

    def _search_is_late(self, operator, value):
        if operator != "in":
            return NotImplemented
        late = fields.Domain("state", "in", OPEN_STATES) & fields.Domain(
            "date_deadline", "<", fields.Datetime.now()
        )
        return (late if True in value else fields.Domain.FALSE) | (
            ~late if False in value else fields.Domain.FALSE
        )

    @api.depends("timer_ids.state", "timer_ids.date_due", "letter_ids.state", "letter_ids.date_due", "state")
    @api.depends_context("lang", "tz")
    def _compute_next_text(self):
        """The next rung, or the announced letter that goes before it."""
        for task in self:
            timer = task.sudo().timer_ids.filtered(lambda timer: timer.state == "pending")
            timer, letter = timer.sorted("date_due")[:1], task.sudo()._next_letter()
            if task.state != "open":
                task.next_text = False
            elif letter and (not timer or letter.date_due <= timer.date_due):
                task.next_text = task._letter_text(letter)
            else:
                task.next_text = task._timer_text(timer) if timer else False

    def _next_letter(self):
        """The announced letter that goes first, unless somebody acts or letters are paused."""
        announced = self.letter_ids.filtered(
            lambda letter: letter.state == "planned" and letter.until != "never"
        )
        return announced._without_paused().sorted("date_due")[:1] if announced else announced

    def _letter_text(self, letter):
        """An announced letter in one sentence."""
        return self.env._(
            "If nothing happens: the letter “%(letter)s” goes to the customer, %(when)s",
            letter=letter.template_id.name,
            when=format_datetime(self.env, letter.date_due, dt_format="short"),
        )

    def _timer_text(self, timer):
        """One rung in one sentence."""
        rung = timer.escalation_id
        texts = {
            "remind": self.env._("a reminder to %s", self.user_id.name or ""),
            "letter": self.env._("the letter “%s” to the customer is announced", rung.template_id.name or ""),
            "substitute": self.env._("the task goes to a substitute"),
            "leader": self.env._("the team leader is told"),
            "owner": self.env._("the process owner is told"),
            "outcome": self.env._("“%s” is taken by itself", rung.outcome_id.name or ""),
        }
        moment = format_datetime(self.env, timer.date_due, dt_format="short")
        if rung.behaviour == "unopened":
            return self.env._(
                "If the customer does not open it: %(what)s, %(when)s", what=texts[rung.action], when=moment
            )
        return self.env._("If nothing happens: %(what)s, %(when)s", what=texts[rung.action], when=moment)

    def _engine_task(self):
        return transition.Task(self.step_id.code, self.visit)

    # ------------------------------------------------------------------
    # PUBLIC: SUPERVISION
    # ------------------------------------------------------------------

    def action_open_task(self):
        """Open the task's own form, from a list or an activity."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.step_id.name,
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "views": [(self.env.ref("sales_process.view_sales_process_task_form").id, "form")],
            "target": "new",
        }

    def action_reassign(self, user_id):
        """Hand these tasks over to another person.

        :raise AccessError: only a leader hands over other people's tasks.
        """
        self.check_access("read")
        user = self._check_hand_over(user_id)
        self.sudo()._assign(dict.fromkeys(self.sudo(), user), self.env._("handed over"))
        return True

    def _check_hand_over(self, user_id):
        """The person named, if the current user may give these tasks to them."""
        others = any(task.user_id != self.env.user for task in self.sudo())
        if others and not self.env.user.has_group("sales_process.group_leader"):
            raise AccessError(self.env._("Only a team leader hands over other people's tasks."))
        user = self.env["res.users"].browse(self._as_id(user_id)).exists()
        if not user or not user.active or user.share:
            raise UserError(self.env._("Choose an active colleague."))
        self._check_works_for(user)
        return user

    def _check_works_for(self, user):
        """Who may not open a task's deal in its company cannot do anything about it."""
        foreign = self.sudo().company_id - user.sudo().company_ids
        if foreign:
            raise UserError(
                self.env._(
                    "%(user)s does not work for %(companies)s: choose somebody who does, or have the company "
                    "added to their user.",
                    user=user.sudo().name,
                    companies=", ".join(foreign.mapped("name")),
                )
            )

    def action_retry(self):
        """Run failed automatic steps, and rungs that could not be carried out, again."""
        self._need_leader()
        tasks = self.sudo()
        failed = tasks.filtered(lambda task: task.state == "failed")
        failed.write({"state": "queued", "date_open": fields.Datetime.now()})
        timers = tasks.timer_ids.filtered(lambda timer: timer.state == "failed")
        timers.write({"state": "pending", "error": False, "date_fired": False})
        (failed | timers.task_id)._log("retry")
        (failed | timers.task_id)._error_mended()
        failed._wake_runner()
        return True

    def action_skip(self, reason, outcome_code=None):
        """Leave a failed or unneeded step out, with a reason, and go on.

        :param outcome_code: the way to go on; None: the step's first outcome.
        """
        self._need_leader()
        if not isinstance(reason, str) or not reason.strip():
            raise UserError(self.env._("Say why the step is left out."))
        for task in self.sudo().filtered(lambda task: task.state in OPEN_STATES):
            outcome = task._find_outcome(outcome_code) if outcome_code else task.step_id.outcome_ids[:1]
            task.write({"comment": reason, "done_by_id": self.env.uid, "why": "skipped"})
            task.case_id._handle(
                {task.case_id: transition.Complete(task._engine_task(), outcome.code)}, {task.case_id: task}
            )
        return True

    def action_start_from(self, step_code):
        """Send the case of this task to a step, forward or back."""
        self._need_leader()
        cases = self.sudo().case_id
        cases._handle({case: transition.Jump(step_code) for case in cases})
        return True

    def _need_leader(self):
        self.check_access("read")
        if not self.env.user.has_group("sales_process.group_leader"):
            raise AccessError(self.env._("This is for team leaders."))

    # ------------------------------------------------------------------
    # OPENING AND CLOSING, IN BATCH
    # ------------------------------------------------------------------

    def _opened(self, working_time):
        """What goes with new tasks: people are found, activities and timers made, the runner woken."""
        people = self.filtered(lambda task: task.state == "open" and task.step_id.kind != "wait")
        for step, tasks in people.grouped("step_id").items():
            previous = {task.case_id: task.origin_task_id.user_id for task in tasks}
            users = step._resolve_assignees(tasks.case_id, previous)
            for user, same in tasks.grouped(lambda task, users=users: users[task.case_id]).items():
                same.user_id = user
        self._request_approvals()
        people._make_activities()
        self._set_timers(working_time)
        self.filtered(lambda task: task.state == "queued")._wake_runner()

    def _request_approvals(self):
        """Who is to approve is asked, and the task is theirs."""
        tasks = self.filtered(lambda task: task.step_id.kind == "approval" and task.case_id.order_id)
        for paper, same in tasks.grouped(lambda task: task.step_id.paper).items():
            asked = same.case_id.order_id._approval_request(paper).sudo()
            for task, user in asked._task_users(same).items():
                task.user_id = user

    def _set_timers(self, working_time):
        """One row for each rung of the ladders, with its due moment."""
        vals_list = []
        for task, rungs in self.filtered(lambda task: task.state == "open")._rungs_at_opening().items():
            calendar = task.case_id._calendar()
            quiet = task.case_id._is_quiet()
            for rung in rungs:
                due = task._rung_due(rung, calendar, working_time)
                if due and not (quiet and rung.action == "letter"):
                    vals_list.append(
                        {
                            "task_id": task.id,
                            "case_id": task.case_id.id,
                            "escalation_id": rung.id,
                            "date_due": due,
                            "state": "paused" if task.on_hold else "pending",
                        }
                    )
        if vals_list:
            self.env["sales.process.timer"].create(vals_list)

    def _rung_due(self, rung, calendar, working_time, begin=None):
        """When a rung is due.

        :param begin: the customer's act that it counts from, where it is one.
        """
        begin = begin or (self.date_open if rung.anchor == "open" else self.date_deadline)
        if not begin:
            return None
        delay = Delay(rung.amount, rung.unit, rung.working)
        due = working_time.due(calendar, begin, delay, backwards=rung.anchor == "before")
        return max(due, self.date_open)

    def action_set_deadline(self, date_deadline):
        """Give open tasks another deadline; what counts from it moves along.

        :param date_deadline: UTC, not in the past.
        """
        self._need_leader()
        deadline, working_time = self._as_moment(date_deadline), WorkingTime()
        for task in self.sudo().filtered(lambda task: task.state == "open"):
            task.write({"date_deadline": deadline, "deadline_by_hand": True})
            task._move_timers(task.case_id._calendar(), working_time)
        self.sudo()._log(
            "note", self.env._("deadline set to %s", format_datetime(self.env, deadline, dt_format="short"))
        )
        return True

    def _reschedule(self):
        """Work the moments of open tasks out anew, after their calendar or a date outside changed;
        fired rungs stay fired."""
        working_time = WorkingTime()
        for task in self.filtered(lambda task: task.state == "open"):
            calendar = task.case_id._calendar()
            task.date_open = task.case_id._named_moment(task.step_id.opens_at) or task.date_open
            if not task.deadline_by_hand:
                task.date_deadline = task.step_id._definition_deadline(
                    task.case_id, task.date_open, calendar, working_time, task.visit
                )
            task._move_timers(calendar, working_time)

    def _move_timers(self, calendar, working_time):
        """What counts from a task's moments goes with them: its rungs, and the day of its activity."""
        if self.activity_id and self.activity_id.date_deadline != self._activity_day():
            self.activity_id.date_deadline = self._activity_day()
        for timer in self.timer_ids.filtered(lambda timer: timer.state in ("pending", "paused")):
            due = self._rung_due(timer.escalation_id, calendar, working_time, timer.date_begin)
            timer.date_due = due or timer.date_due

    def _make_activities(self):
        """An activity for each task, in its person's language, without a mail for each."""
        model_id = self.env["ir.model"]._get_id("crm.lead")
        tasks = self.filtered(lambda task: not task.activity_id and task.user_id)
        type_of = {step: step._activity_type() for step in tasks.step_id}
        vals_list = [
            {
                "res_model_id": model_id,
                "res_model": "crm.lead",
                "res_id": task.lead_id.id,
                "res_name": task.lead_id.display_name,
                "activity_type_id": type_of[task.step_id].id,
                "summary": task._name_for(task.user_id),
                "user_id": task.user_id.id,
                "date_deadline": task._activity_day(),
                "automated": True,
                "process_task_id": task.id,
            }
            for task in tasks
        ]
        if not vals_list:
            return
        activities = (
            self.env["mail.activity"].sudo().with_context(mail_activity_quick_update=True).create(vals_list)
        )
        for task, activity in zip(tasks, activities, strict=True):
            task.activity_id = activity

    def _name_for(self, user):
        return self.step_id.with_context(lang=user.lang or self.env.lang).name

    def _activity_day(self):
        moment = self.date_deadline or self.date_open or fields.Datetime.now()
        return fields.Datetime.context_timestamp(
            self.with_context(tz=self.user_id.tz or "UTC"), moment
        ).date()

    def _mark_done(self, outcome_code):
        """Final: the tasks are done with this outcome; their activities are done with them."""
        now = fields.Datetime.now()
        for step, tasks in self.grouped("step_id").items():
            outcome = step.outcome_ids.filtered(lambda outcome: outcome.code == outcome_code)
            tasks.write(
                {
                    "state": "done",
                    "date_done": now,
                    "outcome_id": outcome.id,
                    "outcome_code": outcome_code,
                    "error": False,
                }
            )
        self.timer_ids.filtered(lambda timer: timer.state in ("pending", "paused")).write(
            {"state": "cancelled"}
        )
        self._close_activities()
        self._clear_failure()

    def _close_activities(self):
        """Done by a person: the activity is done, with the outcome in words. Else it is taken away."""
        files = self.env.context.get(DONE_FILES)
        by_person = self.filtered("done_by_id")
        for task in by_person.filtered("activity_id"):
            task.activity_id.with_user(task.done_by_id).sudo()._action_done(
                feedback=task._answer_text(),
                attachment_ids=list(files) if isinstance(files, DoneFiles) else None,
            )
        (self - by_person).activity_id.unlink()

    def _answer_text(self):
        answer = self.outcome_id.name or self.env._("The customer refused")
        return f"{answer}. {self.comment}" if self.comment else answer

    @api.depends("why")
    @api.depends_context("lang")
    def _compute_why_text(self):
        words = self._why_words()
        for task in self:
            task.why_text = words.get(task.why, task.why)

    def _why_words(self):
        """What the engine says about a step that was not done, as a person reads it."""
        return {
            "answered": self.env._("the customer has answered already"),
            "not_needed": self.env._("not needed"),
            "quiet": self.env._("no letters before a person has acted"),
            "jump": self.env._("the deal was sent to another step"),
            "moved": self.env._("the deal was moved to another stage"),
            "skipped": self.env._("left out by hand"),
            "won": self.env._("the deal is won"),
            "lost": self.env._("the deal is lost"),
            "merged": self.env._("merged into another lead"),
        }

    def _mark_cancelled(self, why):
        self.write({"state": "cancelled", "why": why, "date_done": fields.Datetime.now(), "error": False})
        self.timer_ids.filtered(lambda timer: timer.state in ("pending", "paused")).write(
            {"state": "cancelled"}
        )
        self.activity_id.unlink()
        self.env["sales.process.message"]._withdraw_for_tasks(self, self._why_words().get(why, why))
        self._clear_failure()

    def _hold(self, held):
        """Pause or go on: timers and queued steps stop; then what was due moves by the time it was held."""
        tasks = self.sudo()
        tasks.write({"on_hold": held})
        timers = tasks.timer_ids.filtered(lambda timer: timer.state == ("pending" if held else "paused"))
        timers.write({"state": "paused" if held else "pending"})
        if held:
            return
        now, letters = (
            fields.Datetime.now(),
            self.env["sales.process.message"]._waiting_for(tasks).grouped("task_id"),
        )
        for task in tasks:
            span = now - max(task.case_id.date_paused, task.date_open)
            task._put_off(span, timers & task.timer_ids, letters.get(task, ()))
        tasks._wake_runner()

    def _put_off(self, span, timers, letters):
        """Move all moments of a task, the one it counts from included; one that lies ahead yet stays."""
        if span <= timedelta(0):
            return
        self.date_open += span
        if self.date_deadline:
            self.date_deadline += span
        for timer in timers:
            timer.date_due += span
            if timer.date_begin:
                timer.date_begin += span
        for letter in letters:
            letter.date_due += span

    def _assign(self, user_of, why):
        """Give open tasks to other people, with their activities.

        :param user_of: dict task -> user.
        """
        moving = self.browse(
            task.id for task, user in user_of.items() if task.state == "open" and task.user_id != user
        )
        for user, tasks in moving.grouped(lambda task: user_of[task]).items():
            tasks.user_id = user
            tasks.activity_id.with_context(mail_activity_quick_update=True).user_id = user
            tasks._make_activities()
            tasks._log("reassigned", self.env._("%(why)s: %(user)s", why=why, user=user.name))

    # ------------------------------------------------------------------
    # SMALL THINGS
    # ------------------------------------------------------------------

    def _log(self, kind, text=None):
        self.env["sales.process.event"]._append(
            [
                {
                    "case_id": task.case_id.id,
                    "lead_id": task.lead_id.id,
                    "task_id": task.id,
                    "step_id": task.step_id.id,
                    "kind": kind,
                    "text": text,
                }
                for task in self
            ]
        )

    @api.model
    def _wake(self, xmlid, at=None):
        cron = self.env.ref(xmlid, raise_if_not_found=False)
        if cron:
            cron.sudo()._trigger(at)

    def _wake_runner(self):
        """Run queued steps as soon as the transaction is committed, later ones at their moment."""
        moments = {task.date_open for task in self if task.state == "queued"}
        now = fields.Datetime.now()
        if any(moment <= now for moment in moments):
            self._wake("sales_process.ir_cron_sales_process_runner")
        later = sorted(moment for moment in moments if moment > now)
        if later:
            self._wake("sales_process.ir_cron_sales_process_runner", later[:100])
