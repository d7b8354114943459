from odoo import fields, models


class ResUsers(models.Model):
    """The teams of a user, which the rules ask for."""

    _inherit = "res.users"

    helpdesk_team_ids = fields.Many2many("helpdesk.ticket.team")
