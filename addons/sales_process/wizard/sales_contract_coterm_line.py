from odoo import fields, models


class SalesContractCotermLine(models.TransientModel):
    """What one of the contracts comes to up to the common end."""

    _name = "sales.contract.coterm.line"
    _description = "Contract Renewed Together"

    wizard_id = fields.Many2one("sales.contract.coterm", required=True, ondelete="cascade")
    order_id = fields.Many2one("sale.order", string="Contract", readonly=True)
    number = fields.Char(related="order_id.contract_number", string="Contract Number")
    currency_id = fields.Many2one(related="order_id.currency_id")
    date_start = fields.Date(string="From", readonly=True)
    months = fields.Float(digits=(6, 2), readonly=True, help="Months up to the common end.")
    term_amount = fields.Monetary(string="Full Term", readonly=True)
    amount = fields.Monetary(string="To the Common End", readonly=True)
