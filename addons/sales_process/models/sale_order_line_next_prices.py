from odoo import models


class SaleOrderLine(models.Model):
    """A line's price may hold taxes; what a contract is worth never does."""

    _inherit = "sale.order.line"

    def _contract_untaxed_share(self):
        """How much of the price is no tax: 1 where taxes are added to it."""
        self.ensure_one()
        price = self.price_unit * self.product_uom_qty * (1 - self.discount / 100)
        return self.price_subtotal / price if price else 1.0
