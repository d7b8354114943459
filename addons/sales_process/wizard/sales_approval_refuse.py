from odoo import fields, models


class SalesApprovalRefuse(models.TransientModel):
    """Asks the approver for the reason of a refusal."""

    _name = "sales.approval.refuse"
    _description = "Refuse an Approval"

    approval_ids = fields.Many2many("sales.approval", required=True)
    comment = fields.Text("What must change", required=True)

    def action_refuse(self):
        self.ensure_one()
        return self.approval_ids.decide(False, self.comment)
