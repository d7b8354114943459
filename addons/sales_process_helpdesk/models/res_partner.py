from odoo import api, models


class ResPartner(models.Model):
    """A ticket that is not closed is what renewals call an open complaint."""

    _inherit = "res.partner"

    @api.model
    def _process_complaint_sources(self):
        return super()._process_complaint_sources() | {"helpdesk.ticket": [("closed", "=", False)]}
