from odoo import fields, models
from odoo.tools import format_date


class CrmClaim(models.Model):
    """A claim, as it stands on the task of whoever is about to ring its customer up."""

    _inherit = "crm.claim"

    _process_complaint_order = "priority desc, date, id"

    # The claims of a customer are looked for on each renewal.
    partner_id = fields.Many2one(index="btree_not_null")

    def _process_complaint_row(self):
        self.ensure_one()
        claim = self.sudo()  # names of people and teams, for who may read the claim
        since = fields.Datetime.context_timestamp(self, claim.date or claim.create_date).date()
        return {
            "number": claim._process_claim_number(),
            "title": claim.name,
            "since": format_date(self.env, since),
            "who": claim.user_id.name or claim.team_id.name or "",
            "urgent": claim.priority == "2",
        }

    def _process_claim_number(self):
        """The claim's own code, where an add-on gives it one."""
        return ("code" in self._fields and self.code) or f"#{self.id}"
