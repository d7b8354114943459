from odoo import api, models


class CalendarEvent(models.Model):
    """Meetings with customers: booking one is a sign of life, moving one moves the task about it."""

    _inherit = "calendar.event"

    @api.model_create_multi
    def create(self, vals_list):
        events = super().create(vals_list)
        leads = events.opportunity_id.filtered("process_case_id")
        if leads:
            leads._process_customer_lives(self.env._("a meeting was booked"))
        return events

    def write(self, vals):
        result = super().write(vals)
        if {"start", "stop", "duration", "active"} & set(vals):
            self.env["sales.process.case"].sudo().search(
                [
                    ("meeting_id", "in", self.ids),
                    ("state", "in", ("running", "paused")),
                ]
            )._dates_changed("meeting_end")
        return result
