import re

from odoo import models
from odoo.tools.misc import formatLang

NBSP = "\N{NO-BREAK SPACE}"
PERCENT = re.compile(r"\s+%")


class SaleOrderLine(models.Model):
    """A line as a paper prints it."""

    _inherit = "sale.order.line"

    def _process_is_option(self):
        """Whether this line is only offered to be added."""
        return bool(not self.display_type and self._is_line_optional() and not self.product_uom_qty)

    def _process_heads(self, chosen):
        """Whether a section or a note is printed among the `chosen` lines: not one over options alone."""
        section = self if self.display_type in ("line_section", "line_subsection") else self.parent_id
        below = self.order_id.order_line.filtered(
            lambda line: (
                not line.display_type and section and section in (line.parent_id | line.parent_id.parent_id)
            )
        )
        return not below or bool(below & chosen)

    def _process_paper_line(self, number):
        """One line as it is printed."""
        self.ensure_one()
        head, _newline, rest = (self.name or "").partition("\n")
        return {
            "type": "item",
            "number": number,
            "name": head,
            "text": rest.strip(),
            "quantity": formatLang(self.env, self.product_uom_qty, dp="Product Unit").rstrip("0").rstrip(".,")
            if self.product_uom_qty % 1
            else formatLang(self.env, self.product_uom_qty, digits=0),
            "unit": self.product_uom_id.name or "",
            "price": formatLang(self.env, self.price_unit, dp="Product Price"),
            "discount": formatLang(self.env, self.discount, digits=2 if self.discount % 1 else 0)
            if self.discount
            else "",
            # no line breaks within "20 %"
            "taxes": ", ".join(
                PERCENT.sub(f"{NBSP}%", tax.tax_label) for tax in self.tax_ids if tax.tax_label
            ),
            "amount": formatLang(
                self.env, self.price_subtotal, currency_obj=None, digits=self.currency_id.decimal_places
            ),
        }


def unbroken(label):
    """A tax as it is printed, with no line break within "20 %"."""
    return PERCENT.sub(f"{NBSP}%", label)
