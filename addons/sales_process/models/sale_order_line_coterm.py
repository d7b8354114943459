from odoo import api, fields, models
from odoo.exceptions import AccessError

from .sales_document import INTERNAL, INTERNAL_KEY


class SaleOrderLine(models.Model):
    """A line of a contract that only leads up to a common end knows what a full term costs."""

    _inherit = "sale.order.line"

    contract_full_price = fields.Float(
        digits="Product Price",
        readonly=True,
        copy=False,
        help="Unit price of a full term, where this line's is for a part of one. 0: the line's own.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        self._contract_check_full_price({name for vals in vals_list for name in vals if vals[name]})
        return super().create(vals_list)

    def write(self, vals):
        """Another price for the part of a term is another price for a full one."""
        self._contract_check_full_price(vals)
        before = {line: line.price_unit for line in self if "price_unit" in vals and line.contract_full_price}
        result = super().write(vals)
        for line, price in before.items():
            if price and line.price_unit != price:
                line._contract_set_full_price(line.contract_full_price * line.price_unit / price)
        return result

    def _contract_check_full_price(self, names):
        if "contract_full_price" in names and self.env.context.get(INTERNAL_KEY) is not INTERNAL:
            raise AccessError(self.env._("The price of a full term follows from the line's price."))

    def _contract_set_full_price(self, price):
        self.with_context(**{INTERNAL_KEY: INTERNAL}).write({"contract_full_price": price})

    def _contract_full_price(self):
        """The unit price of a full term."""
        self.ensure_one()
        return self.contract_full_price or self.price_unit
