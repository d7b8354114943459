from odoo import fields, models
from odoo.exceptions import AccessError, UserError

from ..engine import events
from .sales_process_task import OPEN_STATES


class SalesProcessTask(models.Model):
    """What leaders and those responsible do about a task.

    Hand it over, retry it, leave it out, send the deal elsewhere.
    """

    _inherit = "sales.process.task"

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
                {task.case_id: events.Complete(task._engine_task(), outcome.code)}, {task.case_id: task}
            )
        return True

    def action_start_from(self, step_code):
        """Send the case of this task to a step, forward or back."""
        self._need_leader()
        cases = self.sudo().case_id
        cases._handle({case: events.Jump(step_code) for case in cases})
        return True

    def _need_leader(self):
        self.check_access("read")
        if not self.env.user.has_group("sales_process.group_leader"):
            raise AccessError(self.env._("This is for team leaders."))
