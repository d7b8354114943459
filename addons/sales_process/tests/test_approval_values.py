from unittest import TestCase

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..engine import approval as engine
from .paper_common import PaperCase


@tagged("post_install", "-at_install", "sales_process")
class TestWorsening(TestCase):
    """What counts as worse, as a table: change, codes."""

    JUDGED = {
        "partner": 1, "currency": "EUR", "amount": 1000.0, "discount": 5.0, "payment_days": 30,
        "early_discount": 0.0, "texts": "t", "terms": {},
        "products": {"7": {"qty": 10.0, "net": 95.0, "discount": 5.0}},
    }  # fmt: skip

    def test_table(self):
        table = [
            ("nothing", {}, []),
            ("higher discount", {"discount": 6.0}, ["discount"]),
            ("lower discount", {"discount": 1.0}, []),
            ("later payment", {"payment_days": 60}, ["payment_term"]),
            ("earlier payment", {"payment_days": 0}, []),
            ("discount for early payment", {"early_discount": 2.0}, ["payment_term"]),
            ("other customer", {"partner": 2}, ["partner"]),
            ("other currency", {"currency": "USD"}, ["currency"]),
            ("other text", {"texts": "u"}, ["texts"]),
            ("other term", {"terms": {"months": 24}}, ["terms"]),
            ("higher amount", {"amount": 2000.0}, []),
            ("lower price", {"products": {"7": {"qty": 10, "net": 94.0, "discount": 5.0}}}, ["price"]),
            ("rounding of the price", {"products": {"7": {"qty": 10, "net": 94.9999, "discount": 5.0}}}, []),
            ("higher price", {"products": {"7": {"qty": 10, "net": 99.0, "discount": 1.0}}}, []),
            (
                "discount of a line",
                {"products": {"7": {"qty": 10, "net": 95.0, "discount": 9.0}}},
                ["discount"],
            ),
            (
                "fewer at a discount",
                {"products": {"7": {"qty": 1, "net": 95.0, "discount": 5.0}}},
                ["quantity"],
            ),
            ("more at a discount", {"products": {"7": {"qty": 20, "net": 95.0, "discount": 5.0}}}, []),
            ("no longer sold", {"products": {}}, []),
            ("other product", {"products": {"8": {"qty": 1, "net": 95.0, "discount": 0.0}}}, ["product"]),
            ("price and term", {"payment_days": 90, "discount": 9.0}, ["discount", "payment_term"]),
        ]
        for name, change, codes in table:
            with self.subTest(name):
                self.assertEqual(engine.worsening(self.JUDGED, {**self.JUDGED, **change}), codes)

    def test_gifts_must_not_grow(self):
        judged = {**self.JUDGED, "products": {"7": {"qty": 1.0, "net": 0.0, "discount": 100.0}}}
        now = {**judged, "products": {"7": {"qty": 5.0, "net": 0.0, "discount": 100.0}}}
        self.assertEqual(engine.worsening(judged, now), ["quantity"])

    def test_fingerprint_does_not_depend_on_order(self):
        self.assertEqual(engine.fingerprint({"a": 1, "b": 2}), engine.fingerprint({"b": 2, "a": 1}))


