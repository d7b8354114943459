from odoo import models
from odoo.exceptions import UserError
from stdnum import get_cc_module

from ..engine import answer
from .sale_order_contract import SIGNED_STATES


class SalesDocumentRequestItem(models.Model):
    """Accepted answers are taken over: to the customer, their account, the contract, the opportunity."""

    _inherit = "sales.document.request.item"

    def _feed_targets(self):
        """Write what these answers feed, with the rights of who accepts them: all of it, or nothing.

        Raises a UserError that names every answer that cannot be right, or may not be written.
        """
        feeding = self.filtered(lambda item: item.target and item.answer and item._answers_question())
        problems = [f"{item.name}: {problem}" for item in feeding if (problem := item._target_problem())]
        if problems:
            raise UserError(
                self.env._("Not accepted, and nothing was taken over.") + "\n" + "\n".join(problems)
            )
        for item in feeding:
            item._feed_target()

    def _answers_question(self):
        """Whether the answer is one, rather than the reason why there is none."""
        self.ensure_one()
        return self.kind != "file" and not self.is_reason

    def _target_record(self):
        """The record the answer goes to, and the name of its field there."""
        self.ensure_one()
        place, field = self.target.split(".")
        order = self.request_id.order_id
        customer = self._target_customer()
        if place == "bank":
            return self._target_account(customer), field
        return {"partner": customer, "order": order, "lead": order.opportunity_id}[place], field

    def _target_customer(self):
        return self.request_id.order_id.partner_id.commercial_partner_id

    def _target_account(self, customer):
        """The customer's bank account of that number; empty where it is to be made."""
        number = answer.account(self.answer)
        return customer.bank_ids.filtered(lambda bank: bank.sanitized_acc_number == number)[:1]

    def _target_problem(self):
        """Why the answer cannot be taken over, in words, or nothing."""
        self.ensure_one()
        record, field = self._target_record()
        is_account = self.target == "bank.acc_number"
        if not (self._target_customer() if is_account else record).has_access("write"):
            return self.env._(
                "you may not change “%(place)s”: ask somebody who may to accept this item.",
                place=self._target_label(),
            )
        if field == "vat" and not self._is_good_vat(record):
            return self.env._(
                "%(number)s is no tax ID of %(country)s: return the item.",
                number=self.answer,
                country=record.country_id.name,
            )
        if is_account and not answer.is_account(self.answer):
            return self.env._("%s is no bank account number or IBAN: return the item.", self.answer)
        return None

    def _is_good_vat(self, customer):
        """Whether the customer's country would know this number; where nobody can tell, it is taken."""
        checker = get_cc_module((customer.country_id.code or "").lower(), "vat")
        return not checker or checker.is_valid(self.answer)

    def _feed_target(self):
        """Write the answer to its place and say so; what is signed already stays as it was signed."""
        self.ensure_one()
        record, field = self._target_record()
        order = self.request_id.order_id
        if record._name == "sale.order" and record.contract_state in SIGNED_STATES:
            return
        if self.target == "bank.acc_number":
            self._feed_account(record)
        elif record:
            record.write({field: self.answer})
        order.message_post(
            body=self.env._(
                "Taken over from the customer's answer: %(place)s: %(answer)s",
                place=self._target_label(),
                answer=self.answer_text,
            )
        )

    def _feed_account(self, account):
        """Add the account to the customer, for whoever may write the customer.

        Accounts are otherwise kept by other people than those who sell. This one is not trusted: before
        money goes out to it, they have to confirm it.
        """
        if not account:
            account.sudo().create({"acc_number": self.answer, "partner_id": self._target_customer().id})

    def _target_label(self):
        return dict(self._fields["target"]._description_selection(self.env))[self.target]
