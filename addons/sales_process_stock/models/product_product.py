from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Domain

PLANNED = ("waiting", "confirmed", "partially_available", "assigned")


class ProductProduct(models.Model):
    """From which day on a quantity is there, as receipts and deliveries are planned."""

    _inherit = "product.product"

    def _process_planned_quantities(self):
        """dict product -> {day: what comes in less what goes out}, of the warehouse in the context."""
        _quants, coming, going = self._get_domain_locations()
        planned = defaultdict(lambda: defaultdict(float))
        for domain, sign in ((coming, 1), (going, -1)):
            rows = (
                self.env["stock.move"]
                .sudo()
                ._read_group(
                    Domain(domain) & Domain("product_id", "in", self.ids) & Domain("state", "in", PLANNED),
                    ["product_id", "date:day"],
                    ["product_qty:sum"],
                )
            )
            for product, day, quantity in rows:
                planned[product][fields.Date.to_date(day)] += sign * quantity
        return {product.with_env(self.env): dict(days) for product, days in planned.items()}

    @api.model
    def _process_first_day(self, product, needed, planned):
        """The first day from which `needed` is there and stays; None: never, as things are planned."""
        balance, first = product.qty_available, None
        today = fields.Date.context_today(self)
        for day in sorted(planned):
            balance += planned[day]
            if product.uom_id.compare(balance, needed) < 0:
                first = None
            elif first is None:
                first = max(day, today)
        return first
