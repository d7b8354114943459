import ast

from markupsafe import Markup
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class SalesProcessEnroll(models.TransientModel):
    """Enters leads that are there already into the process of their team, after showing what would happen."""

    _name = "sales.process.enroll"
    _description = "Enter Leads into a Process"

    team_id = fields.Many2one(
        "crm.team",
        string="Sales Team",
        compute="_compute_team_id",
        store=True,
        readonly=False,
    )
    process_id = fields.Many2one(
        "sales.process",
        compute="_compute_process_id",
        store=True,
        readonly=False,
        domain="[('state', '=', 'active'), ('team_ids', 'in', team_id)]",
    )
    lead_ids = fields.Many2many(
        "crm.lead", string="Chosen Leads", default=lambda self: self._default_lead_ids()
    )
    chosen_count = fields.Integer(compute="_compute_chosen_count")
    domain = fields.Char(string="Only Leads", default="[]")
    step_id = fields.Many2one(
        "sales.process.step",
        string="All at Step",
        domain="[('process_id', '=', process_id)]",
        help="Empty: each lead enters by the stage it stands in.",
    )
    enter_count = fields.Integer(compute="_compute_preview")
    preview = fields.Html(compute="_compute_preview", sanitize=False)

    @api.model
    def _default_lead_ids(self):
        return (
            self.env.context.get("active_ids")
            if self.env.context.get("active_model") == "crm.lead"
            else False
        )

    @api.depends("lead_ids")
    def _compute_chosen_count(self):
        for wizard in self:
            wizard.chosen_count = len(wizard.lead_ids)

    @api.depends("lead_ids")
    def _compute_team_id(self):
        """The team of the leads chosen; else the user's own; one that has a process comes first."""
        with_process = self.env["crm.team"].browse(self.env["sales.process"]._active_by_team())
        for wizard in self:
            teams = wizard.lead_ids.team_id or self.env.user.sale_team_id | with_process
            wizard.team_id = (teams & with_process or teams)[:1]

    @api.depends("team_id")
    def _compute_process_id(self):
        by_team = self.env["sales.process"]._active_by_team()
        for wizard in self:
            wizard.process_id = by_team.get(wizard.team_id._origin.id or wizard.team_id.id, (False,))[0]

    # -- which leads ------------------------------------------------------------------------------

    def _candidates(self):
        """The leads that were chosen, or those of the team that the filter admits."""
        if self.lead_ids:
            return self.lead_ids._origin
        try:
            domain = Domain(ast.literal_eval(self.domain or "[]"))
        except (ValueError, SyntaxError) as error:
            raise UserError(self.env._("This filter cannot be read: %s", self.domain)) from error
        return self.env["crm.lead"].search(domain & Domain("team_id", "=", self.team_id.id))

    def _sort_out(self):
        """(leads that enter, dict reason -> leads that are left as they are)."""
        left, rest = {}, self._candidates()
        tests = [
            (self.env._("of another team"), lambda lead: lead.team_id != self.team_id._origin),
            (
                self.env._("won, lost or archived"),
                lambda lead: lead.won_status != "pending" or not lead.active,
            ),
            (self.env._("already in a process"), lambda lead: lead.process_case_id),
        ]
        for why, test in tests:
            out = rest.filtered(test)
            if out:
                left[why] = out
                rest -= out
        fitting = self.process_id._origin._fitting(rest) if self.process_id else rest.browse()
        if rest - fitting:
            left[self.env._("not admitted by the start rules of the process")] = rest - fitting
        return fitting, left

    def _entry_step(self, lead):
        """The step at which a lead would enter."""
        if self.step_id:
            return self.step_id
        process = self.process_id._origin
        code = process._entry_for(lead) or process._definition().start.code
        return process.step_ids.filtered(lambda step: step.code == code)

    @api.depends("team_id", "process_id", "lead_ids", "domain", "step_id")
    def _compute_preview(self):
        for wizard in self:
            enter, left = (
                wizard._sort_out() if wizard.team_id and wizard.process_id else (self.env["crm.lead"], {})
            )
            wizard.enter_count = len(enter)
            wizard.preview = wizard._preview_table(enter, left)

    def _preview_table(self, enter, left):
        row = Markup("<tr><td>%s</td><td>%s</td><td class='text-end'>%s</td></tr>")
        groups = {}
        for lead in enter:
            key = (lead.stage_id.name or "—", self._entry_step(lead).name or "—")
            groups[key] = groups.get(key, 0) + 1
        rows = [row % (stage, step, count) for (stage, step), count in groups.items()]
        rows += [row % (self.env._("Left as they are"), why, len(leads)) for why, leads in left.items()]
        if not rows:
            why = (
                self.env._("No leads found.")
                if self.process_id
                else self.env._("This team has no active process.")
            )
            return Markup("<p class='text-muted'>%s</p>") % why
        head = Markup("<tr><th>%s</th><th>%s</th><th class='text-end'>%s</th></tr>") % (
            self.env._("Stands in"),
            self.env._("Enters at"),
            self.env._("Leads"),
        )
        return Markup("<table class='table table-sm'><thead>%s</thead><tbody>%s</tbody></table>") % (
            head,
            Markup().join(rows),
        )

    # -- doing it ---------------------------------------------------------------------------------

    def action_enroll(self):
        """Enter the leads; nothing is written to a customer before a person has acted.

        :raise UserError: none of them can enter.
        """
        self.ensure_one()
        enter, _left = self._sort_out()
        if not enter:
            raise UserError(self.env._("None of these leads can enter the process."))
        enter.check_access("write")
        enter._process_enter(dict.fromkeys(enter, self.process_id), self.step_id.code, quiet=True)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._("%s leads have entered the process.", len(enter)),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
