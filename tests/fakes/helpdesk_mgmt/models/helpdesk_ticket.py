from odoo import fields, models


class HelpdeskTicket(models.Model):
    """A ticket of the helpdesk, with the names that the real one has."""

    _name = "helpdesk.ticket"
    _description = "Helpdesk Ticket"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _rec_name = "number"
    _order = "priority desc, id desc"

    number = fields.Char(
        default=lambda self: self.env["ir.sequence"].next_by_code("helpdesk.ticket.sequence"), readonly=True
    )
    name = fields.Char(string="Title", required=True)
    description = fields.Html(required=True)
    user_id = fields.Many2one("res.users")
    team_id = fields.Many2one("helpdesk.ticket.team")
    stage_id = fields.Many2one("helpdesk.ticket.stage")
    closed = fields.Boolean(related="stage_id.closed")
    partner_id = fields.Many2one("res.partner", string="Contact")
    commercial_partner_id = fields.Many2one(related="partner_id.commercial_partner_id", store=True)
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    priority = fields.Selection(
        [("0", "Low"), ("1", "Medium"), ("2", "High"), ("3", "Very High")], default="1"
    )
    active = fields.Boolean(default=True)
