from odoo import api, models


class ResourceCalendarLeaves(models.Model):
    """Holidays that change move the deadlines that count around them."""

    _inherit = "resource.calendar.leaves"

    @api.model_create_multi
    def create(self, vals_list):
        leaves = super().create(vals_list)
        leaves._process_calendars()._process_hours_changed()
        return leaves

    def write(self, vals):
        before = self._process_calendars()
        result = super().write(vals)
        (before | self._process_calendars())._process_hours_changed()
        return result

    def unlink(self):
        calendars = self._process_calendars()
        result = super().unlink()
        calendars._process_hours_changed()
        return result

    def _process_calendars(self):
        """The calendars that these days are closed in: without one of their own, all of the company's.

        One person's leave does not change the hours of a team.
        """
        closed = self.filtered(lambda leave: not leave.resource_id)
        everywhere = closed.filtered(lambda leave: not leave.calendar_id)
        if not everywhere:
            return closed.calendar_id
        companies = [False, *everywhere.company_id.ids]
        theirs = self.env["resource.calendar"].sudo().search([("company_id", "in", companies)])
        return closed.calendar_id | theirs
