from odoo import api, fields, models
from odoo.exceptions import AccessError

from .given_values import with_defaults
from .sales_document import INTERNAL, INTERNAL_KEY

PRICELIST_FIELDS = ("property_product_pricelist", "specific_property_product_pricelist")
GIVER = "process_pricelist_user_id"


class ResPartner(models.Model):
    """Who gave a customer their price list: discounts are measured by it, and could be hidden in it."""

    _inherit = "res.partner"

    process_pricelist_user_id = fields.Many2one(
        "res.users", string="Price List Given By", company_dependent=True, readonly=True, copy=False
    )
    process_pricelist_open = fields.Boolean(
        compute="_compute_process_pricelist_open",
        help="Somebody who may not make price lists chose it: discounts are measured by the general one.",
    )

    @api.depends("specific_property_product_pricelist", GIVER, "commercial_partner_id")
    @api.depends_context("company")
    def _compute_process_pricelist_open(self):
        for partner in self:
            partner.process_pricelist_open = not partner._process_pricelist_is_agreed()

    @api.model_create_multi
    def create(self, vals_list):
        own_list = [with_defaults(self, vals, PRICELIST_FIELDS) for vals in vals_list]
        vals_list = [{name: vals[name] for name in vals if name != GIVER} for vals in vals_list]
        partners = super().create(vals_list)
        for partner, vals in zip(partners, own_list, strict=True):
            if any(vals.get(name) for name in PRICELIST_FIELDS):
                partner._process_pricelist_given()
        return partners

    def write(self, vals):
        if self.env.context.get(INTERNAL_KEY) is INTERNAL:
            return super().write(vals)
        vals = {name: vals[name] for name in vals if name != GIVER}
        if set(PRICELIST_FIELDS).isdisjoint(vals):
            return super().write(vals)
        before = {partner: partner.specific_property_product_pricelist for partner in self}
        result = super().write(vals)
        self.filtered(
            lambda partner: partner.specific_property_product_pricelist != before[partner]
        )._process_pricelist_given()
        return result

    def action_process_agree_pricelist(self):
        """Who may make price lists agrees to the ones these customers have: discounts are measured by them.

        :raise AccessError: for everybody else.
        """
        self.check_access("write")
        if not self.env["product.pricelist"].has_access("write"):
            raise AccessError(self.env._("Only who may make price lists can agree to a customer's."))
        holders = self.browse().union(*(partner._process_pricelist_holder() for partner in self))
        (self | holders)._process_pricelist_given()
        return True

    def _process_pricelist_given(self):
        """Keep that the current user has chosen, or agreed to, the price lists of these contacts."""
        self.sudo().with_context(**{INTERNAL_KEY: INTERNAL}).write({GIVER: self.env.uid})

    def _process_pricelist_holder(self):
        """The contact's company, where it has the same price list; else the contact."""
        self.ensure_one()
        company, own = self.commercial_partner_id.sudo(), self.sudo()
        same = company.specific_property_product_pricelist == own.specific_property_product_pricelist
        return company if same else own

    def _process_pricelist_is_agreed(self, sellers=None):
        """Whether this contact's price list is one to measure discounts by: a general one, or given by
        somebody who may make price lists and does not sell here. Who gave those there were before is not
        known; they are taken as agreed.

        :param sellers: users who sell now.
        """
        self.ensure_one()
        holder = self._process_pricelist_holder()
        giver = holder.process_pricelist_user_id
        if not holder.specific_property_product_pricelist or not giver:
            return True
        is_seller = bool(sellers) and giver in sellers
        return not is_seller and self.env["product.pricelist"].with_user(giver).has_access("write")

    def _process_pricelist(self, sellers):
        """The price list by which discounts to this contact are measured, in the company of the environment.

        :param sellers: users who sell to them.
        """
        self.ensure_one()
        # which list is general may be said by a client's context
        partner = self.sudo().with_context(country_code=None)
        if self._process_pricelist_is_agreed(sellers):
            return partner.property_product_pricelist
        country = partner.country_id
        return (
            self.env["product.pricelist"]
            .sudo()
            .with_context(country_code=None)
            ._get_country_pricelist_multi(country.ids)[country.id]
        )
