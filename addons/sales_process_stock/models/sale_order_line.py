from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import format_date


class SaleOrderLine(models.Model):
    """What of a quotation's line can be delivered, and when: Odoo's own figures, in words."""

    _inherit = "sale.order.line"

    process_stock_text = fields.Char(
        string="Availability", compute="_compute_process_stock", compute_sudo=True
    )
    process_stock_date = fields.Date(
        string="Earliest Delivery",
        compute="_compute_process_stock",
        compute_sudo=True,
        help="When the whole quantity is there; empty: no receipt is planned that would do.",
    )
    process_stock_short = fields.Boolean(
        string="Short",
        compute="_compute_process_stock",
        compute_sudo=True,
        help="Less is there on the day of delivery than the customer is promised.",
    )

    @api.depends("virtual_available_at_date", "free_qty_today", "product_uom_qty", "is_mto", "scheduled_date")
    @api.depends_context("lang", "tz")
    def _compute_process_stock(self):
        self.update({"process_stock_text": False, "process_stock_date": False, "process_stock_short": False})
        self.order_id._process_read_stock()
        lines = self.filtered(lambda line: line.display_qty_widget and line.state in ("draft", "sent"))
        short = lines.filtered(lambda line: line._process_is_short())
        later = short._process_stock_dates()
        for line in lines:
            day = later.get(line) if line in short else line._process_stock_day()
            line.process_stock_short = line in short
            line.process_stock_date = day
            line.process_stock_text = line._process_stock_words(day)

    def _process_lacks(self, quantity):
        return self.product_uom_id.compare(quantity, self.product_uom_qty) < 0

    def _process_is_short(self):
        return not self.is_mto and self._process_lacks(self.virtual_available_at_date)

    def _process_stock_day(self):
        """The day of a line that is not short: today where the shelf has it, else as it is scheduled."""
        if self.is_mto or self._process_lacks(self.free_qty_today):
            return self.scheduled_date and fields.Datetime.context_timestamp(self, self.scheduled_date).date()
        return fields.Date.context_today(self)

    def _process_stock_words(self, day):
        when = format_date(self.env, day) if day else ""
        if self.is_mto:
            return self.env._("made to order, %s", when) if when else self.env._("made to order")
        if not self._process_lacks(self.free_qty_today):
            return self.env._("in stock")
        if not self.process_stock_short:
            return self.env._("there by %s", when)
        there = f"{max(self.free_qty_today, 0):g}"
        if day:
            return self.env._(
                "%(there)s of %(asked)s in stock, all on %(when)s",
                there=there,
                asked=f"{self.product_uom_qty:g}",
                when=when,
            )
        return self.env._(
            "%(there)s of %(asked)s in stock, the rest is not planned",
            there=there,
            asked=f"{self.product_uom_qty:g}",
        )

    def _process_stock_warning(self):
        """What of these lines is not there in time, in one sentence; False: all is."""
        short = self.filtered("process_stock_short")
        return (
            "; ".join(f"{line.product_id.display_name}: {line.process_stock_text}" for line in short) or False
        )

    # -- the earliest day, from what is planned ---------------------------------------------------

    def _process_stock_dates(self):
        """dict line -> the first day from which the planned receipts cover it, whatever else goes out.

        Lines of one product wait for each other, in the order in which they stand.
        """
        days = {}
        for warehouse, lines in self.grouped("warehouse_id").items():
            products = lines.product_id.with_context(warehouse_id=warehouse.id)
            planned = products._process_planned_quantities()
            needed = defaultdict(float)
            for line in lines.order_id.order_line.filtered(
                lambda line, warehouse=warehouse, products=products: (
                    line.warehouse_id == warehouse and line.product_id in products
                )
            ):
                product = line.product_id
                needed[line.order_id, product] += line.product_uom_id._compute_quantity(
                    line.product_uom_qty, product.uom_id
                )
                days[line] = products._process_first_day(
                    product, needed[line.order_id, product], planned.get(product, {})
                )
        return days
