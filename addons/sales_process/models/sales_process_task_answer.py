from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_datetime

from ..engine import events
from ..engine.definition import REFUSED
from .sale_order_our_signature import TOLD_KEY
from .sales_document import INTERNAL

LONGEST_MINUTES = 7 * 24 * 60
LONGEST_AHEAD = timedelta(days=10 * 366)
EXTRA_VALUES = frozenset({"date", "merge_lead_id", "lost_reason_id", "duration"})


class SalesProcessTask(models.Model):
    """A person's answer: what it needs, what its button does, how the process goes on."""

    _inherit = "sales.process.task"

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
        if outcome.is_refusal and outcome.lost_reason_id:
            values.setdefault("lost_reason_id", outcome.lost_reason_id.id)
        self._write_values(values)
        self._check_form(outcome, values)
        self._do_in_one_click(outcome, values, comment)
        if task._waits_for_others(outcome_code):
            return []
        task._keep_answer(values, comment)
        event = self._completion_event(outcome_code, outcome, values)
        opened = task.case_id._handle({task.case_id: event}, {task.case_id: task})[task.case_id]
        if outcome.does == "new_business":
            opened = task._go_on_as_new_business()
        if outcome.does == "merge":
            self._merge_lead(values)
        if outcome.is_contact:
            task.lead_id._speed_contact()
            task.lead_id._process_customer_lives(
                self.env._("%s was spoken to", task.lead_id._process_customer_name())
            )
        return opened.ids

    def _waits_for_others(self, outcome_code):
        """Whether this yes was one of several: the task stays open for those who are asked next."""
        order = self.case_id.order_id
        return (
            self.step_id.kind == "approval"
            and outcome_code == "approved"
            and bool(order)
            and not order._approval_is_valid(self.step_id.paper)
        )

    def _complete_by_fact(self, outcome_code, user, comment=None):
        """These tasks are done by something that came true elsewhere (an approval was answered), in batch.

        Tasks whose step knows no such outcome stay open.
        """
        known = self.filtered(lambda task: outcome_code in task.step_id.outcome_ids.mapped("code"))
        known.write({"done_by_id": user.id, "comment": comment or False})
        return known.case_id._handle(
            {task.case_id: events.Complete(task._engine_task(), outcome_code) for task in known},
            {task.case_id: task for task in known},
        )

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
        if self.state != "open":
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
        """Write the values of one model."""
        record = {
            "crm.lead": self.lead_id,
            "sale.order": self._form_order_record(),
        }.get(model)
        if model == "calendar.event":
            return
        if not record:
            raise UserError(self.env._("There is no order yet to write to: make the proposal first."))
        self._right_kinds(record, vals, record.write)

    def _right_kinds(self, model, vals, write):
        """What `write` gives for these values of a model; a value of the wrong kind is named.

        :raise UserError: which fields they may be.
        """
        try:
            with self.env.cr.savepoint():
                return write(vals)
        except (ValueError, TypeError) as error:
            labels = ", ".join(model._fields[name]._description_string(self.env) or name for name in vals)
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
        record = self.lead_id if line.model == "crm.lead" else self._form_order_record()
        record = record.sudo()
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
        return events.Complete(self.sudo()._engine_task(), code, moment, end)

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
        if (refused or outcome.end == "lost") and not reason:
            raise UserError(self.env._("Why does the customer refuse? Choose a lost reason."))
        if reason and not reason.exists():
            raise UserError(self.env._("This lost reason no longer exists: choose another."))
        if reason and (refused or outcome.end == "lost" or outcome.is_refusal):
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
        if not outcome:
            self._do_contract_notice(values)
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
        vals.setdefault("partner_ids", [fields.Command.set(self._meeting_attendees().ids)])
        meetings = self.env["calendar.event"]
        facts = {
            "name": lead.name,
            "start": start,
            "stop": start + timedelta(minutes=values.get("duration") or 60),
            "opportunity_id": lead.id,
            "user_id": (self.user_id or self.env.user).id,
        }
        self.sudo().case_id.meeting_id = self._right_kinds(
            meetings, vals, lambda given: meetings.create(facts | given)
        )

    def _meeting_attendees(self):
        """Whom a meeting is proposed with: the customer, and who sells to them."""
        return self.lead_id.partner_id | self.user_id.partner_id | self.env.user.partner_id

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
        problems = order._process_making_problems()
        if problems:
            raise UserError("\n".join(f"{order.name}: {problem}" for problem in problems))
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

    def _do_contract_use_form(self, _values):
        self._need_order().action_contract_use_form()

    def _do_renewal_make(self, _values):
        renewal = self._need_order()._contract_renewed()._contract_make_renewal()
        renewal.action_contract_generate()
        self.sudo().case_id.order_id = renewal

    def _do_contract_on_paper(self, _values):
        """The scan of the signed contract must be there before the contract counts as signed."""
        self._need_order()._process_accept_scan(tell=False)

    def _do_contract_notice(self, values):
        """The customer's no to a renewal is the notice for contracts that would renew themselves."""
        reason = self.env["crm.lost.reason"].browse(self._as_id(values.get("lost_reason_id"))).exists()
        if self.lead_id.sudo().renewal_contract_ids and reason:
            self.lead_id._contract_take_notice(reason)

    def _do_contract_ended(self, _values):
        """Only what is over has ended."""
        running = self._contracts_in_force()
        if running:
            raise UserError(
                self.env._(
                    "Still in force: %s. If the customer does not want to go on, choose that, and why.",
                    ", ".join(
                        running.mapped(lambda order: f"{order.contract_number}: {order.contract_outlook}")
                    ),
                )
            )

    def _contracts_in_force(self):
        """Those to be renewed that run, and of which nobody has said that they will not."""
        return self.lead_id.sudo().renewal_contract_ids._contract_in_force()

    def _do_contract_sign(self, _values):
        """Completing it by hand does not sign: it only says that it was signed."""
        order = self._need_order()
        if order.sudo()._contract_expects_us():
            raise UserError(
                self.env._(
                    "%(order)s is not signed for us yet: open it and press “Sign for Us”.",
                    order=order.contract_number or order.name,
                )
            )

    def _do_contract_withdraw(self, _values):
        """The process goes back by this very outcome: it need not be told a second time."""
        order = self._need_order().with_context(**{TOLD_KEY: INTERNAL})
        if order.contract_state == "to_sign":
            order.action_contract_withdraw()

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