@tagged("post_install", "-at_install", "sales_process")
class TestValues(PaperCase):
    """What is judged, when a limit is passed, and what is asked again."""

    def test_changes_and_who_is_asked_again(self):
        """(change, asked again)"""
        later = self.env["account.payment.term"].create(
            {
                "name": "60 days",
                "line_ids": [Command.create({"value": "percent", "value_amount": 100, "nb_days": 60})],
            }
        )
        other = self.env["product.product"].create({"name": "Other", "list_price": 10.0})

        def line(vals):
            return lambda order: order.order_line.write(vals)

        table = [
            ("higher price", line({"price_unit": 1100.0}), False),
            ("more of it", line({"product_uom_qty": 5}), False),
            ("lower price", line({"price_unit": 900.0}), True),
            ("discount", line({"discount": 1.0}), True),
            ("other text", line({"name": "With a gift"}), True),
            ("later payment", lambda order: order.write({"payment_term_id": later.id}), True),
            (
                "other customer",
                lambda order: order.write(
                    {"partner_id": self.portal.partner_id.copy({"parent_id": False}).id}
                ),
                True,
            ),
            ("terms", lambda order: order.write({"note": "<p>You may return it for ever</p>"}), True),
            (
                "another product",
                lambda order: order.write({"order_line": [Command.create({"product_id": other.id})]}),
                True,
            ),
            ("reference", lambda order: order.write({"client_order_ref": "X"}), False),
        ]
        for name, change, again in table:
            with self.subTest(name):
                order = self._process_order()
                self._approve(order)
                change(order)
                self.assertEqual(order._approval_is_valid("proposal"), not again)
                self.assertEqual(bool(order._approval_request("proposal")), again)

    def test_other_pricelist_that_lowers_prices(self):
        cheap = self.env["product.pricelist"].create(
            {
                "name": "Cheap",
                "item_ids": [
                    Command.create(
                        {"compute_price": "percentage", "percent_price": 50, "applied_on": "3_global"}
                    )
                ],
            }
        )
        order = self._process_order()
        self._approve(order)
        order.pricelist_id = cheap
        order.sudo().action_update_prices()
        self.assertFalse(order._approval_is_valid("proposal"))

    def test_limits(self):
        self.rule.write({"amount_limit": 5000.0, "discount_limit": 10.0})
        order = self._process_order()
        self.assertEqual(order.approval_state, "none")
        self.assertFalse(order._approval_request("proposal"))
        self.assertTrue(order._approval_is_valid("proposal"))
        order.order_line.product_uom_qty = 6
        self.assertFalse(order._approval_is_valid("proposal"), "over the amount")
        order.order_line.write({"product_uom_qty": 1, "discount": 11})
        self.assertFalse(order._approval_is_valid("proposal"), "over the discount")
        order.order_line.write({"discount": 0, "price_unit": 880.0})
        self.assertFalse(order._approval_is_valid("proposal"), "a lower price is a discount too")
        order.order_line.write({"price_unit": 950.0})
        self.assertTrue(order._approval_is_valid("proposal"))

    def test_only_those_whose_limit_is_passed(self):
        big = self.rule.copy(
            {
                "name": "Big",
                "amount_limit": 10000.0,
                "approver_type": "users",
                "approver_ids": [Command.set(self.manager.ids)],
            }
        )
        order = self._process_order()
        self._approve(order)
        self.assertTrue(order._approval_is_valid("proposal"))
        order.order_line.product_uom_qty = 11
        rows = order._approval_request("proposal")
        self.assertEqual(rows.rule_id, big)
        self.assertEqual(rows.approver_ids, self.manager)

    def test_limits_in_the_company_currency(self):
        currency = self.env["res.currency"].create(
            {
                "name": "XQQ",
                "symbol": "q",
                "rate_ids": [
                    Command.create({"name": "2020-01-01", "rate": 100.0, "company_id": self.company.id})
                ],
            }
        )
        order = self._process_order()
        self.rule.amount_limit = 1000.0
        order.sudo().write({"currency_id": currency.id})
        order.order_line.price_unit = 40000.0
        self.assertAlmostEqual(order._approval_values("proposal")["amount"], 800.0)
        self.assertTrue(order._approval_is_valid("proposal"))

    def test_written_sums_convince_nobody(self):
        self.rule.write({"active": False})
        self.env["sales.approval.rule"].create({"name": "Large", "kind": "both", "amount_limit": 500})
        order = self._process_order()
        line = order.order_line
        for record, vals in (
            (line, {"price_subtotal": 1.0}),
            (order, {"amount_untaxed": 1.0}),
        ):
            with self.subTest(vals), self.assertRaises(AccessError), self.env.cr.savepoint():
                record.with_user(self.rep).write(vals)
            record.sudo().write(vals)
        self.assertEqual(order.approval_state, "missing", "what nobody pays is not judged")
        with self.assertRaises(UserError):
            order.with_user(self.rep).action_confirm()

    def test_fewer_pieces_at_a_price_for_many(self):
        order = self._process_order()
        line = order.order_line[:1]
        line.write({"product_uom_qty": 100, "price_unit": self.product.list_price / 2})
        self._approve(order)
        line.product_uom_qty = 200
        self.assertEqual(order.approval_state, "approved")
        line.product_uom_qty = 1
        self.assertEqual(order.approval_state, "missing")

    def test_a_price_is_a_discount_of_the_whole(self):
        self.rule.write({"active": False})
        self.env["sales.approval.rule"].create({"name": "Cheap", "kind": "both", "discount_total_limit": 10})
        order = self._process_order()
        self.assertEqual(order.approval_state, "none")
        order.order_line[:1].price_unit = 1
        self.assertEqual(order.approval_state, "missing")

    def test_discounts_in_disguise(self):
        """(how it is hidden) What lowers the total is a discount, in whatever column it is written."""
        screw = self.env["product.product"].create({"name": "Screw", "list_price": 900.0, "type": "service"})
        included = self.env["account.tax"].create(
            {"name": "A fifth, included", "amount": 20.0, "price_include_override": "tax_included"}
        )

        def add(**vals):
            return lambda order: order.order_line.create(
                {"order_id": order.id, "name": "x", "product_uom_qty": 1, "tax_ids": False, **vals}
            )

        disguises = {
            "a payment in advance of less than nothing": add(is_downpayment=True, price_unit=-500.0),
            "a product that costs less than nothing": add(product_id=screw.id, price_unit=-500.0),
            "goods taken back": add(product_id=screw.id, product_uom_qty=-1),
            "a tax that is part of the price": lambda order: order.order_line.write(
                {"tax_ids": [Command.set(included.ids)], "price_unit": 1000.0}
            ),
            "an amount by hand": lambda order: order.order_line.write(
                {"extra_tax_data": self._amount_by_hand(order.order_line, 1.0)}
            ),
            "a unit of many": lambda order: order.order_line.write(
                {"product_uom_id": self.env.ref("uom.product_uom_dozen").id, "price_unit": 1000.0}
            ),
        }
        for limit in ("discount_limit", "discount_total_limit"):
            self.rule.write({"discount_limit": 0, "discount_total_limit": 0, limit: 10.0})
            for name, hide in disguises.items():
                with self.subTest(name, limit=limit), self.env.cr.savepoint() as savepoint:
                    order = self._process_order()
                    order.order_line.tax_ids = False
                    self.assertEqual(order.approval_state, "none")
                    hide(order.with_user(self.rep))
                    order.invalidate_recordset(["approval_state"])
                    self.assertEqual(order.approval_state, "missing")
                    savepoint.rollback()
                    self.env.invalidate_all()

    def test_a_tax_of_the_product_is_no_discount(self):
        """Where prices are told with their tax, the list price is as well."""
        included = self.env["account.tax"].create(
            {"name": "A fifth, included", "amount": 20.0, "price_include_override": "tax_included"}
        )
        self.product.taxes_id = [Command.set(included.ids)]
        self.rule.write({"discount_limit": 1.0})
        order = self._process_order()
        order.order_line.write({"tax_ids": [Command.set(included.ids)], "price_unit": 1000.0})
        self.assertEqual(order.approval_state, "none")
