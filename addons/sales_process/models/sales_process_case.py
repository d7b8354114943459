from odoo import api, fields, models
from odoo.exceptions import UserError

from ..engine import transition
from ..engine.case import Case
from ..engine.events import Pause, PhaseMoved, Resume, Start

OPEN_STATES = ("running", "paused")


class SalesProcessCase(models.Model):
    """One lead on its way through one version of a process.

    What follows from an event is decided by the engine, which knows no Odoo; `_handle` feeds
    events to it for many cases at once and carries out what it answers, in batch.
    """

    _name = "sales.process.case"
    _inherit = ["sales.process.row"]
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

    @api.depends("state", "lead_id.process_step_now")
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
        return Case(
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
                        reason=case._refusal_text(error.code),
                    )
                ) from error
            turns[case] = (event, after, effects)
        return turns

    def _refusal_text(self, code):
        """Why the engine refuses, in words; its own are for the log."""
        state = dict(self._fields["state"]._description_selection(self.env))[self.state]
        return {
            "state": self.env._("its process is: %s", state),
            "task": self.env._("the task is not open any more"),
            "outcome": self.env._("the step has no such outcome"),
            "step": self.env._("the process has no such step"),
        }.get(code) or self.env._("the process leads nowhere from here: tell its owner")

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
    def _start(self, process_of, step_code=None, quiet=False, previous=None, gates=None, stand=False):
        """Open a case for each lead and start it.

        :param process_of: dict lead -> process.
        :param step_code: the step to begin at; None: the first one.
        :param quiet: nothing is written to the customer until a person has acted.
        :param previous: dict lead -> the case that this one goes on from.
        :param gates: which gates hold: `all` on the way to the step, or those behind the lead's
            `stage`; None: none.
        :param stand: the step is opened though it could be passed.
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
        cases._handle({case: Start(step_code, quiet, stand) for case in cases})
        return cases

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
        running._handle({case: Pause() for case in running})
        running._open_tasks()._hold(True)

    def _resume(self):
        """Go on: what was due meanwhile is put off by the time of the pause."""
        paused = self.filtered(lambda case: case.state == "paused")
        paused._open_tasks()._hold(False)
        self.env["crm.lead"]._speed_put_aside({case.lead_id: case.date_paused for case in paused.sudo()})
        paused.sudo().write({"pause_reason": False, "date_paused": False, "paused_by_archiving": False})
        paused._handle({case: Resume() for case in paused})

    def _followed_by_hand(self, moves):
        """The leads of these cases were moved by hand: the cases go where a person begins the phase.

        :param moves: dict case -> phase.
        """
        self._check_gates(moves)
        for case, phase in moves.items():
            case.sudo().phase_id = phase
        self._handle({case: PhaseMoved(phase.code) for case, phase in moves.items()})

    def _approval_kind_needed(self, paper):
        """Whether somebody must approve the paper of this case before it goes out."""
        self.ensure_one()
        return bool(self.order_id) and not self.order_id._approval_is_valid(paper)
