from odoo import fields, models


class HelpdeskTicketStage(models.Model):
    """Where a ticket stands; some stages are the end of it."""

    _name = "helpdesk.ticket.stage"
    _description = "Stage of a Ticket"

    name = fields.Char(required=True)
    closed = fields.Boolean()
    company_id = fields.Many2one("res.company")
