from datetime import date

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .contract_common import ContractCase


class CotermCase(ContractCase):
    """Two running contracts of one customer: 300 a year up to December, 600 a year up to June."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = cls._running(contract_notice_days=30, contract_tacit_renewal=True)
        cls.second = cls._running(
            contract_date_start="2026-07-01",
            order_line=[
                Command.create({"product_id": cls.product.id, "product_uom_qty": 4, "price_unit": 150.0})
            ],
        )
        cls.both = cls.first + cls.second

    def _make(self, date_end=date(2027, 12, 31), main=None, contracts=None):
        return (contracts or self.both).with_user(self.rep)._coterm_make(date_end, main or self.first)

    def _sign(self, order):
        order.with_user(self.rep).action_contract_generate()
        order.with_user(self.leader)._approval_decide("contract", True, "fine")
        order.with_user(self.rep).action_contract_send()
        order._contract_mark_signed()


@tagged("post_install", "-at_install", "sales_process")
class TestCoterm(CotermCase):
    def test_one_order_for_both(self):
        order = self._make()
        self.assertEqual(order.contract_date_start, date(2027, 1, 1))
        self.assertEqual(order.contract_date_end, date(2027, 12, 31))
        head, line, head_2, line_2 = order.order_line
        self.assertEqual((head.display_type, head_2.display_type), ("line_section", "line_section"))
        self.assertIn(self.first.contract_number, head.name)
        self.assertIn("6 of 12 months", head_2.name)
        self.assertEqual((line.product_uom_qty, line.price_unit), (2, 150), "a full year")
        self.assertEqual((line_2.product_uom_qty, line_2.price_unit), (4, 75), "July to December")
        self.assertEqual(order.amount_untaxed, 600)
        self.assertEqual((order.contract_notice_days, order.contract_tacit_renewal), (30, True))
        self.assertFalse(order.contract_number)

    def test_terms_are_taken_from_one_of_them(self):
        stranger = self.first.sudo().copy()
        for main in (stranger, self.both, self.env["sale.order"]):
            with self.assertRaisesRegex(UserError, "one of those"), self.env.cr.savepoint():
                self.both.with_user(self.rep)._coterm_make(date(2027, 12, 31), main)

    def test_the_chain(self):
        order = self._make()
        self.assertEqual(self.both.coterm_order_id, order)
        self.assertEqual(order._contract_predecessors(), self.both)
        self.assertEqual(order.renewal_of_id, self.first)
        for contract in self.both:
            self.assertEqual(contract._contract_make_renewal(), order, "not renewed a second time")
        with self.assertRaises(UserError):
            self._make()

    def test_signed_it_renews_both(self):
        order = self._make()
        self._sign(order)
        self.assertEqual(self.both.mapped("contract_state"), ["renewed", "renewed"])
        self.assertEqual(order.contract_state, "running")

    def test_it_needs_its_approval(self):
        order = self._make().with_user(self.rep)
        order.action_contract_generate()
        self.assertEqual(order.contract_state, "approval")
        with self.assertRaises(UserError):
            order.action_contract_send()

    def test_declined_each_can_be_renewed_alone(self):
        order = self._make()
        order._contract_withdraw("Rather not")
        renewal = self.second.with_user(self.rep)._contract_make_renewal()
        self.assertNotEqual(renewal, order)
        self.assertEqual((renewal.amount_untaxed, renewal.contract_date_start), (600, date(2027, 7, 1)))
        alone = self.first.with_user(self.rep)._contract_make_renewal()
        self.assertNotEqual(alone, order, "the common one is not revised for one of them")

    def test_one_opportunity(self):
        leads = self.both._contract_start_renewal()
        self.assertEqual(len(leads), 2)
        order = self._make()
        self.assertEqual(len(self.both.renewal_lead_id), 1)
        self.assertEqual(order.opportunity_id, self.both.renewal_lead_id)
        self.assertEqual(order.opportunity_id.expected_revenue, 600)
        lead = leads.exists()
        self.assertEqual(len(lead), 1)
        self.assertEqual(lead, order.opportunity_id)

    def test_the_end_of_one_does_not_end_the_others_renewal(self):
        order = self._make(main=self.second)
        told = self._signals()
        self.first._contract_set({"contract_state": "expired"})
        self.first._contract_signal_ended()
        self.assertFalse([signal for signal in told if signal[1] == "contract_ended"])
        self.second._contract_set({"contract_state": "expired"})
        self.second._contract_signal_ended()
        self.assertTrue([signal for signal in told if signal[1] == "contract_ended"])
        self.assertTrue(order.exists())

    def test_the_term_after_is_a_full_one(self):
        order = self._make(date_end=date(2027, 9, 15))
        line, line_2 = order.order_line.filtered("product_id")
        self.assertEqual((line.price_unit, line_2.price_unit), (106.25, 31.25), "8.5 and 2.5 of 12 months")
        self._sign(order)
        self.assertEqual(order._contract_renewal_amount(), 900)
        following = order._contract_make_renewal()
        self.assertEqual(following.contract_date_start, date(2027, 9, 16))
        self.assertEqual(following.contract_date_end, date(2028, 9, 15))
        self.assertEqual(following.order_line.filtered("product_id").mapped("price_unit"), [150, 150])
        self.assertEqual(following.amount_untaxed, 900)
        self.assertFalse(following.contract_next_months)

    def test_terms_of_other_lengths(self):
        longer = self._running(
            contract_date_start="2025-01-01",
            contract_term_months=24,
            order_line=[Command.create({"product_id": self.product.id, "price_unit": 240.0})],
        )
        order = self._make(contracts=self.first + longer)
        prices = {
            line.price_unit: line.contract_full_price for line in order.order_line.filtered("product_id")
        }
        self.assertEqual(prices, {150.0: 150.0, 120.0: 120.0}, "a year of both")

    def test_the_agreed_uplift(self):
        raised = self._running(contract_uplift_percent=10)
        order = self._make(contracts=raised + self.second, main=raised)
        self.assertEqual(order.order_line.filtered("product_id").mapped("price_unit"), [165.0, 75.0])

    def test_what_cannot_be(self):
        other = self.env["res.partner"].create({"name": "Somebody Else", "email": "else@example.com"})
        currencies = self.env["res.currency"].with_context(active_test=False)
        foreign_currency = currencies.search([("id", "!=", self.first.currency_id.id)], limit=1)
        foreign_currency.active = True
        pricelist = self.env["product.pricelist"].create(
            {"name": "Foreign", "currency_id": foreign_currency.id}
        )
        terminated = self._running()
        terminated.action_contract_terminate("2026-12-31", "Enough")
        for name, contracts in (
            ("one", self.first),
            ("another customer", self.first + self._running(partner_id=other.id)),
            ("another currency", self.first + self._running(pricelist_id=pricelist.id)),
            ("no contract", self.first + self._order()),
            (
                "open-ended",
                self.first + self._running(contract_term_months=0, contract_open_ended=True),
            ),
            ("days", self.first + self._running(contract_term_months=0, contract_date_end="2026-01-20")),
            ("terminated", self.first + terminated),
        ):
            with self.subTest(name), self.assertRaises(UserError), self.env.cr.savepoint():
                self._make(contracts=contracts)
        for day in (date(2027, 6, 30), date(2026, 1, 1)):
            with self.subTest(day), self.assertRaises(UserError), self.env.cr.savepoint():
                self._make(date_end=day)

    def test_who_must_not(self):
        for user in (self.other_rep, self.foreigner, self.portal, self.public):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.both.with_user(user)._coterm_make(date(2027, 12, 31), self.first)
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.env["sales.contract.coterm"].with_user(user).with_context(
                    active_ids=self.both.ids
                ).create({}).action_make()
        with self.assertRaises(AccessError):
            self.first.with_user(self.rep).write({"coterm_order_id": self.second.id})

    def test_the_wizard(self):
        model = self.env["sales.contract.coterm"].with_user(self.rep).with_context(active_ids=self.both.ids)
        form = Form(model)
        self.assertEqual(str(form.date_end), "2028-06-30")
        form.date_end = date(2027, 12, 31)
        wizard = form.save()
        self.assertEqual(wizard.line_ids.mapped("amount"), [300, 300])
        self.assertEqual(wizard.line_ids.mapped("months"), [12, 6])
        self.assertEqual(wizard.line_ids.mapped("term_amount"), [300, 600])
        action = wizard.action_make()
        order = self.env["sale.order"].browse(action["res_id"])
        self.assertEqual((order.amount_untaxed, wizard.amount), (600, 600))
