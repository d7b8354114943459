from odoo import api, fields, models

from .sale_order_our_signature import SIGNING


class ResCompany(models.Model):
    """The working hours of a company, in which deadlines of teams without hours of their own count; and
    its currency, in which the figures are kept."""

    _inherit = "res.company"

    contract_signing = fields.Selection(
        SIGNING, string="Signing Order of Contracts", default="customer", required=True
    )

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        self.env["sales.process.dynamics.day"]._mark_all()
        return companies

    def write(self, vals):
        if "currency_id" in vals:
            self.env["sales.process.dynamics.day"]._mark_all()
        result = super().write(vals)
        if "resource_calendar_id" in vals:
            self.resource_calendar_id._process_hours_changed()
            self.env["sales.process.task.day"]._mark_all()
        return result
