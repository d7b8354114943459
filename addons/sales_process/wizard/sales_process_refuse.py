from odoo import fields, models


class SalesProcessRefuse(models.TransientModel):
    """Asks why the customer says no."""

    _name = "sales.process.refuse"
    _description = "The Customer Refuses"

    lead_ids = fields.Many2many(
        "crm.lead", required=True, default=lambda self: self.env.context.get("active_ids")
    )
    lost_reason_id = fields.Many2one("crm.lost.reason", required=True)
    process_return = fields.Selection(related="lost_reason_id.process_return")
    process_return_weeks = fields.Integer(related="lost_reason_id.process_return_weeks")
    return_date = fields.Date(string="Come Back On")
    comment = fields.Text(string="What They Said")

    def action_refuse(self):
        """The leads are lost; open tasks and letters are cancelled."""
        self.ensure_one()
        if self.return_date:
            self.lead_ids.process_return_date = self.return_date
        return self.lead_ids.process_refuse(self.lost_reason_id.id, self.comment)
