from odoo import models


class SalesProcessTask(models.Model):
    """The lines of a quotation on the form of a task say what can be delivered, and when."""

    _inherit = "sales.process.task"

    def _form_order(self):
        order = super()._form_order()
        if not order or self._form_order_shown().state not in ("draft", "sent"):
            return order
        lines = self.env["sale.order.line"].browse(line["id"] for line in order["lines"])
        for shown, line in zip(order["lines"], lines, strict=True):
            shown["stock"] = {"text": line.process_stock_text or "", "short": line.process_stock_short}
        order["stock_warning"] = lines._process_stock_warning() or ""
        return order
