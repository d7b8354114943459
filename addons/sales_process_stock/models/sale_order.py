from odoo import models


class SaleOrder(models.Model):
    """The figures of Odoo for all lines of a quotation together."""

    _inherit = "sale.order"

    def _process_read_stock(self):
        """Have the stock figures of each order's lines worked out together.

        Odoo lets lines that are computed together share what is there: those of one order must, those of
        two orders must not.
        """
        for order in self:
            lines = order.order_line.with_prefetch(order.order_line.ids)
            lines.mapped("virtual_available_at_date")
