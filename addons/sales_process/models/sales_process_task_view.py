from odoo import models

from .sales_process_task import OPEN_STATES


class SalesProcessTask(models.Model):
    """Which of a lead's tasks to show."""

    _inherit = "sales.process.task"

    def _process_foremost(self):
        """Of one lead's open tasks the one that somebody is to do; else the one that waits, or runs."""
        return (
            self.filtered(lambda task: task.state == "failed")
            or self.filtered(lambda task: task.state == "open" and task.kind != "wait")
            or self
        )[-1:]

    def _process_mark(self):
        """How the map marks the step of this task."""
        if self.state in OPEN_STATES:
            return "failed" if self.state == "failed" else "late" if self.is_late else "now"
        return "passed" if self.is_passed else self.state
