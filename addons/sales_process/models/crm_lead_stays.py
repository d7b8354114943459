from odoo import models


class CrmLead(models.Model):
    """Writes the stage history on every road a lead moves."""

    _inherit = "crm.lead"

    def write(self, vals):
        """Let a stage that was set before in this transaction be a stay of its own."""
        if not vals.keys().isdisjoint(("stage_id", "active", "probability")):
            self.flush_recordset(["stage_id", "won_status"])
        return super().write(vals)

    def _create(self, data_list):
        """See to new leads that bring their ``won_status``: nothing of it is computed."""
        leads = super()._create(data_list)
        given = [data["record"].id for data in data_list if "won_status" in data["stored"]]
        if given:
            self.env["crm.lead.stage.history"]._sync(given)
        return leads

    def _write_multi(self, vals_list):  # pylint: disable=missing-return
        """Keep the stage history.

        Here, where values reach the database, every road comes by: create, write,
        and the computed stage of a team change, which ``write`` never sees. A new
        lead comes by with its ``won_status``, computed after the insertion.
        """
        super()._write_multi(vals_list)
        lead_ids = [
            lead.id
            for lead, vals in zip(self, vals_list, strict=True)
            if "stage_id" in vals or "won_status" in vals
        ]
        if lead_ids:
            self.env["crm.lead.stage.history"]._sync(lead_ids)
