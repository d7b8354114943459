"""What the next term costs, how far that is a raise, and who is asked when it passes a limit."""

from datetime import date

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from .contract_common import ContractCase
from .paper_common import PaperCase


class PriceCase(ContractCase):
    """A running contract of 2 at 150; every other approval is switched off."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["sales.approval.rule"].search([]).active = False
        cls.limit = cls.env["sales.approval.rule"].create(
            {"name": "Raised prices", "kind": "contract", "uplift_limit": 5.0}
        )

    def _renewed(self, contract=None, **choice):
        contract = contract or self._running()
        if choice:
            contract.with_user(self.rep).write(choice)
        return contract.with_user(self.rep)._contract_make_renewal()

    def _asked(self, order):
        """Whether making the contract asks somebody."""
        order.with_user(self.rep).action_contract_generate()
        return order.contract_state == "approval"


@tagged("post_install", "-at_install", "sales_process")
class TestNextPrices(PriceCase):
    def test_each_choice(self):
        self.product.list_price = 170
        for choice, price, discount in (
            ({}, 165.0, 10.0),
            ({"contract_next_pricing": "kept"}, 150.0, 10.0),
            ({"contract_next_pricing": "raised", "contract_next_raise": 4.0}, 156.0, 10.0),
            ({"contract_next_pricing": "listed"}, 170.0, 0.0),
        ):
            with self.subTest(choice=choice):
                contract = self._running(contract_uplift_percent=10)
                contract.order_line.discount = 10
                self.assertEqual(contract.order_line.discount, 10)
                renewal = self._renewed(contract, **choice)
                line = renewal.order_line
                self.assertEqual((line.price_unit, line.discount), (price, discount))
                self.assertEqual(contract._contract_renewal_amount(), renewal.amount_untaxed)

    def test_another_choice_prices_it_anew(self):
        contract = self._running()
        renewal = self._renewed(contract)
        added = self.product.create({"name": "Added", "type": "service", "taxes_id": False})
        renewal.order_line = [Command.create({"product_id": added.id, "price_unit": 7.0})]
        renewal.order_line[0].price_unit = 151.0
        self.assertEqual(self._renewed(contract), renewal)
        self.assertEqual(renewal.order_line[0].price_unit, 151.0, "nothing else was chosen")
        self._renewed(contract, contract_next_pricing="raised", contract_next_raise=2.0)
        self.assertEqual(renewal.order_line.mapped("price_unit"), [153.0, 7.0])

    def test_what_was_offered_keeps_its_prices(self):
        contract = self._running()
        renewal = self._renewed(contract)
        renewal.action_contract_generate()
        renewal.action_contract_send()
        self._renewed(contract, contract_next_pricing="raised", contract_next_raise=2.0)
        self.assertEqual(renewal.order_line.price_unit, 150.0)

    def test_by_itself_it_goes_on_as_agreed(self):
        contract = self._running(contract_tacit_renewal=True, contract_uplift_percent=3)
        contract.write({"contract_next_pricing": "raised", "contract_next_raise": 50.0})
        contract._contract_renew_tacitly()
        self.assertEqual(contract.renewal_ids.order_line.price_unit, 154.5)

    def test_the_choice_is_no_term(self):
        contract = self._running()
        self._renewed(contract, contract_next_pricing="kept")
        self.assertEqual(contract.contract_state, "running")
        with self.assertRaises(AccessError):
            contract.with_user(self.other_rep).write({"contract_next_pricing": "listed"})

    def test_taxes_in_the_price(self):
        tax = self.env["account.tax"].create(
            {"name": "In", "amount": 20, "amount_type": "percent", "price_include_override": "tax_included"}
        )
        contract = self._running()
        contract.order_line.tax_ids = tax
        self.assertAlmostEqual(contract._contract_renewal_amount(), 250.0, places=2)


@tagged("post_install", "-at_install", "sales_process")
class TestRiseLimit(PriceCase):
    """Each road on which a price can rise; the limit is 5 %."""

    def test_by_the_choice(self):
        for percent, asked in ((0, False), (5, False), (6, True)):
            with self.subTest(percent=percent):
                renewal = self._renewed(contract_next_pricing="raised", contract_next_raise=percent)
                self.assertEqual(self._asked(renewal), asked)

    def test_rounding_is_no_raise(self):
        contract = self._running()
        contract.order_line.price_unit = 0.99
        renewal = self._renewed(contract, contract_next_pricing="raised", contract_next_raise=5.0)
        self.assertEqual(renewal.order_line.price_unit, 1.04)
        self.assertFalse(self._asked(renewal))

    def test_by_hand(self):
        """Price, discount, a discount of the whole taken out, a shorter term at the price of the long one."""
        gift = self.product.create({"name": "Discount of the whole", "type": "service", "taxes_id": False})

        def without_gift(order):
            order.order_line.filtered(lambda line: line.product_id == gift).unlink()

        for name, prepare, change, asked in (
            ("price", None, lambda order: order.order_line.write({"price_unit": 160}), True),
            ("a little", None, lambda order: order.order_line.write({"price_unit": 157}), False),
            ("lower", None, lambda order: order.order_line.write({"price_unit": 100}), False),
            ("more", None, lambda order: order.order_line.write({"product_uom_qty": 9}), False),
            (
                "discount",
                lambda order: order.order_line.write({"discount": 10}),
                lambda order: order.order_line.write({"discount": 0}),
                True,
            ),
            (
                "discount of the whole",
                lambda order: order.write(
                    {"order_line": [Command.create({"product_id": gift.id, "price_unit": -60})]}
                ),
                without_gift,
                True,
            ),
            ("term", None, lambda order: order.write({"contract_term_months": 6}), True),
            ("longer", None, lambda order: order.write({"contract_term_months": 24}), False),
            (
                "again",
                None,
                lambda order: (
                    order.order_line.unlink(),
                    order.write(
                        {"order_line": [Command.create({"product_id": self.product.id, "price_unit": 200.0})]}
                    ),
                ),
                True,
            ),
        ):
            with self.subTest(name):
                contract = self._running()
                if prepare:
                    prepare(contract)
                renewal = self._renewed(contract)
                change(renewal)
                self.assertEqual(self._asked(renewal), asked)

    def test_agreed_for_later(self):
        """A term that renews itself is asked about when it is agreed on, or never."""
        for percent, asked in ((5, False), (6, True)):
            order = self._order(contract_uplift_percent=percent, contract_tacit_renewal=True)
            self.assertEqual(self._asked(order), asked)

    def test_not_sent_nor_signed_without(self):
        renewal = self._renewed(contract_next_pricing="raised", contract_next_raise=20.0)
        self.assertTrue(self._asked(renewal))
        with self.assertRaisesRegex(UserError, "approv"):
            renewal.action_contract_send()
        with self.assertRaises(UserError):
            renewal.with_user(self.rep)._approval_decide("contract", True)
        renewal.with_user(self.leader)._approval_decide("contract", True)
        renewal.action_contract_send()
        self.assertEqual(renewal.contract_state, "to_sign")

    def test_raised_after_sending(self):
        """Approved below the limit, raised afterwards: neither signed nor sent as it was."""
        renewal = self._renewed()
        renewal.action_contract_generate()
        renewal.action_contract_send()
        renewal.order_line.price_unit = 200
        self.assertFalse(renewal._approval_is_valid("contract"))
        with self.assertRaises(UserError):
            renewal._contract_mark_signed()

    def test_what_was_judged_holds_up_to_there(self):
        renewal = self._renewed(contract_next_pricing="raised", contract_next_raise=20.0)
        self._asked(renewal)
        renewal.with_user(self.leader)._approval_decide("contract", True)
        for price, valid in ((180.0, True), (175.0, False), (181.0, False)):
            renewal.order_line.price_unit = price
            self.assertEqual(renewal._approval_is_valid("contract"), valid, price)

    def test_other_rules_do_not_mind(self):
        """A higher price is an improvement for whoever watches over something else."""
        self.limit.active = False
        self.env["sales.approval.rule"].create({"name": "All", "kind": "contract"})
        renewal = self._renewed()
        self._asked(renewal)
        renewal.with_user(self.leader)._approval_decide("contract", True)
        renewal.order_line.price_unit = 300
        self.assertTrue(renewal._approval_is_valid("contract"))

    def test_several_in_a_row(self):
        """Each term is measured by the one before it, not by the first."""
        contract = self._running()
        for price, asked in ((156.0, False), (163.0, False), (180.0, True)):
            renewal = self._renewed(contract)
            renewal.order_line.price_unit = price
            self.assertEqual(self._asked(renewal), asked, price)
            contract._contract_set({"contract_state": "renewed"})
            renewal._contract_set({"contract_state": "running", "state": "sale"})
            contract = renewal

    def test_together(self):
        first = self._running()
        second = self._running(contract_date_start="2026-07-01")
        order = (first + second).with_user(self.rep)._coterm_make(date(2027, 12, 31), first)
        self.assertEqual(order.contract_price_rise, 0)
        part = order.order_line.filtered("product_id")[1]
        part.price_unit *= 1.5
        self.assertEqual(part._contract_full_price(), 225, "and the term after costs as much")
        self.assertTrue(self._asked(order))

    def test_the_full_price_is_not_written(self):
        first = self._running()
        second = self._running(contract_date_start="2026-07-01")
        order = (first + second).with_user(self.rep)._coterm_make(date(2027, 12, 31), first)
        for act in (
            lambda: order.order_line.write({"contract_full_price": 1.0}),
            lambda: order.write(
                {"order_line": [Command.create({"product_id": self.product.id, "contract_full_price": 1.0})]}
            ),
        ):
            with self.assertRaises(AccessError):
                act()

    def test_in_words(self):
        renewal = self._renewed(contract_next_pricing="raised", contract_next_raise=8.0)
        self.assertIn("8", renewal.contract_price_rise_text)
        self.assertIn("Raised prices", renewal.contract_price_rise_text)
        self.assertFalse(self._order().contract_price_rise_text)
        self._asked(renewal)
        rows = renewal.approval_ids.with_user(self.leader)._page_rows()
        self.assertIn("8 %", [now for _label, _before, now, _worse in rows])

    def test_another_companys_rule_asks_nobody(self):
        self.limit.company_id = self.company_2
        self.assertFalse(self._asked(self._renewed(contract_next_pricing="raised", contract_next_raise=50.0)))


@tagged("post_install", "-at_install", "sales_process")
class TestRiseOfAProposal(PaperCase):
    """The customer wants something else instead: the proposal is measured by the contract as well."""

    def test_every_road(self):
        self.rule.active = False
        self.env["sales.approval.rule"].create({"name": "Raised", "kind": "both", "uplift_limit": 5.0})
        before = self._process_order()
        before._contract_set({"contract_state": "running", "state": "sale"})
        order = self._process_order()
        order.sudo()._contract_set({"renewal_of_id": before.id})
        self.assertTrue(order._approval_is_valid("proposal"))
        order.order_line[0].price_unit *= 1.2
        self.assertFalse(order._approval_is_valid("proposal"))
        for road in (
            order.action_proposal_send,
            order.action_quotation_sent,
            order.action_confirm,
            lambda: order.write({"state": "sent"}),
        ):
            with self.assertRaises(UserError):
                road()
        self._approve(order)
        order.action_proposal_send()
        self.assertEqual(order.state, "sent")
