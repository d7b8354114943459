from odoo import api, models

from .sales_process_task import SETTLED_STATES

# What the figures of a task that is over go by.
COUNTED = {
    "state", "date_open", "date_done", "is_passed", "date_deadline", "user_id", "team_id", "company_id",
    "step_id", "lead_id", "escalation_count", "worked_calendar_id",
}  # fmt: skip
# What may make it one that is over, or put it on another day.
MOVING = {"state", "date_open", "date_done"}


class SalesProcessTask(models.Model):
    """Tells the roll-up of what tasks came to which days are to be made anew."""

    _inherit = "sales.process.task"

    @api.model_create_multi
    def create(self, vals_list):
        """Most are made before they are over; those that are not count at once."""
        tasks = super().create(vals_list)
        over = [
            task.id
            for task, vals in zip(tasks, vals_list, strict=True)
            if vals.get("state") in SETTLED_STATES and not vals.get("is_passed")
        ]
        self.env["sales.process.task.day"]._mark_tasks(over)
        return tasks

    def _write_multi(self, vals_list):  # pylint: disable=missing-return
        """The day that a task leaves, and the one it comes to."""
        Day = self.env["sales.process.task.day"]
        Day._mark_tasks(self._ids_with(vals_list, COUNTED))
        super()._write_multi(vals_list)
        Day._mark_tasks(self._ids_with(vals_list, MOVING))

    def _ids_with(self, vals_list, names):
        return [task.id for task, vals in zip(self, vals_list, strict=True) if names & vals.keys()]

    def unlink(self):
        """They count no more."""
        self.env["sales.process.task.day"]._mark_tasks(self.ids)
        return super().unlink()
