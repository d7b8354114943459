from odoo import fields, models
from odoo.tools import format_date

URGENT = ("2", "3")


class HelpdeskTicket(models.Model):
    """A ticket, as it stands on the task of whoever is about to ring its customer up."""

    _inherit = "helpdesk.ticket"

    _process_complaint_order = "priority desc, create_date, id"

    # The tickets of a customer are looked for on each renewal.
    partner_id = fields.Many2one(index="btree_not_null")

    def _process_complaint_row(self):
        self.ensure_one()
        ticket = self.sudo()  # names of people and teams, for who may read the ticket
        since = fields.Datetime.context_timestamp(self, ticket.create_date).date()
        return {
            "number": ticket.number,
            "title": ticket.name,
            "since": format_date(self.env, since),
            "who": ticket.user_id.name or ticket.team_id.name or "",
            "urgent": ticket.priority in URGENT,
        }
