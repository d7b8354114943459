from odoo import fields, models


class ResPartner(models.Model):
    """The calls with a contact; and a company's own contact, whose time zone says where its days begin."""

    _inherit = "res.partner"

    # A caller is looked for by it while the telephone rings.
    phone_sanitized = fields.Char(index="btree_not_null")
    call_count = fields.Integer(
        compute="_compute_call_count", string="Calls", groups="sales_process.group_user"
    )

    def write(self, vals):
        if "tz" in vals and self.sudo().ref_company_ids:
            self.env["sales.process.dynamics.day"]._mark_all()
        return super().write(vals)

    def _compute_call_count(self):
        """Calls with the contact and, of a company, with its people."""
        counts = self.env["sales.call"]._read_group(
            [("partner_id", "child_of", self.ids)], ["partner_id"], ["__count"]
        )
        for partner in self:
            partner.call_count = sum(
                count for other, count in counts if other == partner or other.parent_id == partner
            )

    def _sales_customer_kind(self):
        """Code of the kind of customer this is: company, sole_trader or person.

        A person with a tax number of their own trades under their own name.
        """
        self.ensure_one()
        customer = self.commercial_partner_id
        if customer.is_company:
            return "company"
        return "sole_trader" if customer.vat else "person"

    def action_view_calls(self):
        """The calls with these contacts."""
        action = self.env["ir.actions.act_window"]._for_xml_id("sales_process.action_sales_call")
        return {
            **action,
            "domain": [("partner_id", "child_of", self.ids)],
            "context": {
                "pivot_measures": ["__count", "minutes"],
                "default_res_model": "res.partner",
                "default_res_id": self[:1].id,
            },
        }
