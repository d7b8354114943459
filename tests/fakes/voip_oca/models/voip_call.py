from odoo import fields, models


class VoipCall(models.Model):
    """A call of the softphone, with the names that the real one has."""

    _name = "voip.call"
    _description = "Call of a Softphone"

    phone_number = fields.Char(required=True)
    type_call = fields.Selection([("incoming", "Incoming"), ("outgoing", "Outgoing")], default="outgoing")
    state = fields.Selection(
        [(name, name) for name in ("aborted", "calling", "missed", "ongoing", "rejected", "terminated")],
        default="calling",
    )
    start_date = fields.Datetime()
    end_date = fields.Datetime()
    partner_id = fields.Many2one("res.partner")
    user_id = fields.Many2one("res.users", default=lambda self: self.env.uid)

    def accept_call(self):
        self.start_date = fields.Datetime.now()
        self.state = "ongoing"

    def terminate_call(self):
        self.end_date = fields.Datetime.now()
        self.state = "terminated"

    def reject_call(self):
        self.end_date = fields.Datetime.now()
        self.state = "rejected"
