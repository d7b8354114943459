import hashlib
import json
from datetime import timedelta

from odoo import api, fields, models

from .row_locks import touch_rows
from .sale_order_contract import SIGNED_STATES, TERM_FIELDS

DEFAULT_VALIDITY_DAYS = 30


class SaleOrder(models.Model):
    """The contract's paper: what is missing is named before it is made, and what it says is known again."""

    _inherit = "sale.order"

    def action_contract_generate(self):
        """Make the contract's paper from today's values, with its number, and ask for approval.

        Everything that is missing is named at once, for all orders, before anything is made.
        """
        self.check_access("write")
        self._contract_fill_signatories()
        self._contract_refuse(lambda order: order._contract_missing())
        for order in self:
            order._contract_generate_one()
        return True

    def _contract_fill_signatories(self):
        """Propose who signs, where nobody was named: the rep, and the customer's person."""
        for order in self.filtered(lambda order: order.contract_state not in SIGNED_STATES):
            if not order.contract_our_signatory:
                order.contract_our_signatory = order._contract_our_signatory().name
            if not order.contract_customer_signatory:
                order.contract_customer_signatory = order._contract_customer_person()

    def _contract_customer_person(self):
        """The name of a person at the customer's: the customer, their contact, or whom the lead names."""
        self.ensure_one()
        partner = self.partner_id
        if not partner.is_company:
            return partner.name
        contacts = partner.child_ids.filtered(lambda child: child.type == "contact" and child.name)
        return contacts[:1].name or self.opportunity_id.contact_name

    def _contract_missing(self, asked=frozenset()):
        """What has to be known before the contract can be made, in words; empty: nothing.

        :param asked: names of fields that are about to be asked for, and so not missing.
        """
        self.ensure_one()
        missing, problem = self._contract_missing_terms(asked), self._process_template_problem("contract")
        return [*missing, problem] if problem and self.contract_state not in SIGNED_STATES else missing

    def _contract_missing_terms(self, asked=frozenset()):
        """What has to be known of any contract, whoever wrote its text."""
        self.ensure_one()
        if self.contract_state in SIGNED_STATES:
            return [self.env._("it is signed already")]
        has_end = self.contract_date_end or self.contract_open_ended
        has_end = has_end or not asked.isdisjoint(
            {"contract_date_end", "contract_term_months", "contract_open_ended"}
        )
        has_start = self.contract_date_start or "contract_date_start" in asked
        our_signatory = self.contract_our_signatory or self._contract_our_signatory().name
        their_signatory = self.contract_customer_signatory or self._contract_customer_person()
        checks = [
            (self.state != "cancel", self.env._("the order is cancelled")),
            (self.partner_id, self.env._("customer")),
            (self.partner_id.name, self.env._("name of the customer")),
            (
                self.order_line.filtered(lambda line: not line.display_type),
                self.env._("at least one product"),
            ),
            (self.amount_total > 0, self.env._("an amount above zero")),
            (has_start, self.env._("start of the contract")),
            (has_end, self.env._("end or term of the contract, or that it is open-ended")),
            (our_signatory, self.env._("our signatory")),
            (their_signatory, self.env._("the customer's signatory")),
        ]
        return [text for present, text in checks if not present]

    def _contract_generate_one(self, form=None):
        """Number, paper and approval of one contract. The number comes last of what can fail cheaply.

        :param bytes form: the customer's own, which is the paper then.
        """
        self.ensure_one()
        anew = not self.contract_digest or self.contract_state == "declined"
        vals = {"contract_state": "draft", "contract_form_sha256": self._contract_form_fingerprint(form)}
        if not self.contract_number:
            vals["contract_number"] = self._contract_next_number()
        if self.state in ("draft", "sent"):
            days = self.company_id.quotation_validity_days or DEFAULT_VALIDITY_DAYS
            vals["validity_date"] = fields.Date.context_today(self) + timedelta(days=days)
        self._contract_set(vals)
        if form:
            self._contract_keep_form(form, anew)
        else:
            self._process_make_document("contract", anew)
        self._contract_set({"contract_digest": self._contract_make_digest()})
        if self._approval_request("contract") and not self._approval_is_valid("contract"):
            self._contract_set({"contract_state": "approval"})

    def _contract_next_number(self):
        """The next number of the company's own row, made with its first contract.

        The row is locked until the end of the transaction: a failure gives the number back.
        """
        self.ensure_one()
        company = self.company_id
        domain = [("code", "=", "sales_process.contract"), ("company_id", "=", company.id)]
        sequence = self.env["ir.sequence"].sudo().search(domain, limit=1)
        if not sequence:
            # Two first contracts at once: the second fails to serialize, and is tried again by Odoo.
            touch_rows(company)
            sequence = (
                self.env["ir.sequence"]
                .sudo()
                .create(
                    {
                        "name": self.env._("Contracts of %s", company.name),
                        "code": "sales_process.contract",
                        "company_id": company.id,
                        "implementation": "no_gap",
                        "prefix": "C%(year)s-",
                        "padding": 5,
                    }
                )
            )
        number = sequence.next_by_id()
        # One that was brought in from elsewhere may have taken it.
        while self.sudo().search_count(
            [("company_id", "=", company.id), ("contract_number", "=", number)], limit=1
        ):
            number = sequence.next_by_id()
        return number

    def _contract_make_digest(self):
        """Fingerprint of everything the contract's paper says."""
        self.ensure_one()
        lines = self.order_line.sorted(lambda line: (line.sequence, line.id))
        content = [
            self.contract_number,
            self.company_id.id,
            self.partner_id.id,
            self.partner_invoice_id.id,
            self.currency_id.name,
            f"{self.amount_untaxed:.2f}",
            f"{self.amount_total:.2f}",
            self.payment_term_id.id,
            [str(self[name] or "") for name in TERM_FIELDS],
            [
                [
                    line.display_type,
                    line.product_id.id,
                    line.name,
                    line.product_uom_id.id,
                    repr(line.product_uom_qty),
                    repr(line.price_unit),
                    repr(line.discount),
                    sorted(line.tax_ids.ids),
                ]
                for line in lines
            ],
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def _contract_is_current(self):
        """Whether the contract's paper says what the order says now: only such a paper is sent and signed."""
        self.ensure_one()
        return bool(self.contract_digest) and self.contract_digest == self._contract_make_digest()

    def _contract_reopen(self):
        """A term was changed after the paper was made: it has to be made, approved and sent anew."""
        if not self:
            return
        self._contract_take_back(
            self.env._("The contract's terms were changed: it has to be made and approved anew.")
        )

    def _process_paper_kind(self):
        """An order with a contract is made binding by the contract, and approved as one."""
        self.ensure_one()
        return (
            "contract" if self.contract_state not in ("none", "declined") else super()._process_paper_kind()
        )

    def _process_paper_number(self, kind):
        """A contract bears its own number."""
        return (
            self.contract_number
            if kind in ("contract", "signed_contract") and self.contract_number
            else super()._process_paper_number(kind)
        )

    @api.model
    def _approval_locked_fields(self, kind):
        names = super()._approval_locked_fields(kind)
        return names | set(TERM_FIELDS) if kind == "contract" else names

    def _approval_terms(self, kind):
        """The terms an approver of a contract judges: whatever is changed in them is asked again."""
        terms = super()._approval_terms(kind)
        return terms | {name: str(self[name] or "") for name in TERM_FIELDS} if kind == "contract" else terms
