from odoo import models


class CrmLead(models.Model):
    """Tells the roll-up of the deal dynamics which leads' days are to be made anew."""

    _inherit = "crm.lead"

    def _write_multi(self, vals_list):  # pylint: disable=missing-return
        """The figures go by the source and the country that a lead has now."""
        super()._write_multi(vals_list)
        lead_ids = [
            lead.id
            for lead, vals in zip(self, vals_list, strict=True)
            if "source_id" in vals or "country_id" in vals
        ]
        self.env["sales.process.dynamics.day"]._mark_leads(lead_ids)

    def unlink(self):
        """The stays go with their leads."""
        self.env["sales.process.dynamics.day"]._mark_leads(self.ids)
        return super().unlink()
