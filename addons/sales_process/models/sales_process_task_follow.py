from odoo import fields, models

from ..engine.definition import Delay
from .working_time import WorkingTime

ONE_DAY = Delay(1, "days")
PAPERS = ("proposal", "contract")
ALIVE = ("pending", "paused")


class SalesProcessTask(models.Model):
    """Follow-ups by what the customer does with a paper: rungs begin with it, are put off, or spared."""

    _inherit = "sales.process.task"

    def _paper_openings(self):
        """dict task -> on how many visits the customer has looked at the paper sent last; one query."""
        papers = (
            self.env["sales.document"]
            .sudo()
            .search(
                [
                    ("order_id", "in", self.case_id.order_id.ids),
                    ("kind", "in", PAPERS),
                    ("date_sent", "!=", False),
                ],
                order="date_sent desc, id desc",
            )
        )
        counts = {}
        for paper in papers:
            counts.setdefault(paper.order_id, paper.opened_count)
        return {task: counts.get(task.case_id.order_id, 0) for task in self}

    def _rungs_at_opening(self):
        """dict task -> the rungs that count from its own moments, as far as they can still come to it."""
        watching = self.filtered(lambda task: "unopened" in task.step_id.escalation_ids.mapped("behaviour"))
        openings = watching._paper_openings() if watching else {}
        rungs = {}
        for task in self:
            due = ("any",) if openings.get(task) else ("any", "unopened")
            rungs[task] = task.step_id.escalation_ids.filtered(lambda rung, due=due: rung.behaviour in due)
        return rungs

    def _paper_opened(self, opened):
        """The customer looks at the paper of these tasks: what was to remind them of it follows.

        :param opened: the how-manieth visit it is.
        """
        tasks = self.sudo().filtered(lambda task: task.state == "open")
        tasks._spare_unopened()
        tasks._put_off_follow_ups()
        tasks._begin_rungs(opened)

    def _spare_unopened(self):
        """Nobody is asked whether the paper has come who is reading it."""
        rungs = self.step_id.escalation_ids.filtered(lambda rung: rung.behaviour == "unopened")
        self.timer_ids.filtered(
            lambda timer: timer.state in ALIVE and timer.escalation_id in rungs
        ).state = "cancelled"
        keys = {(rung.step_id, rung.code) for rung in rungs}
        letters = (
            self.env["sales.process.message"]._waiting_for(self)
            if rungs
            else self.env["sales.process.message"]
        )
        letters.filtered(lambda letter: (letter.task_id.step_id, letter.key) in keys)._withdraw(
            self.env._("the customer has opened the paper")
        )

    def _put_off_follow_ups(self):
        """Who has just looked is left in peace for a working day; what goes before an end stays."""
        now, working_time = fields.Datetime.now(), WorkingTime()
        for timer in self.timer_ids.filtered(lambda timer: timer.state in ALIVE):
            rung = timer.escalation_id
            if (rung.action, rung.anchor, rung.behaviour) == ("letter", "open", "any"):
                earliest = working_time.due(timer.case_id._calendar(), now, ONE_DAY)
                timer.date_due = max(timer.date_due, earliest)

    def _begin_rungs(self, opened):
        """Rungs that count from this visit; one that an answer has stopped begins anew."""
        now, working_time, vals_list = fields.Datetime.now(), WorkingTime(), []
        for task in self:
            for rung in task.step_id.escalation_ids:
                quiet = rung.action == "letter" and task.case_id._is_quiet()
                if quiet or not rung._definition().begins_at(opened):
                    continue
                calendar = task.case_id._calendar()
                vals = {
                    "date_begin": now,
                    "date_due": task._rung_due(rung, calendar, working_time, now),
                    "state": "paused" if task.on_hold else "pending",
                }
                known = task.timer_ids.filtered(lambda timer, rung=rung: timer.escalation_id == rung)
                if known.state == "cancelled":
                    known.write(vals)
                elif not known:
                    vals_list.append(
                        {**vals, "task_id": task.id, "case_id": task.case_id.id, "escalation_id": rung.id}
                    )
        self.env["sales.process.timer"].create(vals_list)

    def _paper_answered(self):
        """The customer has said something: nobody need ask why they came back to the paper."""
        self.sudo().timer_ids.filtered(
            lambda timer: timer.state in ALIVE and timer.escalation_id.behaviour == "reopened"
        ).state = "cancelled"

    def _behaviour_words(self, rung):
        """What the customer did, where a rung is about that; else nothing."""
        return {
            "unopened": self.env._("the customer has not opened it yet"),
            "reopened": self.env._("the customer has opened it again, and not answered"),
        }.get(rung.behaviour)
