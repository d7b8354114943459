from odoo import fields, models


class HelpdeskTicketTeam(models.Model):
    """Who handles tickets together."""

    _name = "helpdesk.ticket.team"
    _description = "Team of a Helpdesk"

    name = fields.Char(required=True)
    user_ids = fields.Many2many("res.users")
    company_id = fields.Many2one("res.company")
