from datetime import timedelta

from odoo import fields, models
from odoo.tools import format_datetime

from ..engine.definition import Delay
from .working_time import WorkingTime


class SalesProcessTask(models.Model):
    """The deadline and the timers of a task.

    Set when it opens, moved when its calendar, its dates or its case do.
    """

    _inherit = "sales.process.task"

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
