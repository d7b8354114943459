from odoo import fields, models

from .sale_order_our_signature import TOLD_KEY
from .sales_document import INTERNAL


class CrmLead(models.Model):
    """The lead on which contracts are renewed."""

    _inherit = "crm.lead"

    renewal_contract_ids = fields.One2many(
        "sale.order", "renewal_lead_id", string="Contracts to Renew", readonly=True
    )

    def _contract_take_notice(self, reason):
        """The customer does not go on with the contracts that these leads were to renew.

        :param reason: the lost reason, which is why they leave us.
        """
        self.renewal_contract_ids.with_context(**{TOLD_KEY: INTERNAL})._contract_take_notice(reason)

    def _merge_dependences(self, opportunities):
        """Contracts keep their renewal opportunity when it is merged into another."""
        result = super()._merge_dependences(opportunities)
        contracts = opportunities.sudo().renewal_contract_ids
        if contracts:
            contracts._contract_set({"renewal_lead_id": self.id})
        return result
