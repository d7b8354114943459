from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import float_round, format_date

from ..engine import term
from .row_locks import touch_rows
from .sales_document import INTERNAL, INTERNAL_KEY


class SaleOrder(models.Model):
    """Several contracts of one customer are renewed together: one order, one end."""

    _inherit = "sale.order"

    coterm_order_id = fields.Many2one(
        "sale.order",
        string="Renewed Together By",
        readonly=True,
        copy=False,
        check_company=True,
        index="btree_not_null",
        ondelete="set null",
        help="The order that renews this contract together with others of the customer.",
    )
    coterm_of_ids = fields.One2many(
        "sale.order", "coterm_order_id", string="Renews Together", readonly=True, copy=False
    )
    contract_next_months = fields.Integer(
        string="Next Term (Months)",
        readonly=True,
        copy=False,
        help="Length of the next term where this one only leads up to a common end. 0: as long as this one.",
    )

    @api.depends("contract_number")
    @api.depends_context("show_contract_number")
    def _compute_display_name(self):
        """Where contracts are chosen from, they go by the number that people know them by."""
        result = super()._compute_display_name()
        if self.env.context.get("show_contract_number"):
            for order in self.filtered("contract_number"):
                order.display_name = f"{order.contract_number} ({order.name})"
        return result

    # ------------------------------------------------------------
    # What may be renewed together
    # ------------------------------------------------------------

    def _coterm_check(self):
        """Raise a UserError that names everything in the way of renewing these contracts together."""
        self.check_access("write")
        problems = [
            (len(self) > 1, self.env._("Choose at least two contracts.")),
            (
                len(self.partner_id.commercial_partner_id) == 1,
                self.env._("The contracts must be of one customer."),
            ),
            (len(self.company_id) == 1, self.env._("The contracts must be of one company.")),
            (len(self.currency_id) == 1, self.env._("The contracts must be in one currency.")),
        ]
        texts = [text for fine, text in problems if not fine]
        if texts:
            raise UserError("\n".join(texts))
        self._contract_refuse(lambda order: order._coterm_obstacles())

    def _coterm_obstacles(self):
        """Why this contract cannot be renewed together with others, in words; empty: it can."""
        self.ensure_one()
        checks = [
            (self.contract_state == "running", self.env._("it is not running")),
            (not self.contract_terminated_date, self.env._("it was terminated")),
            (self.contract_date_end, self.env._("it is open-ended, there is no next term")),
            (self._coterm_months(), self.env._("its term is no whole number of months")),
            (
                not self._contract_open_renewals(),
                self.env._("its renewal is under way already: cancel that first"),
            ),
        ]
        return [text for fine, text in checks if not fine]

    def _coterm_months(self):
        """The months of a full term, also of a contract that now only leads up to a common end."""
        self.ensure_one()
        return self.contract_next_months or self.contract_term_months

    # ------------------------------------------------------------
    # What it comes to
    # ------------------------------------------------------------

    def _coterm_share(self, date_end):
        """How much of its full term is left between the end of this contract and the common one."""
        self.ensure_one()
        current = self._contract_term()
        return term.share(current.end + term.DAY, date_end, self._coterm_months(), current.anchor)

    def _coterm_line_price(self, line, date_end):
        """Price and discount of a line up to the common end: its part of a full next term's."""
        digits = self.env["decimal.precision"].precision_get("Product Price")
        price, discount = self._contract_next_price(line)
        return float_round(price * float(self._coterm_share(date_end)), precision_digits=digits), discount

    def _coterm_amount(self, date_end):
        """The untaxed amount of this contract's lines up to the common end, in the order's currency."""
        self.ensure_one()
        amount = 0.0
        for line in self._get_copiable_order_lines().filtered(lambda line: not line.display_type):
            price, discount = self._coterm_line_price(line, date_end)
            amount += self.currency_id.round(price * line.product_uom_qty * (1 - discount / 100))
        return amount

    def _coterm_next_end(self):
        """The last day of a full term after this one: the common end that is proposed."""
        self.ensure_one()
        return term.next_term(self._contract_term(), self._coterm_months()).end

    def _coterm_prepare_preview(self, date_end):
        """What this contract comes to up to the common end, as values of a line to look at."""
        self.ensure_one()
        return {
            "order_id": self.id,
            "date_start": self.contract_date_end + term.DAY,
            "months": float(self._coterm_share(date_end)) * self._coterm_months(),
            "term_amount": self._coterm_amount(self._coterm_next_end()),
            "amount": self._coterm_amount(date_end),
        }

    # ------------------------------------------------------------
    # Making it
    # ------------------------------------------------------------

    def _coterm_make(self, date_end, main):
        """One order that renews all of these contracts up to a common end.

        :param date date_end: its last day, after the end of each of them
        :param main: the one of them whose terms the new contract takes on
        :return: the order: a quotation to be approved and signed like any other contract
        """
        self._coterm_check()
        if len(main) != 1 or main not in self:
            raise UserError(
                self.env._("The contract whose terms are taken on must be one of those that are renewed.")
            )
        last = max(self.mapped("contract_date_end"))
        if date_end <= last:
            raise UserError(
                self.env._(
                    "The common end must be after %s, when the last of them ends.",
                    format_date(self.env, last),
                )
            )
        # A concurrent click waits here, fails to serialize, is tried again by Odoo and is refused.
        touch_rows(self)
        lead = self._coterm_lead(main)
        start = min(self.mapped("contract_date_end")) + term.DAY
        vals = {
            "user_id": main.user_id.id,
            "opportunity_id": lead.id,
            "order_line": self._coterm_prepare_lines(date_end, main),
        }
        order = main.with_context(**{INTERNAL_KEY: INTERNAL}).copy(vals).with_env(self.env)
        order._contract_set(
            {
                "renewal_of_id": main.id,
                "contract_next_months": main._coterm_months(),
                "contract_anchor_date": start,
                "contract_date_start": start,
                "contract_date_end": date_end,
            }
        )
        order._contract_set({"contract_term_months": term.whole_months(start, date_end)})
        self._contract_set({"coterm_order_id": order.id})
        lead.sudo().expected_revenue = order._contract_company_amount()
        order._coterm_tell(self)
        return order

    def _coterm_prepare_lines(self, date_end, main):
        """The lines of all of them, each contract under a heading that tells its period and its share."""
        digits = self.env["decimal.precision"].precision_get("Product Price")
        commands = []
        for contract in self.sorted(lambda order: (order.contract_date_end, order.id)):
            commands.append(
                fields.Command.create(
                    {"display_type": "line_section", "name": contract._coterm_heading(date_end)}
                )
            )
            per_term = main._coterm_months() / contract._coterm_months()
            for line in contract._get_copiable_order_lines():
                [vals] = line.copy_data()
                if not line.display_type:
                    full = contract._contract_next_price(line)[0] * per_term
                    vals["price_unit"], vals["discount"] = contract._coterm_line_price(line, date_end)
                    vals["contract_full_price"] = float_round(full, precision_digits=digits)
                commands.append(fields.Command.create(vals))
        for sequence, command in enumerate(commands, start=1):
            command[2]["sequence"] = sequence
        return commands

    def _coterm_heading(self, date_end):
        """The customer reads what they pay for: which contract, from when to when, what part of a term."""
        self.ensure_one()
        lang = self.with_context(lang=self.partner_id.lang)
        return lang.env._(
            "%(number)s: %(start)s – %(end)s (%(share)s of %(months)s months)",
            number=self.contract_number,
            start=format_date(lang.env, self.contract_date_end + term.DAY),
            end=format_date(lang.env, date_end),
            share=f"{round(float(self._coterm_share(date_end)) * self._coterm_months(), 2):g}",
            months=self._coterm_months(),
        )

    def _coterm_lead(self, main):
        """The one opportunity on which all of them are renewed; those begun already are merged into it."""
        if not main.renewal_lead_id:
            main._contract_start_renewal(step_code="make_renewal")
        lead = main.renewal_lead_id
        others = self.renewal_lead_id - lead
        if others:
            lead = (lead + others).merge_opportunity(auto_unlink=True)
        (self - main)._contract_set({"renewal_lead_id": lead.id})
        main._contract_set({"renewal_lead_id": lead.id})
        return lead

    def _coterm_tell(self, contracts):
        """Each contract's timeline says what renews it, and the order's what it renews."""
        self.ensure_one()
        numbers = ", ".join(contracts.sorted("contract_date_end").mapped("contract_number"))
        contracts._message_log_batch(
            bodies={
                contract.id: self.env._("Renewed together with others by %s.", self.name)
                for contract in contracts
            }
        )
        self._message_log(body=self.env._("Renews together: %s.", numbers))

    # ------------------------------------------------------------
    # The chain
    # ------------------------------------------------------------

    def _contract_predecessors(self):
        """The contracts these orders renew: one each, or several together."""
        return self.renewal_of_id | self.coterm_of_ids

    def _contract_successors(self):
        """The orders that were made to renew these contracts, whatever became of them."""
        return self.renewal_ids | self.coterm_order_id
