from odoo import api, models

from .given_values import with_defaults

# Worked out by Odoo, or by the contract; written by hand they would tell an approver of prices nobody pays.
WORKED_OUT = frozenset(
    {"price_subtotal", "price_tax", "price_total", "margin", "margin_percent", "contract_full_price"}
)
COMMERCIAL_FIELDS = frozenset(
    {
        "order_id", "product_id", "product_uom_id", "product_uom_qty", "price_unit", "discount", "tax_ids",
        "name", "display_type", "extra_tax_data", "is_downpayment",
    }
)  # fmt: skip


class SaleOrderLine(models.Model):
    """What an approver judges of a line: it does not change meanwhile, and not for the worse afterwards."""

    _inherit = "sale.order.line"

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        given = {name for vals in vals_list for name in with_defaults(self, vals, WORKED_OUT)}
        lines.order_id._check_worked_out(WORKED_OUT & given)
        # Only now every line knows its order: it may have come by the context.
        lines.order_id._check_not_judged()
        lines.filtered("product_uom_qty").order_id._check_confirmed()
        lines.order_id._contract_follow_change()
        return lines

    def write(self, vals):
        changed = self._approval_changed(vals)
        self.order_id._check_worked_out(WORKED_OUT.intersection(vals))
        changed.order_id._check_not_judged()
        result = super().write(vals)
        if "order_id" in vals:
            changed.order_id._check_not_judged()
        changed.order_id._check_confirmed()
        changed.order_id._contract_follow_change()
        return result

    def unlink(self):
        orders = self.order_id
        result = super().unlink()
        orders.exists()._check_confirmed()
        orders.exists()._contract_follow_change()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_judged(self):
        self.order_id._check_not_judged()

    def _approval_changed(self, vals):
        """The lines of which `vals` would change something that is judged."""
        names = COMMERCIAL_FIELDS.intersection(vals)
        return self.filtered(lambda line: any(not line._approval_same(vals, name) for name in names))

    def _approval_same(self, vals, name):
        field = self._fields[name]
        before = field.convert_to_cache(self[name], self, validate=False)
        return field.convert_to_cache(vals[name], self, validate=False) == before

    def _approval_net(self):
        """The line's untaxed amount, worked out anew: the stored one can be written over RPC."""
        return self._approval_amounts()["total_excluded_currency"]

    def _approval_net_exact(self):
        """The same before it is rounded, as prices are compared; an amount that was set by hand as it is."""
        amounts = self._approval_amounts()
        rounded, exact = amounts["total_excluded_currency"], amounts["raw_total_excluded_currency"]
        return rounded if self.currency_id.compare_amounts(rounded, exact) else exact

    def _approval_amounts(self):
        """Odoo's tax details of the line."""
        self.ensure_one()
        AccountTax = self.env["account.tax"]
        base_line = self._prepare_base_line_for_taxes_computation()
        AccountTax._add_tax_details_in_base_line(base_line, self.company_id)
        AccountTax._round_base_lines_tax_details([base_line], self.company_id)
        return base_line["tax_details"]

    def _approval_gross(self, net):
        """The line's untaxed amount before its discount."""
        self.ensure_one()
        kept = 1 - self.discount / 100
        return net / kept if kept else self.price_unit * self.product_uom_qty

    def _approval_products(self, nets):
        """`{product: {qty, net, discount, cut, taxes}}`: quantity in the product's own unit, the lowest
        untaxed price of one, the highest discount, whether one is sold below its sales price, its taxes' ids.

        :param nets: dict line -> its untaxed amount.
        """
        found = {}
        for line in self:
            key = line._approval_key()
            qty = line._approval_quantity()
            unit = nets[line] / qty if qty else line.price_unit * (1 - line.discount / 100)
            entry = found.setdefault(
                key, {"qty": 0.0, "net": unit, "discount": 0.0, "cut": False, "taxes": []}
            )
            entry["qty"] = round(entry["qty"] + qty, 6)
            entry["net"] = round(min(entry["net"], unit), 6)
            entry["discount"] = round(max(entry["discount"], line.discount), 4)
            entry["cut"] = entry["cut"] or line._approval_is_cut(unit)
            entry["taxes"] = sorted({*entry["taxes"], *line.tax_ids.ids})
        return found

    def _approval_key(self):
        """What a line is told apart by when two papers are compared."""
        self.ensure_one()
        return str(self.product_id.id or self.name)

    def _approval_is_cut(self, unit):
        """Whether one piece costs less than its sales price, whatever column that was written in."""
        product = self.product_id
        if not product or not product.lst_price:
            return False
        day = self.order_id._approval_moment().date()
        price = product.currency_id._convert(product.lst_price, self.currency_id, self.company_id, day)
        return self.currency_id.compare_amounts(unit, price) < 0

    def _approval_quantity(self):
        if not self.product_id or not self.product_uom_id:
            return self.product_uom_qty
        return self.product_uom_id._compute_quantity(
            self.product_uom_qty, self.product_id.uom_id, round=False
        )

    def _approval_cost(self):
        """What one costs us, not less than its product's own cost: who sells it can write the line's."""
        self.ensure_one()
        product = self.product_id.with_company(self.company_id)
        if not product:
            return self.purchase_price
        cost = product.uom_id._compute_price(product.standard_price, self.product_uom_id)
        day = self.order_id._approval_moment().date()
        own = product.cost_currency_id._convert(cost, self.currency_id, self.company_id, day)
        return max(self.purchase_price, own)

    def _approval_own_price(self):
        """What one costs this customer by the price list that discounts to them are measured by."""
        self.ensure_one()
        order = self.order_id
        partner = order.partner_id.with_company(order.company_id)
        return partner._process_pricelist(order._approval_sellers())._get_product_price(
            self.product_id.with_context(**self._get_product_price_context()),
            self.product_uom_qty or 1.0,
            currency=order.currency_id,
            uom=self.product_uom_id,
            date=order._approval_moment(),
        )

    def _approval_own_net(self):
        """What the line would come to by that price list, untaxed, with the product's own taxes: another tax
        that is part of the price would be a discount, too."""
        self.ensure_one()
        price, taxes = self._approval_own_price(), self.product_id.taxes_id
        taxes = taxes._filter_taxes_by_company(self.company_id)
        if any(tax.price_include for tax in taxes.flatten_taxes_hierarchy()):
            amounts = taxes.compute_all(price, self.currency_id, self.product_uom_qty, self.product_id)
            return amounts["total_excluded"]
        return price * self.product_uom_qty

    def _approval_discount(self):
        """How far, in percent, the line is under what it would come to by that price list; a line that takes
        something off the total is nothing but a discount."""
        self.ensure_one()
        net = self._approval_net_exact()
        if self.currency_id.compare_amounts(net, 0) < 0:
            return 100.0
        own = self._approval_own_net()
        return round(100 * (1 - net / own), 4) if own else self.discount
