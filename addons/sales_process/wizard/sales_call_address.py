from odoo import fields, models


class SalesCallAddress(models.TransientModel):
    """Shows a new address this once; it is written down nowhere."""

    _name = "sales.call.address"
    _description = "Address of a Telephone System"

    url = fields.Char(string="Address", readonly=True, store=False)
