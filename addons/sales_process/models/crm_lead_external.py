from odoo import models


class CrmLead(models.Model):
    """Keeps the references that other systems know a lead by through a merge."""

    _inherit = "crm.lead"

    def _merge_dependences(self, opportunities):
        """The lead that remains answers to the references of all."""
        result = super()._merge_dependences(opportunities)
        refs = self.env["crm.lead.external.ref"].sudo().search([("lead_id", "in", opportunities.ids)])
        refs.lead_id = self
        return result
