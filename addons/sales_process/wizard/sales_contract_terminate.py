from odoo import fields, models


class SalesContractTerminate(models.TransientModel):
    """Asks for the last day of a contract, and why it ends."""

    _name = "sales.contract.terminate"
    _description = "Terminate a Contract"

    order_ids = fields.Many2many("sale.order", required=True, readonly=True)
    date = fields.Date(string="Last Day", required=True, default=fields.Date.context_today)
    reason = fields.Char(required=True)
    churn_reason_id = fields.Many2one("crm.lost.reason")

    def action_terminate(self):
        """End the contracts on that day."""
        self.ensure_one()
        return self.order_ids.action_contract_terminate(self.date, self.reason, self.churn_reason_id.id)
