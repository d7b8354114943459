from odoo import fields, models

from .sale_order_our_signature import TOLD_KEY
from .sales_document import INTERNAL


class CrmLead(models.Model):
    """The lead on which contracts are renewed."""

    _inherit = "crm.lead"

    renewal_contract_ids = fields.One2many(
        "sale.order", "renewal_lead_id", string="Contracts to Renew", readonly=True
    )

    def _handle_won_lost(self, old_status_by_lead, new_status_by_lead):
        """A contract of a deal that is lost is not offered any more, on whatever road the deal was lost."""
        result = super()._handle_won_lost(old_status_by_lead, new_status_by_lead)
        lost = [lead_id for lead_id, status in new_status_by_lead.items() if status.get("is_lost")]
        if lost:
            lying = (
                self.env["sale.order"]
                .sudo()
                .search([("opportunity_id", "in", lost), ("contract_state", "=", "to_sign")])
            )
            lying._contract_mark_declined(
                self.env._("The deal is lost: the contract is not offered any more.")
            )
        return result

    def _contract_take_notice(self, reason):
        """The customer does not go on with the contracts that these leads were to renew.

        :param reason: the lost reason, which is why they leave us.
        """
        self.renewal_contract_ids.with_context(**{TOLD_KEY: INTERNAL})._contract_take_notice(reason)

    def _contract_leave_renewal(self, reason):
        """Nothing is left to renew: renewals whose step did not listen are lost all the same.

        :param reason: the lost reason, which is why the contract was ended.
        """
        for lead in self.filtered(
            lambda lead: lead.won_status == "pending" and lead.process_id.kind == "renewal"
        ):
            lead.action_set_lost(lost_reason_id=reason.id)

    def _merge_dependences(self, opportunities):
        """Contracts keep their renewal opportunity when it is merged into another."""
        result = super()._merge_dependences(opportunities)
        contracts = opportunities.sudo().renewal_contract_ids
        if contracts:
            contracts._contract_set({"renewal_lead_id": self.id})
        return result
