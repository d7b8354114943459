from odoo import fields, models


class SalesProcessReassign(models.TransientModel):
    """Asks to whom tasks are handed over."""

    _name = "sales.process.reassign"
    _description = "Hand Tasks Over"

    task_ids = fields.Many2many(
        "sales.process.task", required=True, default=lambda self: self.env.context.get("active_ids")
    )
    user_id = fields.Many2one("res.users", string="To", required=True, domain=[("share", "=", False)])

    def action_reassign(self):
        """Give the tasks, with their activities, to the person chosen."""
        self.ensure_one()
        return self.task_ids.action_reassign(self.user_id.id)
