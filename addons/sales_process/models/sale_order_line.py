from odoo import api, models

COMMERCIAL_FIELDS = frozenset(
    {
        "order_id", "product_id", "product_uom_id", "product_uom_qty", "price_unit", "discount", "tax_ids",
        "name", "display_type",
    }
)  # fmt: skip


class SaleOrderLine(models.Model):
    """What an approver judges of a line; it does not change meanwhile."""

    _inherit = "sale.order.line"

    @api.model_create_multi
    def create(self, vals_list):
        orders = self.env["sale.order"].browse(
            {vals["order_id"] for vals in vals_list if vals.get("order_id")}
        )
        orders._check_not_judged()
        return super().create(vals_list)

    def write(self, vals):
        changed = COMMERCIAL_FIELDS.intersection(vals)
        if changed:
            self.filtered(
                lambda line: any(not line._approval_same(vals, name) for name in changed)
            ).order_id._check_not_judged()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_judged(self):
        self.order_id._check_not_judged()

    def _approval_same(self, vals, name):
        field = self._fields[name]
        before = field.convert_to_cache(self[name], self, validate=False)
        return field.convert_to_cache(vals[name], self, validate=False) == before

    def _approval_gross(self):
        """The line's untaxed amount before its discount."""
        self.ensure_one()
        kept = 1 - self.discount / 100
        return self.price_subtotal / kept if kept else self.price_unit * self.product_uom_qty

    def _approval_products(self):
        """`{product: {qty, net, discount}}`: quantity in the product's own unit, the
        lowest untaxed price of one, the highest discount."""
        found = {}
        for line in self:
            key = str(line.product_id.id or line.name)
            qty = line._approval_quantity()
            unit = line.price_subtotal / qty if qty else line.price_unit * (1 - line.discount / 100)
            entry = found.setdefault(key, {"qty": 0.0, "net": unit, "discount": 0.0})
            entry["qty"] = round(entry["qty"] + qty, 6)
            entry["net"] = round(min(entry["net"], unit), 6)
            entry["discount"] = round(max(entry["discount"], line.discount), 4)
        return found

    def _approval_quantity(self):
        if not self.product_id or not self.product_uom_id:
            return self.product_uom_qty
        return self.product_uom_id._compute_quantity(
            self.product_uom_qty, self.product_id.uom_id, round=False
        )

    def _approval_discount(self):
        """How far, in percent, the line's price is under the customer's own price."""
        self.ensure_one()
        order = self.order_id
        pricelist = order.partner_id.property_product_pricelist
        price = pricelist._get_product_price(
            self.product_id.with_context(**self._get_product_price_context()),
            self.product_uom_qty or 1.0,
            currency=order.currency_id,
            uom=self.product_uom_id,
            date=order.date_order,
        )
        net = self.price_unit * (1 - self.discount / 100)
        return round(100 * (1 - net / price), 4) if price else self.discount
