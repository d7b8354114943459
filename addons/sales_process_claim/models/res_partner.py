from odoo import api, models
from odoo.fields import Domain

# The stages in which claims of crm_claim end: a stage itself does not say so.
LAST_STAGES = ("crm_claim.stage_claim2", "crm_claim.stage_claim3")


class ResPartner(models.Model):
    """A claim that is neither closed nor in a last stage is what renewals call an open complaint."""

    _inherit = "res.partner"

    @api.model
    def _process_complaint_sources(self):
        stages = [self.env["ir.model.data"]._xmlid_to_res_id(stage) for stage in LAST_STAGES]
        still_open = Domain("date_closed", "=", False) & Domain(
            "stage_id", "not in", list(filter(None, stages))
        )
        return super()._process_complaint_sources() | {"crm.claim": still_open}
