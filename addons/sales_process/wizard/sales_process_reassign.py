from odoo import api, fields, models


class SalesProcessReassign(models.TransientModel):
    """Asks to whom tasks are handed over."""

    _name = "sales.process.reassign"
    _description = "Hand Tasks Over"

    task_ids = fields.Many2many(
        "sales.process.task",
        string="Tasks",
        required=True,
        default=lambda self: self.env.context.get("active_ids"),
    )
    user_id = fields.Many2one("res.users", string="To", required=True, domain=[("share", "=", False)])
    with_lead = fields.Boolean(
        string="The Deals as Well",
        compute="_compute_with_lead",
        store=True,
        readonly=False,
        help="They become the salesperson: what follows is theirs too, and letters go in their name.",
    )

    @api.depends("task_ids")
    def _compute_with_lead(self):
        """Deals in whose name nobody works need somebody."""
        for wizard in self:
            leads = wizard.task_ids.sudo().lead_id
            wizard.with_lead = bool(leads) and not any(lead.user_id.active for lead in leads)

    def action_reassign(self):
        """Give the tasks, with their activities, to the person chosen; their deals too, if so wished."""
        self.ensure_one()
        self.task_ids.action_reassign(self.user_id.id)
        if self.with_lead:
            self.task_ids.lead_id.write({"user_id": self.user_id.id})
        return {"type": "ir.actions.act_window_close"}
