from odoo import api, fields, models, tools
from odoo.exceptions import UserError

from ..engine import definition as engine
from .stored_domain import check_domain

# What a version is; where it runs, for whom and who looks after it stays open when it is active.
FROZEN = frozenset({"code", "version", "kind", "company_id", "origin_id"})


class SalesProcess(models.Model):
    """One version of a sales process: what is done for a lead, in which order, by whom, by when.

    Versions of one process share `code`. A draft can be edited; activating freezes it and
    archives the version before, on which running deals finish.
    """

    _name = "sales.process"
    _description = "Sales Process"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "sequence, code, version desc"

    name = fields.Char(required=True, translate=True, tracking=True)
    code = fields.Char(required=True, index=True, help="Technical name, the same for all versions.")
    version = fields.Integer(default=1, readonly=True, copy=False)
    state = fields.Selection(
        [("draft", "Draft"), ("active", "Active"), ("archived", "Archived")],
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    sequence = fields.Integer(default=10, help="Where several processes fit a lead, the first one is taken.")
    kind = fields.Selection(
        [("new_business", "New business"), ("renewal", "Renewal"), ("other", "Other")],
        default="new_business",
        required=True,
    )
    company_id = fields.Many2one("res.company", index="btree_not_null")
    owner_id = fields.Many2one(
        "res.users",
        string="Process Owner",
        default=lambda self: self.env.user,
        tracking=True,
        help="Hears of automatic steps that failed and of tasks nobody took care of.",
    )
    origin_id = fields.Many2one("sales.process", string="Made From", readonly=True, copy=False)

    team_ids = fields.Many2many("crm.team", string="Sales Teams", tracking=True)
    source_ids = fields.Many2many("utm.source", string="Only for Sources")
    tag_ids = fields.Many2many("crm.tag", string="Only for Tags")
    domain = fields.Char(string="Only for Leads", default="[]")

    quotation_template_id = fields.Many2one("sale.order.template")
    document_template_ids = fields.Many2many(
        "sales.document.template",
        help="By which templates the papers of this process are made, for each kind the one in the "
        "customer's language. Empty: by all that there are. A quotation template may name its own.",
    )
    channel_id = fields.Many2one(
        "discuss.channel",
        string="Team Channel",
        help="Where notices go; a team may name its own.",
    )
    mail_paused = fields.Boolean(
        string="Letters Paused",
        tracking=True,
        help="No automatic letter of this process is sent. Those due meanwhile wait.",
    )
    phase_ids = fields.One2many("sales.process.phase", "process_id", string="Phases", copy=True)
    step_ids = fields.One2many("sales.process.step", "process_id", string="Steps", copy=False)
    gate_ids = fields.One2many("sales.process.gate", "process_id", string="Gates", copy=False)
    case_count = fields.Integer(string="Open Cases", compute="_compute_case_count")
    problem_text = fields.Text(compute="_compute_problem_text")

    _code_version_unique = models.UniqueIndex(
        "(code, version, COALESCE(company_id, 0))", "A version of this process has this number already."
    )
    _one_active = models.UniqueIndex(
        "(code, COALESCE(company_id, 0)) WHERE state = 'active'",
        "Only one version of a process can be active.",
    )

    @api.depends("name", "version", "state")
    def _compute_display_name(self):
        for process in self:
            process.display_name = f"{process.name} v{process.version}"

    def _compute_case_count(self):
        counts = dict(
            self.env["sales.process.case"]._read_group(
                [("process_id", "in", self.ids), ("state", "in", ("running", "paused"))],
                ["process_id"],
                ["__count"],
            )
        )
        for process in self:
            process.case_count = counts.get(process, 0)

    @api.depends("step_ids", "state")
    def _compute_problem_text(self):
        for process in self:
            problems = process._problems() if process.state == "draft" and process.id else []
            process.problem_text = "\n".join(f"• {text}" for text, _blocking in problems)

    # ------------------------------------------------------------------
    # ORM
    # ------------------------------------------------------------------

    @api.constrains("domain")
    def _check_domain(self):
        for process in self:
            check_domain(process, "domain", "crm.lead")

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            vals["state"] = "draft"
        processes = super().create(vals_list)
        self.env.registry.clear_cache()
        return processes

    def write(self, vals):
        if "state" in vals and not self.env.su:
            raise UserError(self.env._("Use “Activate” or “Archive” to change the state of a process."))
        if FROZEN.intersection(vals) and self.filtered(lambda process: process.state != "draft"):
            raise UserError(self.env._("Deals run on this version: make a new one to change what it is."))
        result = super().write(vals)
        self.env.registry.clear_cache()
        if "team_ids" in vals:
            self._provide_stages()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        used = self.env["sales.process.case"].sudo().search([("process_id", "in", self.ids)], limit=1)
        if used:
            raise UserError(
                self.env._(
                    "Deals ran on %s: its history would be lost. Archive it instead.",
                    used.process_id.display_name,
                )
            )

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        for process, vals in zip(self, vals_list, strict=True):
            if "version" not in vals:
                vals["code"] = (
                    default.get("code") if default and default.get("code") else f"{process.code}_copy"
                )
                vals["name"] = self.env._("%s (copy)", process.name)
                vals["team_ids"] = []
        return vals_list

    def copy(self, default=None):
        copies = super().copy(default)
        for process, twin in zip(self, copies, strict=True):
            process._copy_steps_to(twin)
        return copies

    def _copy_steps_to(self, twin):
        """Copy steps with all that points from one to another, which plain copying would leave behind."""
        phases = dict(zip(self.phase_ids, twin.phase_ids.sorted(), strict=True))
        steps = {
            step: step.copy({"process_id": twin.id, "phase_id": phases[step.phase_id].id})
            for step in self.step_ids
        }
        # what was just made stands in the cache in the order of making, not in its own
        self.env.flush_all()
        self.env["sales.process.step"].union(*steps.values()).invalidate_recordset()
        outcomes = {}
        for step, step_twin in steps.items():
            outcomes.update(zip(step.outcome_ids, step_twin.outcome_ids, strict=True))
        for step, step_twin in steps.items():
            step._point_copy(step_twin, steps, outcomes)
        for gate in self.gate_ids:
            gate.copy(
                {
                    "process_id": twin.id,
                    "phase_id": phases[gate.phase_id].id,
                    "step_id": steps[gate.step_id].id if gate.step_id else False,
                }
            )

    # ------------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------------

    def action_new_version(self):
        """A draft copy of this version, with the next number, to be changed and activated."""
        self.ensure_one()
        latest = self.search(
            [
                ("code", "=", self.code),
                ("company_id", "=", self.company_id.id),
            ],
            order="version desc",
            limit=1,
        )
        draft = self.copy(
            {
                "code": self.code,
                "name": self.name,
                "version": latest.version + 1,
                "origin_id": self.id,
                "team_ids": [fields.Command.set(self.team_ids.ids)],
            }
        )
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": draft.id,
            "view_mode": "form",
        }

    def action_activate(self):
        """Check the draft, freeze it and let new leads run on it.

        :raise UserError: problems that would let a deal get stuck, all of them, each with its step.
        """
        self.check_access("write")
        for process in self:
            blocking = [text for text, blocks in process._problems() if blocks]
            if blocking:
                raise UserError(
                    self.env._(
                        "%(process)s cannot be activated yet:\n%(problems)s",
                        process=process.display_name,
                        problems="\n".join(f"• {text}" for text in blocking),
                    )
                )
            former = self.search(
                [
                    ("code", "=", process.code),
                    ("company_id", "=", process.company_id.id),
                    ("state", "=", "active"),
                ]
            )
            former.sudo().write({"state": "archived"})
            former.flush_recordset(["state"])
            process.sudo().write({"state": "active"})
        self._provide_stages()
        return True

    def action_archive_version(self):
        """Take no new leads on this version; running deals finish on it."""
        self.check_access("write")
        self.filtered(lambda process: process.state == "active").sudo().write({"state": "archived"})
        return True

    def action_view_cases(self):
        """Open the deals that run on this version."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Deals"),
            "res_model": "sales.process.case",
            "view_mode": "list,form",
            "domain": [("process_id", "=", self.id)],
        }

    # ------------------------------------------------------------------
    # STAGES
    # ------------------------------------------------------------------

    def _provide_stages(self):
        """See that each team of the process has a stage for each phase; only what is missing is made."""
        for process in self.filtered(lambda process: process.state == "active"):
            for team in process.team_ids:
                process.phase_ids._provide_stages(team)

    # ------------------------------------------------------------------
    # ERROR DESK
    # ------------------------------------------------------------------

    def _warn_owner(self):
        """One activity for the owner of each process, however many steps failed."""
        for process in self.sudo():
            owner = process._responsible()
            words = process.with_context(lang=owner.lang).env
            if not process._warnings():
                process.with_context(mail_activity_quick_update=True).activity_schedule(
                    "mail.mail_activity_data_warning",
                    user_id=owner.id,
                    summary=words._("Automatic steps have failed: see the error desk"),
                )

    def _responsible(self):
        """Who sees to it when the process cannot go on by itself."""
        return self.owner_id if self.owner_id.active else self.env.ref("base.user_admin")

    def _clear_warning(self):
        """The warning goes when nothing is on the error desk any more."""
        warned = self.sudo().filtered(lambda process: process._warnings())
        for process in warned:
            failed = process.env["sales.process.task"].search_count(
                [
                    ("process_id", "=", process.id),
                    ("error", "!=", False),
                ],
                limit=1,
            )
            if not failed:
                process._warnings().unlink()

    def _warnings(self):
        return self.activity_search(["mail.mail_activity_data_warning"])

    # ------------------------------------------------------------------
    # ENGINE
    # ------------------------------------------------------------------

    @tools.ormcache("self.id")
    def _definition(self):
        """This version as the engine knows it, kept in the cache."""
        return self._read_definition()

    def _read_definition(self):
        process = self.sudo()
        return engine.Process(
            code=process.code,
            version=process.version,
            phases=tuple(process.phase_ids.mapped("code")),
            steps=tuple(step._definition() for step in process.step_ids),
            gates=tuple(gate._definition() for gate in process.gate_ids),
        )
