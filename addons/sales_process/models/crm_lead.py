from odoo import api, fields, models
from odoo.tools import SQL

from ..engine import events

OPEN_STATES = ("new", "running", "paused")


class CrmLead(models.Model):
    """A lead in its sales process: how it starts, where it stands, what the customer does."""

    _inherit = "crm.lead"

    process_case_ids = fields.One2many("sales.process.case", "lead_id", string="Process Cases", readonly=True)
    process_case_id = fields.Many2one("sales.process.case", compute="_compute_process", string="Open Case")
    process_id = fields.Many2one(
        "sales.process", compute="_compute_process", search="_search_process_id", string="Sales Process"
    )
    process_state = fields.Selection(
        [
            ("none", "None"),
            ("running", "Running"),
            ("paused", "Paused"),
            ("won", "Won"),
            ("lost", "Lost"),
            ("merged", "Merged"),
        ],
        compute="_compute_process",
        search="_search_process_state",
    )
    process_task_ids = fields.One2many(
        "sales.process.task",
        "lead_id",
        string="Process Tasks",
        readonly=True,
        domain=[("is_passed", "=", False)],
    )
    process_open_task_ids = fields.One2many(
        "sales.process.task",
        "lead_id",
        string="Open Process Tasks",
        readonly=True,
        domain=[("state", "in", ("queued", "open", "failed"))],
    )
    process_worker_ids = fields.Many2many(
        "res.users",
        compute="_compute_process_worker_ids",
        search="_search_process_worker_ids",
        compute_sudo=True,
        string="At Work",
        help="Who has an open task of this lead, and so may see and write it.",
    )
    process_step_id = fields.Many2one("sales.process.step", compute="_compute_process_step")
    process_event_ids = fields.One2many(
        "sales.process.event", "lead_id", string="Process Events", readonly=True
    )
    process_message_ids = fields.One2many("sales.process.message", "lead_id", string="Letters", readonly=True)
    process_mail_paused = fields.Boolean(
        string="Letters Paused",
        copy=False,
        tracking=True,
        help="No automatic letter goes to this customer from here.",
    )
    process_return_date = fields.Date(string="Come Back On", copy=False, index="btree_not_null")

    # ------------------------------------------------------------------
    # WHERE IT STANDS
    # ------------------------------------------------------------------

    @api.depends("process_case_ids.state", "process_case_ids.process_id")
    def _compute_process(self):
        for lead in self:
            # A case that came in by a merge says nothing of how this lead's own one ended.
            cases = lead.sudo().process_case_ids.sorted(
                lambda case: (case.state != "merged", case.id), reverse=True
            )
            latest = cases.filtered(lambda case: case.state in OPEN_STATES)[:1] or cases[:1]
            lead.process_case_id = latest if latest.state in OPEN_STATES else False
            lead.process_id = latest.process_id
            lead.process_state = "running" if latest.state == "new" else latest.state or "none"

    @api.depends("process_open_task_ids.state", "process_open_task_ids.step_id")
    def _compute_process_step(self):
        for lead in self:
            lead.process_step_id = lead.sudo().process_open_task_ids.sorted("id")[-1:].step_id

    @api.depends("process_open_task_ids.state", "process_open_task_ids.user_id")
    def _compute_process_worker_ids(self):
        for lead in self:
            lead.process_worker_ids = lead.process_open_task_ids.filtered(
                lambda task: task.state == "open"
            ).user_id

    def _search_process_worker_ids(self, operator, value):
        """A record rule asks this at every search of a salesperson: their few leads are named, since with
        a subquery PostgreSQL would read the whole table (50,000 leads: 10 ms, else 100)."""
        if operator != "in":
            return NotImplemented
        tasks = (
            self.env["sales.process.task"]
            .sudo()
            ._read_group(
                [("state", "=", "open"), ("user_id", "in", list(value))],
                ["lead_id"],
            )
        )
        return [("id", "in", [lead.id for (lead,) in tasks])]

    def _search_process_id(self, operator, value):
        if operator in ("any", "any!"):
            Process = self.env["sales.process"]
            value = (Process.sudo() if operator == "any!" else Process).search(value).ids
        elif operator != "in":
            return NotImplemented
        ids = tuple(process_id for process_id in value if process_id)
        domain = self._process_case_that_counts(SQL("ours.process_id IN %s", ids or (0,)))
        return domain | fields.Domain("process_case_ids", "=", False) if False in value else domain

    def _search_process_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        states = tuple(state for state in value if state and state != "none")
        states += ("new",) if "running" in states else ()
        domain = self._process_case_that_counts(SQL("ours.state IN %s", states or ("",)))
        return domain | fields.Domain("process_case_ids", "=", False) if "none" in value else domain

    def _process_case_that_counts(self, condition):
        """The leads whose open case, else the latest, of unmerged ones first, meets a condition on `ours`."""
        self.env["sales.process.case"].flush_model(["lead_id", "state", "process_id"])
        return fields.Domain(
            "id",
            "in",
            SQL(
                """(
                SELECT ours.lead_id FROM sales_process_case ours
                 WHERE %s AND (ours.state IN %s OR NOT EXISTS (
                    SELECT FROM sales_process_case later
                     WHERE later.lead_id = ours.lead_id AND (
                        (later.state != 'merged', later.id) > (ours.state != 'merged', ours.id)
                        OR later.state IN %s
                     )
                ))
            )""",
                condition,
                OPEN_STATES,
                OPEN_STATES,
            ),
        )

    # ------------------------------------------------------------------
    # ORM: LEADS THAT COME, MOVE, GO
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """New leads of a team with a process start on it by themselves."""
        leads = super().create(vals_list)
        if not self._process_starts_later():
            file = self.env.context.get("import_file")
            imported = file and self.env.user.has_group("sales_process.group_leader")
            leads._process_autostart(gates=None if imported else "all", clock=not file)
        return leads

    @api.model
    def _process_starts_later(self):
        """An import brings its own history and starts the process itself."""
        return self.env.context.get("sales_process_no_start") and (
            self.env.su or self.env.user.has_group("sales_process.group_leader")
        )

    def _process_autostart(self, gates=None, clock=True):
        """Start the process of their team on those of these leads that have one.

        :param clock: whether they have just come in, so that somebody waits for an answer.
        """
        by_team = self.env["sales.process"]._active_by_team()
        if not by_team:
            return
        fresh = self.filtered(
            lambda lead: lead.team_id.id in by_team and lead.won_status == "pending" and lead.active
        )
        process_of = self.env["sales.process"]._for_leads(fresh.sudo())
        asking = [
            lead.id
            for lead, process in process_of.items()
            if process.kind == "new_business"
            and (lead.date_request or (clock and not process._entry_for(lead)))
        ]
        if process_of:
            self.sudo().browse(asking)._speed_start()
            self._process_enter(process_of, gates=gates)

    def write(self, vals):
        """Another rep gets the open tasks along with the lead; in another team it starts there."""
        may_start = {"team_id", "user_id"} & set(vals) and self.env["sales.process"]._active_by_team()
        teams = {lead: lead.team_id for lead in self.sudo()} if may_start else {}
        unassigned = self.sudo().filtered(lambda lead: not lead.user_id) if may_start else self.browse()
        result = super().write(vals)
        if "user_id" in vals:
            self._process_follow_rep()
        if "date_deadline" in vals:
            self.sudo().process_case_id._dates_changed("closing_date")
        if vals.get("lost_reason_id"):
            # Odoo names the reason after it has archived the lead
            self.sudo()._process_plan_return()
        if may_start and not self._process_starts_later():
            moved = self.sudo().filtered(lambda lead: lead.team_id != teams[lead])
            new = moved.filtered(lambda lead: not lead.process_case_ids and lead.team_id.id in may_start)
            (new & unassigned)._speed_start_late()
            new._process_autostart(clock=False)
            moved._process_follow_team()
        return result

    def _compute_stage_id(self):
        """A lead that goes to another team stays in its phase, as that team's stage for it."""
        kept = {}
        for lead in self:
            teams = lead.stage_id.team_ids
            if lead.team_id and teams and lead.team_id not in teams:
                phase = lead._origin.sudo().process_case_id.phase_id
                kept[lead] = phase._stage_for(lead.team_id) if phase else phase.stage_ids
        result = super()._compute_stage_id()
        for lead, stage in kept.items():
            lead.stage_id = stage or lead.stage_id
        return result

    def _process_follow_rep(self):
        tasks = self.sudo().process_open_task_ids.filtered(
            lambda task: (
                task.state == "open" and task.step_id.assignee_type == "rep" and task.step_id.kind != "wait"
            )
        )
        if tasks:
            absent = self.env["res.users"]._process_absent()
            tasks._assign(
                {task: task.case_id._first_available(task.lead_id.user_id, absent) for task in tasks},
                self.env._("the lead has another salesperson"),
            )

    def _process_follow_team(self):
        """In another team the tasks count in its hours, and its leader and members do theirs."""
        tasks = self.process_open_task_ids.filtered(
            lambda task: task.state == "open" and task.step_id.kind != "wait"
        )
        of_team = tasks.filtered(lambda task: task.step_id.assignee_type in ("leader", "round_robin"))
        for step, same in of_team.grouped("step_id").items():
            users = step._resolve_assignees(same.case_id, {})
            same._assign(
                {task: users[task.case_id] for task in same}, self.env._("the lead has another team")
            )
        tasks._reschedule()

    def _handle_won_lost(self, old_status_by_lead, new_status_by_lead):
        """Won, lost, archived or taken back outside the process: the case follows."""
        result = super()._handle_won_lost(old_status_by_lead, new_status_by_lead)
        leads = self.sudo().filtered(lambda lead: lead.process_case_ids)
        if leads:
            leads._process_follow_status(old_status_by_lead, new_status_by_lead)
        return result

    def _process_follow_status(self, old, new):
        open_cases = self.process_case_id
        ended = {}
        for case in open_cases:
            status = new.get(case.lead_id.id, {})
            if status.get("is_won") or status.get("is_lost"):
                ended[case] = events.Close("won" if status["is_won"] else "lost")
        if ended:
            open_cases.browse(case.id for case in ended)._handle(ended)
        going = open_cases - open_cases.browse(case.id for case in ended)
        going.filtered(lambda case: not case.lead_id.active)._pause(
            self.env._("the lead is archived"), archived=True
        )
        going.filtered(lambda case: case.lead_id.active and case.paused_by_archiving)._resume()
        back = self.filtered(
            lambda lead: (
                not any(new.get(lead.id, {}).values()) and any(old.get(lead.id, {}).values()) and lead.active
            )
        )
        back.process_return_date = False
        back._process_reopen("call_customer" if self.env.context.get("sales_process_return") else None)

    def _process_log(self, kind, text=None, **data):
        """Append an event to the log of each of these leads."""
        self.env["sales.process.event"]._append(
            [
                {
                    "case_id": (lead.sudo().process_case_id or lead.sudo().process_case_ids[:1]).id,
                    "lead_id": lead.id,
                    "kind": kind,
                    "text": text,
                    "data": data or None,
                }
                for lead in self
            ]
        )
