import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..engine import events, transition
from .working_time import WorkingTime

_logger = logging.getLogger(__name__)

BATCH = 500
MOST_CONFLICTS = 20
RUNNER = "sales_process.ir_cron_sales_process_runner"


class SalesProcessTask(models.Model):
    """The runner of automatic steps, and the error desk for those that fail."""

    _inherit = "sales.process.task"

    # ------------------------------------------------------------------
    # RUNNER
    # ------------------------------------------------------------------

    @api.model
    def _cron_run_timers(self):
        """The timer job: reminders, escalations, waits that are over (`sales.process.timer`), and questions
        for approval of those who are back."""
        self.env["sales.approval"]._hand_back()
        self.env["sales.process.timer"]._cron_run()

    @api.model
    def _cron_run_queued(self):
        """The runner: automatic steps that are queued, a batch a commit."""
        self._work_off(self._claim_queued, lambda tasks: tasks._run_guarded(), self._count_queued)

    @api.model
    def _work_off(self, claim, carry_out, count):
        """Claim a batch, carry it out, commit, until nothing is left or the job's time is up.

        When another transaction was faster with one of the records, the batch goes back and is claimed
        anew, from what that one has left behind: nothing is wrong with the job or the records.

        :param claim: gives the next records, locked; none when nothing is left.
        :param carry_out: does what is to be done with them.
        :param count: gives how many are left.
        """
        conflicts = 0
        while True:
            try:
                records = claim()
                if not records:
                    return
                carry_out(records)
                self.env.flush_all()
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                conflicts += 1
                if conflicts > MOST_CONFLICTS:
                    raise
                self.env.cr.rollback()
                continue
            if not self.env["ir.cron"]._commit_progress(len(records), remaining=count()):
                return

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
            claimed = claimed._with_free_case()
            if claimed:
                return claimed
        return first.browse()

    def _with_free_case(self):
        """Those of these claimed tasks whose case nobody is deciding about; the cases are locked too, so
        that who comes later is the one to try again."""
        free = self.case_id.try_lock_for_update()
        if free != self.case_id:
            self._wake(RUNNER, fields.Datetime.now() + timedelta(minutes=1))
        return self.filtered(lambda task: task.case_id in free)

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
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise  # nothing is wrong with the records: the whole transaction is to be tried again
        except Exception as error:
            _logger.info("A batch of %s %s failed (%s): one by one", len(records), records._name, error)
        for record in records:
            try:
                with self.env.cr.savepoint():
                    run(record)
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                raise
            except Exception as error:
                _logger.warning("%s failed: %s", record, error, exc_info=not isinstance(error, UserError))
                fail(record, self._in_words(error))

    @api.model
    def _in_words(self, error):
        """What went wrong, as the error desk says it: a technical error names who can help."""
        if isinstance(error, UserError):
            return str(error)
        return self.env._(
            "A technical error (%(kind)s: %(text)s). Try again; if it comes back, tell your administrator.",
            kind=type(error).__name__,
            text=str(error).strip() or "—",
        )

    def _run(self):
        """Carry out these queued tasks, step by step; each goes on to what follows."""
        for step, tasks in self.filtered(lambda task: task.state == "queued").grouped("step_id").items():
            outcomes = getattr(tasks, f"_run_step_{step.kind}")(step)
            done = {task: code for task, code in outcomes.items() if code}
            tasks.browse(task.id for task in done).case_id._handle(
                {task.case_id: events.Complete(task._engine_task(), code) for task, code in done.items()},
                {task.case_id: task for task in done},
            )

    def _run_step_decision(self, step):
        """The first outcome whose conditions hold."""
        engine_step, leads, chosen = step._definition(), step._holding(self.lead_id), {}
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
            tasks.lead_id._process_tell_channel(channel, step.name)
        return dict.fromkeys(self, step.outcome_ids[:1].code)

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
            # A step that comes round again is meant to send again; what it does is done once anyway.
            if step.paper == "proposal":
                order.action_proposal_send_again()
            else:
                order.action_contract_send_again()
            outcomes[task] = step.outcome_ids[:1].code
        return outcomes

    def _address(self):
        return (
            self.lead_id.email_normalized
            or self.lead_id.partner_id.email_normalized
            or self.order_id.partner_id.email_normalized
        )

    def _hand_to_person(self, why):
        """An automatic step that cannot be done by itself becomes a task of the lead's rep, with the step's
        deadline and ladder."""
        now, working_time = fields.Datetime.now(), WorkingTime()
        absent = self.env["res.users"]._process_absent()
        for task in self:
            case, step = task.case_id, task.step_id
            task.write(
                {
                    "state": "open",
                    "why": why,
                    "user_id": case._first_available(task.lead_id.user_id, absent).id,
                    "date_open": now,
                    "date_deadline": step._definition_deadline(case, now, case._calendar(), working_time),
                }
            )
        self._make_activities()
        self._set_timers(working_time)
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
