import logging
from datetime import timedelta

from markupsafe import Markup
from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_datetime

from ..engine import transition
from ..engine.definition import AUTOMATIC_KINDS, REFUSED, Delay
from .working_time import WorkingTime

_logger = logging.getLogger(__name__)

BATCH = 500
OPEN_STATES = ("queued", "open", "failed")
LONGEST_MINUTES = 7 * 24 * 60
LONGEST_AHEAD = timedelta(days=10 * 366)
EXTRA_VALUES = frozenset({"date", "merge_lead_id", "lost_reason_id", "duration"})


class SalesProcessTask(models.Model):
    """One visit of one step by one case: what is to be done, by whom, by when, and what came of it.

    People's tasks show as activities; marking either done completes both. Automatic ones are
    queued and run after commit. Rows are written by the process alone: `complete` is the way in.
    """

    _name = "sales.process.task"
    _description = "Task of a Sales Process"
    _order = "date_deadline, id"

    case_id = fields.Many2one(
        "sales.process.case", string="Case", required=True, ondelete="cascade", index=True, readonly=True
    )
    lead_id = fields.Many2one(
        "crm.lead", string="Lead", required=True, ondelete="cascade", index=True, readonly=True
    )
    process_id = fields.Many2one(
        "sales.process", string="Process", required=True, ondelete="restrict", readonly=True
    )
    step_id = fields.Many2one(
        "sales.process.step", string="Step", required=True, ondelete="restrict", index=True, readonly=True
    )
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
        string="Order",
        ondelete="set null",
        index="btree_not_null",
        readonly=True,
    )
    activity_id = fields.Many2one(
        "mail.activity", string="Activity", ondelete="set null", index="btree_not_null", readonly=True
    )
    origin_task_id = fields.Many2one(
        "sales.process.task", string="Follows", ondelete="set null", index="btree_not_null", readonly=True
    )
    next_task_ids = fields.One2many(
        "sales.process.task", "origin_task_id", string="Followed by", readonly=True
    )
    timer_ids = fields.One2many("sales.process.timer", "task_id", string="Timers", readonly=True)
    date_open = fields.Datetime(string="From", readonly=True)
    date_deadline = fields.Datetime(string="Deadline", readonly=True)
    deadline_by_hand = fields.Boolean(
        readonly=True, help="Set by a leader: changed working hours leave it alone."
    )
    date_done = fields.Datetime(string="Done on", readonly=True)
    outcome_id = fields.Many2one(
        "sales.process.outcome", string="Outcome", ondelete="restrict", readonly=True
    )
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

    @api.depends("timer_ids.state", "timer_ids.date_due", "state")
    def _compute_next_text(self):
        for task in self:
            timer = (
                task.sudo().timer_ids.filtered(lambda timer: timer.state == "pending").sorted("date_due")[:1]
            )
            task.next_text = task._timer_text(timer) if timer and task.state == "open" else False

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
        return self.env._("If nothing happens: %(what)s, %(when)s", what=texts[rung.action], when=moment)

    def _engine_task(self):
        return transition.Task(self.step_id.code, self.visit)

    # ------------------------------------------------------------------
    # PUBLIC: A PERSON'S ANSWER
    # ------------------------------------------------------------------

    def complete(self, outcome_code, values=None, comment=None):
        """Finish an open task with an outcome, and let the process go on.

        :param str outcome_code: code of an outcome of the step, or `refused`.
        :param dict values: fields of the step's form (of lead, order or meeting), and where they
            apply `date` (UTC, when to come back to it), `merge_lead_id`, `lost_reason_id`,
            `duration` (minutes).
        :param str comment: kept on the task and the timeline.
        :return: ids of the tasks that follow. Calling again with the same outcome returns the same.
        :raise UserError: unknown outcome or value, something required is missing, done already otherwise.
        :raise AccessError: the lead is not the user's to work on.
        """
        self.ensure_one()
        self._check_may_complete()
        task = self.sudo()
        if task.state == "done":
            return task._completed_before(outcome_code)
        task._check_open()
        outcome = task._find_outcome(outcome_code)
        values = self._check_answer(values, comment)
        self._check_outcome_allowed(outcome, comment)
        self._write_values(values)
        self._check_form(outcome, values)
        self._do_in_one_click(outcome, values, comment)
        task._keep_answer(values, comment)
        event = self._completion_event(outcome_code, outcome, values)
        opened = task.case_id._handle({task.case_id: event}, {task.case_id: task})[task.case_id]
        if outcome.does == "new_business":
            opened = task._go_on_as_new_business()
        if outcome.does == "merge":
            self._merge_lead(values)
        if outcome.is_contact:
            task.lead_id._process_customer_lives(
                self.env._("%s was spoken to", task.lead_id._process_customer_name())
            )
        return opened.ids

    def _check_answer(self, values, comment):
        """The values as a dict of our own; whatever the step, they and the comment are of the right kind."""
        if values and not isinstance(values, dict):
            raise UserError(self.env._("The values of an answer are given by field: a dict."))
        if comment and not isinstance(comment, str):
            raise UserError(self.env._("The comment is a text."))
        values = dict(values or {})
        duration = values.get("duration") or 0
        if (
            isinstance(duration, bool)
            or not isinstance(duration, int | float)
            or not 0 <= duration <= LONGEST_MINUTES
        ):
            raise UserError(self.env._("The duration is a number of minutes."))
        return values

    @api.model
    def _as_id(self, value):
        """A record's number as a client gave it; 0 where it gave none."""
        if value and (isinstance(value, bool) or not isinstance(value, int)):
            raise UserError(self.env._("“%s” is not the number of a record.", value))
        return value or 0

    def _check_may_complete(self):
        """The task may be read, and its lead worked on, or the task is the user's own."""
        self.check_access("read")
        if self.sudo().user_id != self.env.user:
            self.lead_id.check_access("write")

    def _check_open(self):
        if self.state != "open" and not (self.state == "failed" and self.step_id.kind not in AUTOMATIC_KINDS):
            state = dict(self._fields["state"]._description_selection(self.env))[self.state]
            raise UserError(
                self.env._(
                    "“%(task)s” is %(state)s and cannot be completed.",
                    task=self.display_name,
                    state=state.lower(),
                )
            )

    def _completed_before(self, outcome_code):
        if outcome_code != self.outcome_code:
            raise UserError(
                self.env._(
                    "“%(task)s” was completed already with “%(outcome)s”.",
                    task=self.display_name,
                    outcome=self.outcome_id.name or self.outcome_code,
                )
            )
        return self._follow_ups().ids

    def _follow_ups(self):
        """The tasks that were opened when this one was completed."""
        return self.next_task_ids.filtered(lambda task: not task.is_passed).sorted("id")

    def _find_outcome(self, code):
        """The outcome of a code; empty for `refused`, which every step knows."""
        outcome = self.step_id.outcome_ids.filtered(lambda outcome: outcome.code == code)
        if not outcome and code != REFUSED:
            known = ", ".join([*self.step_id.outcome_ids.mapped("code"), REFUSED])
            raise UserError(
                self.env._(
                    "“%(code)s” is no outcome of “%(step)s”. Possible are: %(known)s.",
                    code=code,
                    step=self.step_id.name,
                    known=known,
                )
            )
        return outcome

    def _check_outcome_allowed(self, outcome, comment):
        if outcome.leader_only and not self.env.user.has_group("sales_process.group_leader"):
            raise AccessError(self.env._("“%s” is for team leaders.", outcome.name))
        if outcome.comment_required and not (comment or "").strip():
            raise UserError(self.env._("“%s” needs a comment: say why.", outcome.name))

    # -- form -----------------------------------------------------------------------------------

    def _write_values(self, values):
        """Write what was filled in, as the user, so that their rights and every rule hold."""
        lines = {line.name: line for line in self.sudo().step_id.field_ids}
        unknown = set(values) - set(lines) - EXTRA_VALUES
        if unknown:
            raise UserError(
                self.env._(
                    "“%(step)s” has no field %(fields)s. It takes: %(known)s.",
                    step=self.step_id.name,
                    fields=", ".join(sorted(unknown)),
                    known=", ".join([*sorted(lines), *sorted(EXTRA_VALUES)]),
                )
            )
        by_model = {}
        for name in set(values) & set(lines):
            by_model.setdefault(lines[name].model, {})[name] = values[name]
        for model, vals in by_model.items():
            self._write_form(model, vals)

    def _write_form(self, model, vals):
        """Write the values of one model; a value of the wrong kind is named."""
        record = {
            "crm.lead": self.lead_id,
            "sale.order": self.sudo().case_id.order_id.with_env(self.env),
        }.get(model)
        if model == "calendar.event":
            return
        if not record:
            raise UserError(self.env._("There is no order yet to write to: make the proposal first."))
        try:
            with self.env.cr.savepoint():
                record.write(vals)
        except (ValueError, TypeError) as error:
            labels = ", ".join(record._fields[name]._description_string(self.env) or name for name in vals)
            raise UserError(
                self.env._(
                    "One of these values is not of the right kind: %(fields)s (%(error)s).",
                    fields=labels,
                    error=error,
                )
            ) from error

    def _check_form(self, outcome, values):
        """Fails whole and names every field that is missing for this outcome."""
        if not outcome:
            return
        missing = [
            line.field_id.field_description
            for line in self.sudo().step_id.field_ids
            if line._is_needed_for(outcome) and not self._is_filled(line, values)
        ]
        if outcome.asks_date and not values.get("date"):
            missing.append(self.env._("date"))
        if missing:
            raise UserError(
                self.env._(
                    "“%(outcome)s” needs %(fields)s: please fill in.",
                    outcome=outcome.name,
                    fields=", ".join(missing),
                )
            )

    def _is_filled(self, line, values):
        if line.model == "calendar.event":
            return bool(values.get(line.name))
        record = self.sudo().lead_id if line.model == "crm.lead" else self.sudo().case_id.order_id
        return bool(record) and line._is_filled(record)

    def _completion_event(self, code, outcome, values):
        """The engine's event; a date too far ahead loses the deal, with return at that date."""
        self._set_lost_reason(outcome, values)
        moment = self._as_moment(values.get("date")) if outcome.asks_date else None
        end = None
        if (
            moment
            and outcome.days_ahead_max
            and moment > fields.Datetime.now() + timedelta(days=outcome.days_ahead_max)
        ):
            self.lead_id.sudo().write(
                {"process_return_date": moment.date(), "lost_reason_id": outcome.lost_reason_id.id}
            )
            end = "lost"
        return transition.Complete(self.sudo()._engine_task(), code, moment, end)

    def _as_moment(self, value):
        try:
            moment = fields.Datetime.to_datetime(value)
        except (ValueError, TypeError) as error:
            raise UserError(self.env._("“%s” is not a date and time.", value)) from error
        if not moment:
            raise UserError(self.env._("Give a date and time."))
        if moment < fields.Datetime.now() - timedelta(minutes=5):
            raise UserError(self.env._("The date %s lies in the past.", format_datetime(self.env, moment)))
        if moment > fields.Datetime.now() + LONGEST_AHEAD:
            raise UserError(self.env._("The date %s lies too far ahead.", format_datetime(self.env, moment)))
        return moment

    def _set_lost_reason(self, outcome, values):
        """The reason goes on the lead first: losing it later takes it from there."""
        reason = self.env["crm.lost.reason"].browse(
            self._as_id(values.get("lost_reason_id")) or outcome.lost_reason_id.id
        )
        refused = not outcome  # of the customer: an approval may have an outcome of that name
        if refused and not values.get("lost_reason_id"):
            raise UserError(self.env._("Why does the customer refuse? Choose a lost reason."))
        if reason and not reason.exists():
            raise UserError(self.env._("This lost reason no longer exists: choose another."))
        if reason and (refused or outcome.end == "lost"):
            self.lead_id.sudo().lost_reason_id = reason

    def _keep_answer(self, values, comment):
        self.write(
            {"comment": comment or False, "duration": values.get("duration") or 0, "done_by_id": self.env.uid}
        )

    # -- one click ------------------------------------------------------------------------------

    def _do_in_one_click(self, outcome, values, comment):
        """What the outcome's button does, as the user, before the process goes on."""
        if self.step_id.kind == "approval":
            self._decide_approval(outcome.code, comment)
        self._plan_meeting(outcome, values)
        if outcome.does and outcome.does != "new_business":
            getattr(self, f"_do_{outcome.does}")(values)

    def _decide_approval(self, code, comment):
        if code in ("approved", "refused"):
            order = self._need_order()
            order._approval_decide(self.step_id.paper, code == "approved", comment)

    def _plan_meeting(self, outcome, values):
        names = [line.name for line in self.sudo().step_id.field_ids if line.model == "calendar.event"]
        vals = {name: values[name] for name in names if values.get(name)}
        if not vals.get("start") or not outcome._leads_on():
            return
        start = self._as_moment(vals.pop("start"))
        lead = self.lead_id
        partners = lead.partner_id | self.user_id.partner_id | self.env.user.partner_id
        meeting = self.env["calendar.event"].create(
            {
                "name": lead.name,
                "start": start,
                "stop": start + timedelta(minutes=values.get("duration") or 60),
                "opportunity_id": lead.id,
                "user_id": (self.user_id or self.env.user).id,
                "partner_ids": [fields.Command.set(partners.ids)],
                **vals,
            }
        )
        self.sudo().case_id.meeting_id = meeting

    def _need_order(self):
        """The order of the case, as the current user.

        :raise UserError: there is none: the deal was moved here by hand, or the order was deleted.
        """
        order = self.sudo().case_id.order_id.with_env(self.env)
        if not order:
            raise UserError(self.env._("There is no order yet: make the proposal first."))
        return order

    def _do_proposal_make(self, _values):
        order = self.env["sale.order"]._process_create_for_lead(self.lead_id)
        self.sudo().case_id.order_id = order
        order._approval_request("proposal")

    def _do_documents_request(self, _values):
        self._need_order().action_contract_request_documents()

    def _do_documents_check(self, _values):
        if not self._need_order().sudo()._process_documents_complete():
            raise UserError(
                self.env._(
                    "Not every document is there yet. "
                    "Accept what the customer sent, or let a leader go on without.",
                )
            )

    def _do_contract_make(self, _values):
        self._need_order().action_contract_generate()

    def _do_renewal_make(self, _values):
        contract = self._need_order()
        contract = contract.renewal_of_id or contract
        renewal = contract._contract_make_renewal()
        renewal.action_contract_generate()
        self.sudo().case_id.order_id = renewal

    def _do_contract_on_paper(self, _values):
        """The scan of the signed contract must be there before the contract counts as signed."""
        self._need_order()._process_accept_scan()

    def _do_merge(self, values):
        """Only checks: the case must be closed before its lead can go."""
        other = self.env["crm.lead"].browse(self._as_id(values.get("merge_lead_id"))).exists()
        if not other or other == self.lead_id:
            raise UserError(self.env._("Into which lead is this one to be merged? Choose another lead."))
        # as in Odoo's own merge: who may write both may make one of them
        (other | self.lead_id).check_access("write")

    def _merge_lead(self, values):
        """The chosen lead stays, with the oldest of the two histories; this one goes into it."""
        other = self.env["crm.lead"].browse(values["merge_lead_id"])
        other._process_absorb(self.lead_id)

    def _go_on_as_new_business(self):
        """The customer wants something else than the same again: a new case, from the proposal on."""
        process_of = self.env["sales.process"]._for_leads(self.lead_id, kind="new_business")
        if not process_of:
            raise UserError(
                self.env._(
                    "The team %s has no process for new business: give it one first.", self.team_id.name
                )
            )
        case = self.env["sales.process.case"]._start(
            process_of, "make_proposal", previous={self.lead_id: self.case_id}
        )
        return case._open_tasks()

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
        return user

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
        for task in self.filtered(lambda task: task.step_id.kind == "approval" and task.case_id.order_id):
            task.case_id.order_id._approval_request(task.step_id.paper)

    def _set_timers(self, working_time):
        """One row for each rung of the ladders, with its due moment."""
        vals_list = []
        for task in self.filtered(lambda task: task.state == "open"):
            calendar = task.case_id._calendar()
            quiet = task.case_id._is_quiet()
            for rung in task.step_id.escalation_ids:
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

    def _rung_due(self, rung, calendar, working_time):
        begin = self.date_open if rung.anchor == "open" else self.date_deadline
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
                    task.case_id, task.date_open, calendar, working_time
                )
            task._move_timers(calendar, working_time)

    def _move_timers(self, calendar, working_time):
        """What counts from a task's moments goes with them: its rungs, and the day of its activity."""
        if self.activity_id and self.activity_id.date_deadline != self._activity_day():
            self.activity_id.date_deadline = self._activity_day()
        for timer in self.timer_ids.filtered(lambda timer: timer.state in ("pending", "paused")):
            timer.date_due = self._rung_due(timer.escalation_id, calendar, working_time) or timer.date_due

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
        by_person = self.filtered("done_by_id")
        for task in by_person.filtered("activity_id"):
            task.activity_id.with_user(task.done_by_id).sudo()._action_done(
                feedback=task._answer_text(),
                attachment_ids=self.env.context.get("sales_process_done_files"),
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
        _ = self.env._
        return {
            "answered": _("the customer has answered already"),
            "not_needed": _("not needed"),
            "quiet": _("no letters before a person has acted"),
            "jump": _("the deal was sent to another step"),
            "moved": _("the deal was moved to another stage"),
            "skipped": _("left out by hand"),
            "won": _("the deal is won"),
            "lost": _("the deal is lost"),
            "merged": _("merged into another lead"),
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
    # ESCALATION
    # ------------------------------------------------------------------

    def _escalate(self, rung):
        """Do what a rung says for these tasks."""
        for task in self:
            task.escalation_count += 1
        getattr(self, f"_escalate_{rung.action}")(rung)

    def _escalate_remind(self, rung):
        self._tell({task: task.user_id for task in self}, rung)

    def _escalate_leader(self, rung):
        self._tell({task: task.team_id.user_id or task.case_id._sales_managers()[:1] for task in self}, rung)

    def _escalate_owner(self, rung):
        self._tell({task: task.process_id.owner_id for task in self}, rung)

    def _escalate_outcome(self, _rung):
        """The engine takes the outcome itself; there is nothing more to do."""

    def _escalate_substitute(self, _rung):
        users, absent = {}, self.env["res.users"]._process_absent()
        for task in self.filtered(lambda task: task.state == "open"):
            candidate = task.user_id.process_substitute_id or task.team_id.user_id
            users[task] = task.case_id._first_available(candidate or self.env["res.users"], absent)
        self._assign(users, self.env._("late, handed to the substitute"))

    def _escalate_letter(self, rung):
        self.env["sales.process.message"]._plan(
            [
                {
                    "task": task,
                    "template": rung.template_id,
                    "key": rung.code,
                    "mail_class": "courtesy",
                    "until": rung.until,
                    "hold": Delay(rung.hold_amount, rung.hold_unit, rung.working)
                    if rung.hold_amount
                    else None,
                    "why": self.env._("“%s” was not done in time", task.step_id.name),
                }
                for task in self
            ]
        )

    def _tell(self, user_of, rung):
        """A word in the inbox of each person, one message for all of their tasks."""
        tasks_of = {}
        for task, user in user_of.items():
            if user:
                tasks_of[user] = tasks_of.get(user, self.browse()) | task
        for user, tasks in tasks_of.items():
            tasks.with_context(lang=user.lang)._notify_late(user, rung)

    def _notify_late(self, user, rung):
        lines = [
            self.env._(
                "%(step)s — %(lead)s (%(who)s, due %(when)s)",
                step=task.step_id.name,
                lead=task.lead_id.name,
                who=task.user_id.name or "—",
                when=format_datetime(self.env, task.date_deadline, tz=user.tz, dt_format="short")
                if task.date_deadline
                else "—",
            )
            for task in self[:50]
        ]
        subject = (
            self.env._("%s tasks are late", len(self))
            if rung.action != "remind"
            else self.env._("Reminder: %s tasks", len(self))
        )
        if len(self) == 1:
            subject = lines[0]
        self[:1].lead_id.message_notify(
            partner_ids=user.partner_id.ids,
            subject=subject,
            body="\n".join(lines),
            author_id=self.env.ref("base.partner_root").id,
        )

    # ------------------------------------------------------------------
    # RUNNER
    # ------------------------------------------------------------------

    @api.model
    def _cron_run_timers(self):
        """The timer job: reminders, escalations, waits that are over. See `sales.process.timer`."""
        self.env["sales.process.timer"]._cron_run()

    @api.model
    def _cron_run_queued(self):
        """The runner: automatic steps that are queued, a batch a commit."""
        cron = self.env["ir.cron"]
        while True:
            tasks = self._claim_queued()
            if not tasks:
                break
            tasks._run_guarded()
            if not cron._commit_progress(len(tasks), remaining=self._count_queued()):
                break

    @api.model
    def _queued_domain(self):
        return [("state", "=", "queued"), ("on_hold", "=", False), ("date_open", "<=", fields.Datetime.now())]

    @api.model
    def _claim_queued(self, limit=BATCH):
        """Queued tasks of one step that no other worker has in hand, locked."""
        first = self.sudo().search(self._queued_domain(), limit=limit * 4, order="date_open, id")
        for step, same in first.grouped("step_id").items():
            # a document takes a second to render: one a commit
            claimed = (
                same[:20].try_lock_for_update(limit=1)
                if step.paper
                else same.try_lock_for_update(limit=limit)
            )
            if claimed:
                return claimed
        return first.browse()

    @api.model
    def _count_queued(self):
        return self.sudo().search_count(self._queued_domain(), limit=BATCH * 20)

    def _run_guarded(self):
        self._guarded(self, lambda batch: batch._run(), lambda task, error: task._fail(error))

    @api.model
    def _guarded(self, records, run, fail):
        """Run a batch; after an error each record alone, those that fail again are dealt with by `fail`.

        A savepoint for the whole batch, and one for each record only after an error: a thousand
        savepoints in one transaction would slow the database down.
        """
        try:
            with self.env.cr.savepoint():
                run(records)
            return
        except Exception as error:
            if self._is_concurrency(error):
                raise
            _logger.info("A batch of %s %s failed (%s): one by one", len(records), records._name, error)
        for record in records:
            try:
                with self.env.cr.savepoint():
                    run(record)
            except Exception as error:
                if self._is_concurrency(error):
                    raise
                _logger.warning("%s failed: %s", record, error, exc_info=not isinstance(error, UserError))
                fail(record, str(error) or type(error).__name__)

    @api.model
    def _is_concurrency(self, error):
        """Whether the whole transaction is to be tried again, as nothing is wrong with the record."""
        return getattr(error, "pgcode", None) in ("40001", "40P01", "55P03")

    def _run(self):
        """Carry out these queued tasks, step by step; each goes on to what follows."""
        for step, tasks in self.filtered(lambda task: task.state == "queued").grouped("step_id").items():
            outcomes = getattr(tasks, f"_run_step_{step.kind}")(step)
            done = {task: code for task, code in outcomes.items() if code}
            tasks.browse(task.id for task in done).case_id._handle(
                {task.case_id: transition.Complete(task._engine_task(), code) for task, code in done.items()},
                {task.case_id: task for task in done},
            )

    def _run_step_decision(self, step):
        """The first outcome whose conditions hold."""
        leads = {
            outcome.code: self.lead_id.filtered_domain(outcome._domain())
            for outcome in step.outcome_ids
            if outcome.domain
        }
        engine_step, chosen = step._definition(), {}
        for task in self:
            holding = [code for code, passing in leads.items() if task.lead_id in passing]
            outcome = transition.choose(engine_step, task.case_id._engine_case(), holding)
            chosen[task] = outcome.code if outcome else engine_step.outcomes[-1].code
        return chosen

    def _run_step_action(self, step):
        """The server action, once for all leads; it keeps its own groups."""
        leads = self.lead_id
        step.server_action_id.with_context(
            active_model="crm.lead",
            active_ids=leads.ids,
            active_id=leads[:1].id,
        ).run()
        return dict.fromkeys(self, step.outcome_ids[:1].code)

    def _run_step_notice(self, step):
        """One message a channel, whatever the number of leads."""
        for channel, tasks in self.grouped(
            lambda task: task.team_id.process_channel_id or task.process_id.channel_id
        ).items():
            if channel:
                channel.sudo().message_post(
                    body=tasks._notice_body(step),
                    message_type="comment",
                    subtype_xmlid="mail.mt_comment",
                    author_id=self.env.ref("base.partner_root").id,
                )
        return dict.fromkeys(self, step.outcome_ids[:1].code)

    def _notice_body(self, step):
        lines = [
            Markup('<li><a href="/odoo/crm.lead/%s">%s</a>%s</li>')
            % (
                task.lead_id.id,
                task.lead_id.name,
                f" — {task.lead_id.user_id.name}" if task.lead_id.user_id else "",
            )
            for task in self[:50]
        ]
        return Markup("<p>%s</p><ul>%s</ul>") % (step.name, Markup().join(lines))

    def _run_step_document(self, step):
        for task in self:
            task._need_order()._process_make_document(step.paper)
        return dict.fromkeys(self, step.outcome_ids[:1].code)

    def _run_step_mail(self, step):
        """Papers go by their own road, letters as planned messages; who cannot be written to is rung up."""
        if step.paper in ("proposal", "contract"):
            return self._send_papers(step)
        unreachable = self.filtered(lambda task: not task._address())
        unreachable._hand_to_person(self.env._("no e-mail address: reach the customer another way"))
        reachable = self - unreachable
        greeted = reachable._greeted_today(step) if step.once_a_day else self.browse()
        self.env["sales.process.message"]._plan(
            [
                {
                    "task": task,
                    "template": step.template_id,
                    "key": "step",
                    "mail_class": step.mail_class,
                    "until": "never",
                    "hold": None,
                    "why": step.name,
                }
                for task in reachable - greeted
            ]
        )._send()
        return dict.fromkeys(reachable, step.outcome_ids[:1].code)

    def _greeted_today(self, step):
        """Those whose company had this letter in the last day, or gets it by another lead of the batch."""
        Message = self.env["sales.process.message"]
        keys = {task: Message._domain_key(task._address()) for task in self}
        since = fields.Datetime.now() - timedelta(days=1)
        had = set(
            Message.search(
                [
                    ("template_id", "=", step.template_id.id),
                    ("domain_key", "in", list(set(keys.values()))),
                    ("state", "in", ("planned", "sent")),
                    ("date_due", ">", since),
                ]
            ).mapped("domain_key")
        )
        greeted = self.browse()
        for task, key in keys.items():
            if key in had:
                greeted |= task
            had.add(key)
        return greeted

    def _send_papers(self, step):
        outcomes = {}
        for task in self:
            if not task._address():
                task._hand_to_person(self.env._("no e-mail address: hand the paper over another way"))
                continue
            order = task._need_order()._process_as_rep()
            order.action_proposal_send() if step.paper == "proposal" else order.action_contract_send()
            outcomes[task] = step.outcome_ids[:1].code
        return outcomes

    def _address(self):
        return (
            self.lead_id.email_normalized
            or self.lead_id.partner_id.email_normalized
            or self.order_id.partner_id.email_normalized
        )

    def _hand_to_person(self, why):
        """An automatic step that cannot be done by itself becomes a task of the lead's rep."""
        for task in self:
            task.write(
                {
                    "state": "open",
                    "why": why,
                    "user_id": task.case_id._first_available(task.lead_id.user_id).id,
                }
            )
        self._make_activities()
        for task in self.filtered("activity_id"):
            task.activity_id.note = why
        self._log("note", why)

    # ------------------------------------------------------------------
    # ERROR DESK
    # ------------------------------------------------------------------

    def _fail(self, error):
        """An automatic step could not be done: it stands on the error desk, the rest goes on."""
        self.write({"state": "failed"})
        self._report_failure(error)

    def _report_failure(self, error):
        self.write({"error": error})
        self._log("error", error[:500])
        self.process_id._warn_owner()

    def _error_mended(self):
        """Somebody has seen to the error of these tasks."""
        self.error = False
        self._clear_failure()

    def _clear_failure(self):
        self.process_id._clear_warning()

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
