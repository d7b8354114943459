from datetime import datetime, time

import pytz
from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..engine import transition
from ..engine.definition import Delay
from ..engine.transition import (
    CancelTask,
    CloseTask,
    EndCase,
    FireRung,
    MovePhase,
    OpenTask,
    PassTask,
    SetState,
)
from .working_time import WorkingTime

OPEN_STATES = ("running", "paused")


class SalesProcessCase(models.Model):
    """One lead on its way through one version of a process.

    What follows from an event is decided by the engine, which knows no Odoo; `_handle` feeds
    events to it for many cases at once and carries out what it answers, in batch.
    """

    _name = "sales.process.case"
    _description = "Case of a Sales Process"
    _order = "id desc"
    _rec_name = "lead_id"

    lead_id = fields.Many2one("crm.lead", required=True, ondelete="cascade", index=True, readonly=True)
    process_id = fields.Many2one(
        "sales.process",
        required=True,
        ondelete="restrict",
        index=True,
        readonly=True,
    )
    state = fields.Selection(
        [
            ("new", "New"),
            ("running", "Running"),
            ("paused", "Paused"),
            ("won", "Won"),
            ("lost", "Lost"),
            ("merged", "Merged"),
        ],
        default="new",
        required=True,
        readonly=True,
    )
    phase_id = fields.Many2one("sales.process.phase", ondelete="restrict", readonly=True)
    team_id = fields.Many2one(related="lead_id.team_id", store=True, index="btree_not_null")
    company_id = fields.Many2one(related="lead_id.company_id", store=True)
    user_id = fields.Many2one(related="lead_id.user_id", string="Salesperson")
    step_name = fields.Char(string="Current Step", compute="_compute_step_name")
    order_id = fields.Many2one(
        "sale.order",
        ondelete="set null",
        index="btree_not_null",
        readonly=True,
        help="The order that the proposal and the contract of this case are made from.",
    )
    meeting_id = fields.Many2one(
        "calendar.event",
        ondelete="set null",
        index="btree_not_null",
        readonly=True,
    )
    previous_case_id = fields.Many2one(
        "sales.process.case",
        string="Case Before",
        ondelete="set null",
        index="btree_not_null",
        readonly=True,
    )
    task_ids = fields.One2many("sales.process.task", "case_id", string="Tasks", readonly=True)
    event_ids = fields.One2many("sales.process.event", "case_id", string="Events", readonly=True)
    date_start = fields.Datetime(readonly=True)
    date_end = fields.Datetime(readonly=True)
    date_paused = fields.Datetime(readonly=True)
    pause_reason = fields.Char(readonly=True)
    paused_by_archiving = fields.Boolean(readonly=True)
    end_outcome = fields.Char(readonly=True)
    started_quietly = fields.Boolean(
        readonly=True,
        help="Entered while it was under way: nothing goes to the customer before a person has acted.",
    )
    memory = fields.Json(readonly=True, help="What the engine remembers of the way so far.")
    revision = fields.Integer(
        readonly=True,
        help="Counts the decisions. Two at once collide here, and the second one is made anew.",
    )

    _one_open = models.UniqueIndex(
        "(lead_id) WHERE state IN ('new', 'running', 'paused')", "A lead runs on one process at a time."
    )

    def _compute_step_name(self):
        for case in self:
            case.step_name = case.lead_id.process_step_now if case.state in ("new", *OPEN_STATES) else False

    def action_open_lead(self):
        """Open the lead of this case."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "crm.lead",
            "res_id": self.lead_id.id,
            "view_mode": "form",
        }

    # ------------------------------------------------------------------
    # ENGINE'S VIEW
    # ------------------------------------------------------------------

    def _engine_case(self):
        """The case as the engine knows it."""
        self.ensure_one()
        memory = self.memory or {}
        return transition.Case(
            state=self.state,
            tasks=tuple(task._engine_task() for task in self._open_tasks()),
            visits=memory.get("visits", {}),
            taken=memory.get("taken", {}),
            last=memory.get("last", {}),
            kept=tuple(tuple(mark) for mark in memory.get("kept", ())),
            seen=frozenset(tuple(mark) for mark in memory.get("seen", ())),
            quiet=memory.get("quiet", False),
        )

    def _is_quiet(self):
        """Whether no person has acted yet on a lead that entered quietly: its customer gets no letters."""
        self.ensure_one()
        return self.started_quietly and not any(task.done_by_id for task in self.task_ids)

    def _open_tasks(self):
        return self.task_ids.filtered(lambda task: task.state in ("queued", "open", "failed")).sorted("id")

    @staticmethod
    def _as_memory(case):
        return {
            "visits": dict(case.visits),
            "taken": dict(case.taken),
            "last": dict(case.last),
            "kept": [list(mark) for mark in case.kept],
            "seen": sorted([list(mark) for mark in case.seen], key=str),
            "quiet": case.quiet,
        }

    def _skips(self):
        """dict case -> codes of the steps that it does not need, as its data stand."""
        skips = {case: set() for case in self}
        for process, cases in self.grouped("process_id").items():
            for step in process.step_ids.filtered("skip"):
                for case in step._not_needed_for(cases):
                    skips[case].add(step.code)
        return skips

    # ------------------------------------------------------------------
    # THE ONE ROAD: EVENT IN, EFFECTS OUT
    # ------------------------------------------------------------------

    def _handle(self, events, origins=None):
        """Feed each case its event and carry out what follows, in batch.

        :param events: dict case -> event of the engine.
        :param origins: dict case -> the task whose completion is the event.
        :return: dict case -> the tasks that were opened.
        :raise UserError: an event that does not fit a case, in words; a gate that forbids a move.
        """
        # One recordset each: what is read of one is read of all, also after the cache was emptied.
        cases = self.sudo().browse(case.id for case in events)
        tasks = self.env["sales.process.task"].sudo().browse(task.id for task in (origins or {}).values())
        origins = dict(zip(origins or {}, tasks, strict=True))
        turns = cases._decide(events)
        cases._write_decisions(turns)
        cases._fire_rungs(turns)
        cases._close_tasks(turns)
        cases._pass_tasks(turns, origins)
        cases._move_phases(turns)
        opened = cases._open_new_tasks(turns, origins)
        cases._end(turns)
        cases._log_turns(turns, origins)
        return opened

    def _decide(self, events):
        """dict case -> (event, case afterwards, effects)."""
        skips = self._skips()
        turns = {}
        for case in self:
            event = events[case]
            try:
                after, effects = transition.decide(
                    case.process_id._definition(),
                    case._engine_case(),
                    event,
                    skips[case],
                )
            except transition.TransitionError as error:
                raise UserError(
                    self.env._(
                        "%(lead)s: this is not possible now (%(reason)s). "
                        "Reload the page: somebody may have been faster.",
                        lead=case.lead_id.display_name,
                        reason=error,
                    )
                ) from error
            turns[case] = (event, after, effects)
        return turns

    def _write_decisions(self, turns):
        now = fields.Datetime.now()
        for case, (_event, after, _effects) in turns.items():
            overrides = (case.memory or {}).get("overrides", [])
            vals = {
                "memory": {**self._as_memory(after), "overrides": overrides},
                "revision": case.revision + 1,
            }
            if after.state != case.state:
                vals["state"] = after.state
                if after.state not in OPEN_STATES:
                    vals["date_end"] = now
                elif case.state == "new":
                    vals["date_start"] = now
            case.write(vals)
        # Here two decisions about one case collide, before a unique index calls it somebody's mistake.
        self.flush_recordset()

    def _effects(self, turns, kind):
        """(case, effect) of one kind, over all turns."""
        return [
            (case, effect)
            for case, (_event, _after, effects) in turns.items()
            for effect in effects
            if type(effect) is kind
        ]

    # -- tasks ----------------------------------------------------------------------------------

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
            "contract_end": self.order_id.renewal_of_id.contract_date_end or self.order_id.contract_date_end,
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

    # -- stages ---------------------------------------------------------------------------------

    def _move_phases(self, turns):
        """The leads follow their cases to the stages that stand for the phases."""
        moving = {}
        for case, (event, _after, effects) in turns.items():
            phases = [effect.phase for effect in effects if type(effect) is MovePhase]
            if phases:
                phase = case.process_id.phase_ids.filtered(lambda phase, code=phases[-1]: phase.code == code)
                by_hand = type(event) in (transition.PhaseMoved, transition.Start)
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

    def _check_gates(self, phase_of):
        """Refuse to let cases enter a phase whose conditions, or those of a phase before it, are not met.

        :param phase_of: dict case -> phase to be entered.
        :raise ValidationError: what is missing, for each lead, in words.
        """
        missing = self._missing_at_gates(phase_of)
        if missing:
            lines = [
                self.env._(
                    "%(lead)s cannot move to “%(phase)s” yet. Missing: %(missing)s.",
                    lead=case.lead_id.display_name,
                    phase=phase_of[case].name,
                    missing=", ".join(names),
                )
                for case, names in list(missing.items())[:10]
            ]
            raise ValidationError("\n".join(lines))

    def _missing_at_gates(self, phase_of):
        """dict case -> what is missing to enter its phase; cases that pass are left out."""
        missing = {}
        for process in self.process_id:
            for gate in process.gate_ids:
                cases = self.filtered(
                    lambda case, gate=gate, process=process: (
                        case.process_id == process
                        and case in phase_of
                        and case._passes_phase(gate.phase_id, phase_of[case])
                    )
                )
                for case, names in (gate._missing_for(cases) if cases else {}).items():
                    missing.setdefault(case, []).extend(
                        name for name in names if name not in missing.get(case, ())
                    )
        return {case: names for case, names in missing.items() if not case._is_overridden(phase_of[case])}

    def _passes_phase(self, gated, target):
        """Whether going to `target` means entering `gated`."""
        order = list(self.process_id.phase_ids)
        here = order.index(self.phase_id) if self.phase_id in order else -1
        return here < order.index(gated) <= order.index(target)

    def _is_overridden(self, phase):
        """Whether somebody with the right to do so has let this case into the phase."""
        return phase.id in (self.memory or {}).get("overrides", ())

    # -- rungs ----------------------------------------------------------------------------------

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

    # -- ends -----------------------------------------------------------------------------------

    def _end(self, turns):
        """Win or lose the leads of the cases that ended, and stop what waits for them."""
        ended = dict(self._effects(turns, EndCase))
        cases = self.browse(case.id for case in ended)
        if not cases:
            return
        for case, effect in ended.items():
            case.end_outcome = effect.outcome
        self.env["sales.process.message"]._withdraw_for_cases(cases, self.env._("the deal has ended"))
        won = cases.filtered(lambda case: case.state == "won").lead_id
        won.filtered(lambda lead: lead.won_status != "won").action_set_won()
        lost = cases.filtered(lambda case: case.state == "lost" and case.lead_id.won_status != "lost")
        for reason, same in lost.grouped(lambda case: case._lost_reason()).items():
            same.lead_id.action_set_lost(**({"lost_reason_id": reason.id} if reason else {}))

    def _lost_reason(self):
        """The reason named by the person, else that of the outcome taken."""
        self.ensure_one()
        if self.lead_id.lost_reason_id:
            return self.lead_id.lost_reason_id
        last = self.task_ids.filtered(lambda task: task.state == "done").sorted("id")[-1:]
        return (
            last.outcome_id.lost_reason_id
            or self.env.ref("sales_process.lost_reason_no_answer", False)
            or last.outcome_id.lost_reason_id
        )

    # -- log ------------------------------------------------------------------------------------

    def _log_turns(self, turns, origins):
        """One row for what happened and one for each thing that followed."""
        vals_list = []
        for case, (event, _after, effects) in turns.items():
            base = {"case_id": case.id, "lead_id": case.lead_id.id}
            vals_list.extend({**base, **vals} for vals in case._event_vals(event, origins.get(case)))
            for effect in effects:
                vals = case._effect_vals(effect)
                if vals:
                    vals_list.append({**base, **vals})
        self.env["sales.process.event"]._append(vals_list)

    def _event_vals(self, event, origin):
        kind = type(event)
        if kind is transition.Signal:
            yield {"kind": "signal", "text": event.kind, "data": {"paper": event.paper}}
        elif kind is transition.Start:
            yield {"kind": "start", "data": {"step": event.step, "quiet": event.quiet}}
        elif kind is transition.Jump:
            yield {"kind": "jump", "data": {"step": event.step}}
        elif kind is transition.PhaseMoved:
            yield {"kind": "moved", "data": {"phase": event.phase}}

    def _effect_vals(self, effect):
        """The row of an effect; None where nothing is worth a row."""
        kinds = {
            OpenTask: "opened",
            CloseTask: "done",
            PassTask: "passed",
            CancelTask: "cancelled",
            FireRung: "timer",
        }
        kind = type(effect)
        if kind in kinds:
            task = self._task_of(effect.task)
            detail = getattr(effect, "outcome", None) or getattr(effect, "why", None)
            if kind is FireRung:
                detail = effect.escalation.code
            return {
                "kind": kinds[kind],
                "task_id": task.id,
                "step_id": task.step_id.id,
                "text": detail,
                "data": {"outcome": detail} if kind in (CloseTask, PassTask) else None,
            }
        if kind is EndCase:
            return {"kind": "ended", "text": effect.state, "data": {"outcome": effect.outcome}}
        if kind is MovePhase:
            return {"kind": "phase", "text": effect.phase}
        if kind is SetState:
            return {"kind": "paused" if effect.state == "paused" else "resumed", "text": self.pause_reason}
        return None

    # ------------------------------------------------------------------
    # PEOPLE
    # ------------------------------------------------------------------

    def _first_available(self, user, absent=None):
        """The user, or who stands in: substitute, team's leader, the company's sales managers, owner.

        An archived or absent person is nobody.
        """
        self.ensure_one()
        absent = self.env["res.users"]._process_absent() if absent is None else absent
        candidates = [user, user.process_substitute_id, self.team_id.user_id]
        for candidate in candidates:
            if candidate and candidate.active and not candidate.share and candidate not in absent:
                return candidate
        if user and user.active:
            return user
        managers = self._sales_managers()
        return (managers - absent)[:1] or managers[:1] or self.process_id.owner_id

    def _sales_managers(self):
        """Active sales managers of the case's company, the one with the lowest number first."""
        managers = self.env.ref("sales_team.group_sale_manager").all_user_ids
        company = self.company_id
        return managers.filtered(
            lambda user: (
                user.active
                and not user.share
                and user.id != 1
                and (not company or company in user.company_ids)
            )
        ).sorted("id")

    # ------------------------------------------------------------------
    # START, PAUSE, MOVE
    # ------------------------------------------------------------------

    @api.model
    def _start(self, process_of, step_code=None, quiet=False, previous=None, gates=None):
        """Open a case for each lead and start it.

        :param process_of: dict lead -> process.
        :param step_code: the step to begin at; None: the first one.
        :param quiet: nothing is written to the customer until a person has acted.
        :param previous: dict lead -> the case that this one goes on from.
        :param gates: which gates hold: `all` on the way to the step, or those behind the lead's
            `stage`; None: none.
        :return: the new cases.
        """
        leads = self.env["crm.lead"].browse(lead.id for lead in process_of)
        contracts = leads._process_renewed_contracts()
        cases = self.sudo().create(
            [
                {
                    "lead_id": lead.id,
                    "process_id": process.id,
                    "team_id": lead.team_id.id,
                    "company_id": lead.company_id.id,
                    "previous_case_id": (previous or {}).get(lead, self.browse()).id,
                    "order_id": contracts[lead].id if lead in contracts else False,
                    "started_quietly": quiet,
                }
                for lead, process in process_of.items()
            ]
        )
        if gates:
            cases._check_entry(step_code, gates)
        cases._handle({case: transition.Start(step_code, quiet) for case in cases})
        return cases

    def _check_entry(self, step_code, gates):
        """Gates hold for a lead that enters the process in the middle."""
        entering = {}
        for case in self:
            if gates == "stage":
                case.phase_id = case.process_id._phase_of(case.lead_id.stage_id)
            step = case._step(step_code or case.process_id._definition().start.code)
            entering[case] = step.phase_id
        self._check_gates(entering)

    def _take_signal(self, signal):
        """The customer's act counts, whatever forbids the move that follows: the error desk hears of that,
        not the customer."""
        try:
            with self.env.cr.savepoint():
                self._handle(dict.fromkeys(self, signal))
        except UserError as error:
            if len(self) > 1:
                for case in self:
                    case._take_signal(signal)
            else:
                self.sudo()._open_tasks()[-1:]._report_failure(str(error))

    def _pause(self, reason, archived=False):
        """Stop timers, letters and automatic steps until `_resume`.

        :param archived: the lead was archived; it goes on when it is taken back.
        """
        running = self.filtered(lambda case: case.state == "running")
        running.sudo().write(
            {
                "pause_reason": reason,
                "date_paused": fields.Datetime.now(),
                "paused_by_archiving": archived,
            }
        )
        running._handle({case: transition.Pause() for case in running})
        running._open_tasks()._hold(True)

    def _resume(self):
        """Go on: what was due meanwhile is put off by the time of the pause."""
        paused = self.filtered(lambda case: case.state == "paused")
        paused._open_tasks()._hold(False)
        self.env["crm.lead"]._speed_put_aside({case.lead_id: case.date_paused for case in paused.sudo()})
        paused.sudo().write({"pause_reason": False, "date_paused": False, "paused_by_archiving": False})
        paused._handle({case: transition.Resume() for case in paused})

    def _followed_by_hand(self, moves):
        """The leads of these cases were moved by hand: the cases go where a person begins the phase.

        :param moves: dict case -> phase.
        """
        self._check_gates(moves)
        for case, phase in moves.items():
            case.sudo().phase_id = phase
        self._handle({case: transition.PhaseMoved(phase.code) for case, phase in moves.items()})

    def _approval_kind_needed(self, paper):
        """Whether somebody must approve the paper of this case before it goes out."""
        self.ensure_one()
        return bool(self.order_id) and not self.order_id._approval_is_valid(paper)
