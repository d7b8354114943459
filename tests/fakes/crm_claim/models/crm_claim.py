from odoo import fields, models


class CrmClaim(models.Model):
    """A claim of a customer, with the names that the real one has."""

    _name = "crm.claim"
    _description = "Claim"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "priority, date desc"

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    date = fields.Datetime(default=fields.Datetime.now)
    date_closed = fields.Datetime()
    priority = fields.Selection([("0", "Low"), ("1", "Normal"), ("2", "High")], default="1")
    user_id = fields.Many2one("res.users", default=lambda self: self.env.user)
    team_id = fields.Many2one("crm.team")
    company_id = fields.Many2one("res.company", default=lambda self: self.env.company)
    partner_id = fields.Many2one("res.partner")
    stage_id = fields.Many2one("crm.claim.stage")
