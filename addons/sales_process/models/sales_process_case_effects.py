from datetime import datetime, time

import pytz
from odoo import api, fields, models

from ..engine import events
from ..engine.definition import Delay
from ..engine.effects import CancelTask, CloseTask, EndCase, FireRung, MovePhase, OpenTask, PassTask
from .team_language import in_team_language
from .working_time import WorkingTime


class SalesProcessCase(models.Model):
    """What the engine has answered is carried out: steps close and open, leads move, ladders and ends are
    acted on. Each method goes over all cases of a turn at once."""

    _inherit = "sales.process.case"

    def _effects(self, turns, kind):
        """(case, effect) of one kind, over all turns."""
        return [
            (case, effect)
            for case, (_event, _after, effects) in turns.items()
            for effect in effects
            if type(effect) is kind
        ]

    def _close_tasks(self, turns):
        closing = {}
        for case, effect in self._effects(turns, CloseTask):
            closing.setdefault(effect.outcome, []).append(case._task_of(effect.task).id)
        for code, ids in closing.items():
            self.env["sales.process.task"].browse(ids)._mark_done(code)
        cancelling = {}
        for case, effect in self._effects(turns, CancelTask):
            cancelling.setdefault(effect.why, []).append(case._task_of(effect.task).id)
        for why, ids in cancelling.items():
            self.env["sales.process.task"].browse(ids)._mark_cancelled(why)

    def _task_of(self, engine_task):
        return self.task_ids.filtered(
            lambda task: task.step_id.code == engine_task.step and task.visit == engine_task.visit
        )

    def _step(self, code):
        self.ensure_one()
        return self.process_id.step_ids.filtered(lambda step: step.code == code)

    def _pass_tasks(self, turns, origins):
        """Steps gone through without being opened leave a row, so that the way can be read later."""
        now = fields.Datetime.now()
        vals_list = []
        for case, effect in self._effects(turns, PassTask):
            step = case._step(effect.task.step)
            outcome = step.outcome_ids.filtered(lambda outcome, code=effect.outcome: outcome.code == code)
            vals_list.append(
                {
                    **case._task_vals(step, effect.task.visit, origins),
                    "state": "done",
                    "is_passed": True,
                    "outcome_id": outcome.id,
                    "date_open": now,
                    "date_done": now,
                    "why": effect.why,
                }
            )
        if vals_list:
            self.env["sales.process.task"].create(vals_list)

    def _task_vals(self, step, visit, origins):
        return {
            "case_id": self.id,
            "lead_id": self.lead_id.id,
            "process_id": self.process_id.id,
            "step_id": step.id,
            "visit": visit,
            "order_id": self.order_id.id,
            "origin_task_id": origins[self].id if self in origins else False,
            # given, so that they need not be written afterwards
            "team_id": self.team_id.id,
            "company_id": self.company_id.id,
        }

    def _open_new_tasks(self, turns, origins):
        """Make the rows of the steps that open, with deadlines, timers, activities; dict case -> tasks."""
        working_time = WorkingTime()
        opening = [
            (case, case._step(effect.task.step), effect) for case, effect in self._effects(turns, OpenTask)
        ]
        Task = self.env["sales.process.task"]
        tasks = (
            Task.create(
                [
                    {
                        **case._task_vals(step, effect.task.visit, origins),
                        **case._planned(step, effect, working_time),
                    }
                    for case, step, effect in opening
                ]
            )
            if opening
            else Task
        )
        tasks._opened(working_time)
        opened = dict.fromkeys(turns, Task)
        for task in tasks:
            opened[task.case_id] |= task
        return opened

    def _planned(self, step, effect, working_time):
        """State and moments of a step that opens."""
        now = fields.Datetime.now()
        calendar = self._calendar()
        begin = effect.at or (working_time.due(calendar, now, effect.wait) if effect.wait else now)
        begin = max(begin, self._named_moment(step.opens_at) or begin, now)
        if step._is_automatic():
            return {"state": "queued", "date_open": begin, "on_hold": self.state == "paused"}
        if self._is_quiet() and not self.previous_case_id:
            grace = self._grace()
            begin = working_time.due(calendar, begin, grace) if grace.amount else begin
        return {
            "state": "open",
            "date_open": begin,
            "date_deadline": step._definition_deadline(
                self, begin, calendar, working_time, effect.task.visit
            ),
            "on_hold": self.state == "paused",
        }

    @api.model
    def _grace(self):
        """How long nothing is late in a deal that entered while it was under way: its rep has many of them
        at once."""
        hours = self.env["ir.config_parameter"].sudo().get_param("sales_process.grace_hours", 16)
        return Delay(float(hours), "hours", working=True)

    def _calendar(self):
        """The working hours that this case's deadlines count in."""
        company = self.company_id or self.team_id.company_id or self.env.company
        return self.team_id.process_calendar_id or company.resource_calendar_id

    def _named_moment(self, name):
        """A moment that lies outside the process: when a meeting ends, until when a proposal is valid."""
        if name == "meeting_end":
            return self.meeting_id.stop
        dates = {
            "proposal_validity": self.order_id.validity_date,
            "contract_end": self.order_id._contract_renewed().contract_date_end,
            "closing_date": self.lead_id.date_deadline,
        }
        day = dates.get(name)
        if not day:
            return None
        zone = pytz.timezone(self._calendar().tz or "UTC")
        return zone.localize(datetime.combine(day, time(23, 59))).astimezone(pytz.utc).replace(tzinfo=None)

    def _dates_changed(self, name):
        """A moment outside was moved (a meeting, a proposal's validity): what hangs on it follows."""
        tasks = self.sudo().task_ids.filtered(
            lambda task: task.state == "open" and name in (task.step_id.opens_at, task.step_id.due_at)
        )
        tasks.filtered(lambda task: task.step_id.due_at == name).deadline_by_hand = False
        tasks._reschedule()

    def _move_phases(self, turns):
        """The leads follow their cases to the stages that stand for the phases."""
        moving = {}
        for case, (event, _after, effects) in turns.items():
            phases = [effect.phase for effect in effects if type(effect) is MovePhase]
            if phases:
                phase = case.process_id.phase_ids.filtered(lambda phase, code=phases[-1]: phase.code == code)
                by_hand = type(event) in (events.PhaseMoved, events.Start)
                moving[case] = (phase, by_hand)
        self.browse(case.id for case in moving)._check_gates(
            {case: phase for case, (phase, by_hand) in moving.items() if not by_hand}
        )
        leads_by_stage = {}
        for case, (phase, _by_hand) in moving.items():
            case.phase_id = phase
            stage = phase._stage_for(case.lead_id.team_id)
            if stage and case.lead_id.stage_id not in phase.stage_ids:
                leads_by_stage[stage] = leads_by_stage.get(stage, self.env["crm.lead"]) | case.lead_id
        for stage, leads in leads_by_stage.items():
            leads.write({"stage_id": stage.id})

    def _fire_rungs(self, turns):
        """Do what the ladders say, all tasks of one rung together."""
        by_rung = {}
        for case, effect in self._effects(turns, FireRung):
            task = case._task_of(effect.task)
            rung = task.step_id.escalation_ids.filtered(
                lambda rung, code=effect.escalation.code: rung.code == code
            )
            by_rung[rung] = by_rung.get(rung, self.env["sales.process.task"]) | task
        for rung, tasks in by_rung.items():
            tasks._escalate(rung)

    def _end(self, turns):
        """Win or lose the leads of the cases that ended, and stop what waits for them."""
        ended = dict(self._effects(turns, EndCase))
        cases = self.browse(case.id for case in ended)
        if not cases:
            return
        for case, effect in ended.items():
            case.end_outcome = effect.outcome
        self.env["sales.process.message"]._withdraw_for_cases(cases, self.env._("the deal has ended"))
        winning = cases.filtered(lambda case: case.state == "won")
        won = winning.lead_id
        won.filtered(lambda lead: lead.won_status != "won").action_set_won()
        winning._tell_won()
        lost = cases.filtered(lambda case: case.state == "lost" and case.lead_id.won_status != "lost")
        for reason, same in lost.grouped(lambda case: case._lost_reason()).items():
            same.lead_id.action_set_lost(**({"lost_reason_id": reason.id} if reason else {}))

    def _tell_won(self):
        """The channels of the teams hear of these deals, one message each."""
        for channel, cases in self.grouped(
            lambda case: case.team_id.process_channel_id or case.process_id.channel_id
        ).items():
            leads = in_team_language(cases.lead_id)
            leads._process_tell_channel(channel, leads.env._("A deal is won"))

    def _lost_reason(self):
        """The reason named by the person, else that of the outcome taken."""
        self.ensure_one()
        if self.lead_id.lost_reason_id:
            return self.lead_id.lost_reason_id
        last = self.task_ids.filtered(lambda task: task.state == "done").sorted("id")[-1:]
        return last.outcome_id.lost_reason_id or self.env.ref("sales_process.lost_reason_no_answer", False)
