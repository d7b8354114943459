from odoo import api, fields, models
from odoo.tools import float_round

from ..engine import approval as engine
from .sale_order_contract import SIGNED_STATES


class SaleOrder(models.Model):
    """What the next term of a contract costs: as agreed, kept, raised or by the price list; and how far the
    prices of a renewal lie above those of the contract it follows, by whatever hand."""

    _inherit = "sale.order"

    contract_next_pricing = fields.Selection(
        [
            ("agreed", "As agreed in this contract"),
            ("kept", "Kept as they are"),
            ("raised", "Raised by a percentage"),
            ("listed", "Price list of the day"),
        ],
        string="Prices of the Next Term",
        default="agreed",
        required=True,
        copy=False,
        help="How the next contract is priced when you renew. A renewal by itself follows the contract. "
        "With the price list, the discounts of this contract end.",
    )
    contract_next_raise = fields.Float(
        string="Raise (%)", digits=(5, 2), copy=False, help="By how much, where the prices are to be raised."
    )
    contract_priced_by = fields.Char(
        readonly=True, copy=False, help="The choice that the prices of this renewal were made by."
    )
    contract_price_rise = fields.Float(
        string="Raised By (%)",
        digits=(16, 2),
        compute="_compute_contract_price_rise",
        compute_sudo=True,
        help="How much more the product raised most costs than in the contract before, discounts included.",
    )
    contract_price_rise_text = fields.Char(
        string="Against the Term Before", compute="_compute_contract_price_rise", compute_sudo=True
    )

    _contract_next_raise_check = models.Constraint(
        "CHECK(contract_next_raise > -100 AND contract_next_raise <= 1000)",
        "Prices can be raised by more than -100 % and at most 1000 %.",
    )

    # ------------------------------------------------------------
    # The prices of the next term
    # ------------------------------------------------------------

    def _contract_choice(self):
        """The rep's choice as a short text: a renewal made by another one is priced anew."""
        self.ensure_one()
        raised = self.contract_next_pricing == "raised"
        return f"raised {self.contract_next_raise:g}" if raised else self.contract_next_pricing

    def _contract_next_price(self, line, pricing=None):
        """Unit price and discount of a line in a full next term.

        :param pricing: code of `contract_next_pricing`; without it, the one chosen on this contract
        """
        self.ensure_one()
        pricing = pricing or self.contract_next_pricing
        if pricing == "listed" and line.product_id:
            return self._contract_listed_price(line), 0.0
        raised = {"agreed": self.contract_uplift_percent, "raised": self.contract_next_raise}.get(pricing, 0)
        digits = self.env["decimal.precision"].precision_get("Product Price")
        price = float_round(line._contract_full_price() * (1 + raised / 100), precision_digits=digits)
        return price, line.discount

    def _contract_listed_price(self, line):
        """What the customer would pay for it today."""
        return self.pricelist_id._get_product_price(
            line.product_id.with_context(**line._get_product_price_context()),
            line.product_uom_qty or 1.0,
            currency=self.currency_id,
            uom=line.product_uom_id,
            date=fields.Datetime.now(),
        )

    def _contract_next_amount(self):
        """Untaxed amount of a full next term, in the order's currency."""
        self.ensure_one()
        amount = 0.0
        for line in self._get_copiable_order_lines().filtered(lambda line: not line.display_type):
            price, discount = self._contract_next_price(line)
            untaxed = price * line.product_uom_qty * (1 - discount / 100) * line._contract_untaxed_share()
            amount += self.currency_id.round(untaxed)
        return amount

    def _contract_follow_choice(self):
        """Price these renewals anew where another choice was made since; nothing that was offered already."""
        for renewal in self.filtered(lambda order: order.contract_priced_by and not order.coterm_of_ids):
            contract = renewal.renewal_of_id
            open_still = renewal.contract_state in ("none", "draft", "approval") and renewal.state != "sale"
            if open_still and renewal.contract_priced_by != contract._contract_choice():
                renewal._contract_price_from(contract)

    def _contract_price_from(self, contract):
        """Set the prices of the lines that the contract has too; what was added by hand stays."""
        self.ensure_one()
        left = self.order_line.filtered(lambda line: not line.display_type)
        for line in contract._get_copiable_order_lines().filtered(lambda line: not line.display_type):
            same = left.filtered(lambda one, line=line: one.product_id == line.product_id)[:1]
            price, discount = contract._contract_next_price(line)
            same.write({"price_unit": price, "discount": discount})
            left -= same
        self._contract_set({"contract_priced_by": contract._contract_choice()})

    def _contract_renewed(self):
        """The contract that a renewal is about: the one before, as long as the next is not signed."""
        follows = self.renewal_of_id and self.contract_state not in SIGNED_STATES
        return self.renewal_of_id if follows else self

    # ------------------------------------------------------------
    # How far they were raised
    # ------------------------------------------------------------

    @api.depends(
        "order_line.price_unit", "order_line.discount", "order_line.product_uom_qty", "renewal_of_id",
        "contract_term_months", "currency_id",
    )  # fmt: skip
    @api.depends_context("lang")
    def _compute_contract_price_rise(self):
        for order in self:
            order.contract_price_rise = order._contract_price_rise()
            order.contract_price_rise_text = order._contract_price_rise_text()

    def _contract_price_rise(self):
        """By how many percent the product raised most costs more than in the contracts that are renewed.

        The price of a unit for a term is compared, and where the lengths differ also that of a month: a
        shorter term at the same price is a raise.
        """
        self.ensure_one()
        before = self._contract_predecessors()
        if not before:
            return 0.0
        step = 10 ** -self.env["decimal.precision"].precision_get("Product Price")
        together = bool(self.coterm_of_ids)
        units = {"month": all(order._coterm_months() for order in self | before)}
        units["term"] = not together or not units["month"]
        prices = [
            (before._contract_prices(unit, self.currency_id), self._contract_prices(unit, self.currency_id))
            for unit, fitting in units.items()
            if fitting
        ]
        return max(engine.price_rise(old, new, step) for old, new in prices)

    def _contract_prices(self, unit, currency):
        """`{product: mean price of one}` for a full term, or for a month of it, after all discounts."""
        sums = {}
        for order in self:
            lines = order.order_line.filtered(lambda line: not line.display_type)
            amounts = {line: order._contract_full_amount(line, currency) for line in lines}
            # What is taken off the whole is taken off each product.
            gross = sum(amount for amount in amounts.values() if amount > 0)
            kept = sum(amounts.values()) / gross if gross else 1.0
            months = order._coterm_months() if unit == "month" else 1
            for line, amount in amounts.items():
                quantity = line._approval_quantity()
                if amount > 0 and quantity > 0:
                    before = sums.get(line._approval_key(), (0.0, 0.0))
                    sums[line._approval_key()] = (before[0] + amount * kept / months, before[1] + quantity)
        return {key: amount / quantity for key, (amount, quantity) in sums.items()}

    def _contract_full_amount(self, line, currency):
        """A line's amount for a full term, in the given currency at the date of this order."""
        amount = line._contract_full_price() * line.product_uom_qty * (1 - line.discount / 100)
        if currency == self.currency_id:
            return amount
        day = (self.date_order or self.env.cr.now()).date()
        return self.currency_id._convert(amount, currency, self.company_id, day, round=False)

    def _contract_price_rise_text(self):
        """What a renewal costs against the term before, and whose limit that passes."""
        self.ensure_one()
        before = self._contract_predecessors()
        if not before:
            return False
        rise = self.contract_price_rise
        numbers = ", ".join(before.mapped(lambda order: order.contract_number or order.name))
        if rise <= 0:
            return self.env._("No price is higher than in %s", numbers)
        text = self.env._("Up to %(percent)s %% above %(contracts)s", percent=f"{rise:g}", contracts=numbers)
        rules = self._approval_rules("contract").filtered(lambda rule: 0 < rule.uplift_limit < rise)
        if not rules:
            return text
        return self.env._(
            "%(rise)s: this needs approval (%(rules)s)", rise=text, rules=", ".join(rules.mapped("name"))
        )

    def _approval_values(self, kind):
        """An approver also judges how far the prices were raised, and what the contract agrees on for later:
        a term that renews itself is asked about now or never."""
        values = super()._approval_values(kind)
        agreed = self.contract_uplift_percent if kind == "contract" else 0.0
        raised = max(self._contract_price_rise(), agreed)
        return values | {"uplift": raised} if raised or self._contract_predecessors() else values
