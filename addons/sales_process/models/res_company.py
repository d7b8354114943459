from odoo import models


class ResCompany(models.Model):
    """The working hours of a company: deadlines of teams without hours of their own count in them."""

    _inherit = "res.company"

    def write(self, vals):
        result = super().write(vals)
        if "resource_calendar_id" in vals:
            self.resource_calendar_id._process_hours_changed()
        return result
