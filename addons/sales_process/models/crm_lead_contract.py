from odoo import fields, models


class CrmLead(models.Model):
    """The lead on which contracts are renewed."""

    _inherit = "crm.lead"

    renewal_contract_ids = fields.One2many(
        "sale.order", "renewal_lead_id", string="Contracts to Renew", readonly=True
    )

    def _merge_dependences(self, opportunities):
        """Contracts keep their renewal opportunity when it is merged into another."""
        result = super()._merge_dependences(opportunities)
        contracts = opportunities.sudo().renewal_contract_ids
        if contracts:
            contracts._contract_set({"renewal_lead_id": self.id})
        return result
