from odoo import api, fields, models


class SalesApproval(models.Model):
    """Who approves sees what cannot be delivered in time."""

    _inherit = "sales.approval"

    stock_warning = fields.Char(
        string="Not There in Time", compute="_compute_stock_warning", compute_sudo=True
    )

    @api.depends("order_id.order_line.process_stock_short", "state")
    @api.depends_context("lang", "tz")
    def _compute_stock_warning(self):
        waiting = self.filtered(lambda approval: approval.state == "waiting")
        (self - waiting).stock_warning = False
        for approval in waiting:
            approval.stock_warning = approval.order_id.order_line._process_stock_warning()
