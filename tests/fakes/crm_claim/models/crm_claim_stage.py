from odoo import fields, models


class CrmClaimStage(models.Model):
    """Where a claim stands; which stages are the end of it the real one does not say either."""

    _name = "crm.claim.stage"
    _description = "Claim stages"

    name = fields.Char(required=True)
