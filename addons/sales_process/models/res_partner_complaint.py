from odoo import api, models
from odoo.fields import Domain


class ResPartner(models.Model):
    """What a contact's company complains about, as far as an add-on keeps it."""

    _inherit = "res.partner"

    @api.model
    def _process_complaint_sources(self):
        """Where complaints of customers are kept: nowhere, unless an add-on for claims or a helpdesk is tied
        in. A bridge adds its model here; that is all that renewals need to show its complaints.

        :return: dict model name -> domain of its open complaints. The model has `partner_id`, `company_id`,
            `_process_complaint_order` (the most urgent first), and `_process_complaint_row()`: a dict with
            `number`, `title`, `since` (in words), `who` handles it and whether it is `urgent`.
        """
        return {}

    def _process_complaint_counts(self, companies):
        """How many complaints are open, in one statement for each source, whatever the user may read.

        Of these contacts' companies, or of all customers where there are no contacts.

        :param companies: of ours; complaints to others do not count.
        :return: dict (company of ours, customer's company) -> number. Complaints to no company in particular
            stand under the empty one.
        """
        counts = {}
        theirs = Domain("partner_id.commercial_partner_id", "in", self.commercial_partner_id.ids)
        theirs = theirs if self else Domain("partner_id", "!=", False)
        ours = Domain("company_id", "in", [*companies.ids, False])
        for model, still_open in self._process_complaint_sources().items():
            rows = (
                self.env[model]
                .sudo()
                ._read_group(
                    Domain(still_open) & theirs & ours,
                    ["company_id", "partner_id.commercial_partner_id"],
                    ["__count"],
                )
            )
            for company, customer, count in rows:
                counts[company, customer] = counts.get((company, customer), 0) + count
        return counts
