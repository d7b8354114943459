from odoo import api, fields, models

from .sales_process_task import OPEN_STATES


class CrmLead(models.Model):
    """What the pipeline shows of the process: read in batch, kept nowhere."""

    _inherit = "crm.lead"

    process_task_id = fields.Many2one(
        "sales.process.task", string="Current Task", compute="_compute_process_task"
    )
    process_step_now = fields.Char(string="Current Step", compute="_compute_process_task")
    process_user_id = fields.Many2one("res.users", string="Task Responsible", compute="_compute_process_task")
    process_deadline = fields.Datetime(string="Task Deadline", compute="_compute_process_task")
    process_is_late = fields.Boolean(string="Task Is Late", compute="_compute_process_task")
    process_is_failed = fields.Boolean(string="Task Failed", compute="_compute_process_task")
    process_task_kind = fields.Char(compute="_compute_process_task")
    process_next_text = fields.Char(compute="_compute_process_next_text")
    process_can_start = fields.Boolean(compute="_compute_process_can_start")
    process_letter_count = fields.Integer(
        string="Letters in Waiting", compute="_compute_process_letter_count"
    )

    @api.depends(
        "process_open_task_ids.state", "process_open_task_ids.user_id", "process_open_task_ids.date_deadline"
    )
    def _compute_process_task(self):
        tasks = (
            self.env["sales.process.task"]
            .sudo()
            .search_fetch(
                [("lead_id", "in", self.ids), ("state", "in", OPEN_STATES)],
                ["lead_id", "state", "user_id", "date_deadline", "step_id"],
                order="id",
            )
        )
        current = {lead: same._process_foremost() for lead, same in tasks.grouped("lead_id").items()}
        for lead in self:
            task = current.get(lead._origin, tasks.browse())
            lead.process_task_id = task
            lead.process_step_now = task.step_id.name
            lead.process_user_id = task.user_id
            lead.process_task_kind = task.kind
            lead.process_deadline = task.date_deadline
            lead.process_is_late = task.is_late
            lead.process_is_failed = task.state == "failed"

    def _compute_process_next_text(self):
        for lead in self:
            lead.process_next_text = lead.process_task_id.next_text

    @api.depends("team_id", "active", "won_status", "process_case_ids.state")
    def _compute_process_can_start(self):
        """There is a process for the lead's team, and the lead is on none."""
        by_team = self.env["sales.process"]._active_by_team()
        for lead in self:
            lead.process_can_start = bool(
                lead.team_id.id in by_team
                and lead.active
                and lead.won_status == "pending"
                and not lead.process_case_id
            )

    def _compute_process_letter_count(self):
        counts = dict(
            self.env["sales.process.message"]
            .sudo()
            ._read_group(
                [("lead_id", "in", self.ids), ("state", "in", ("planned", "held"))],
                ["lead_id"],
                ["__count"],
            )
        )
        for lead in self:
            lead.process_letter_count = counts.get(lead._origin, 0)

    def action_process_open_task(self):
        """Open the form of the task that stands now."""
        self.ensure_one()
        self.check_access("read")
        return self.process_task_id.with_env(self.env).action_open_task() if self.process_task_id else False

    @api.readonly
    def process_get_map(self):
        """The lead's process as a drawing needs it, with its own way: see `sales.process.get_map`.

        :return: the drawing without figures, with `way`: for each step that was reached its `state` (`done`,
            `passed`: gone through without being opened, `cancelled`, `now`, `late`, `failed`) and `visits`;
            and `path`: the codes of the steps in the order they were reached. False without a process.
        """
        self.ensure_one()
        self.check_access("read")
        if not self.process_id:
            return False
        way, path = {}, []
        for task in self.sudo().process_case_ids.sorted("id")[-1:].task_ids.sorted("id"):
            mark = way.setdefault(task.step_id.code, {"state": "", "visits": 0})
            mark["state"] = task._process_mark()
            mark["visits"] += task.state != "cancelled"
            path.append(task.step_id.code)
        return {**self.process_id._map_drawing(), "way": way, "path": path}

    @api.readonly
    def process_get_gate(self, stage_id):
        """What this lead lacks to be moved to a stage, with a form of the fields that would mend it.

        :return: False where nothing is missing, else `stage`, `missing` in words, and `part` (see
            `sales.process.task.get_form`), False where no field would help.
        """
        self.ensure_one()
        found = self.process_missing(stage_id)
        if not found:
            return False
        names = list(dict.fromkeys(found[0]["fields"]))
        return {
            "stage": self.env["crm.stage"].browse(stage_id).name,
            "missing": found[0]["missing"],
            "part": self.env["sales.process.task"]._plain_part(self, names) if names else False,
        }

    def action_process_view_step(self, step_id):
        """Open this lead's tasks on a step, from its map."""
        self.ensure_one()
        tasks = self.env["sales.process.task"].search(
            [("lead_id", "=", self.id), ("step_id", "=", step_id)], order="id desc"
        )
        return tasks[:1].action_open_task() if tasks else False
