from datetime import timedelta

from odoo import fields
from odoo.tests import tagged

from .paper_common import PaperCase


@tagged("post_install", "-at_install", "sales_process")
class TestSentOffer(PaperCase):
    """What was approved and sent binds us: what changes on our side alone does not take it back."""

    def _cost(self, order, cost):
        order.order_line.product_id.sudo().with_company(order.company_id).standard_price = cost
        self.env.invalidate_all()

    def _ours(self):
        """(what changes on our side, the rule that minds it)"""
        cases = (
            ("cost", {"margin_limit": 20.0}, lambda order: self._cost(order, 950.0)),
            (
                "list price",
                {"discount_limit": 10.0},
                lambda order: order.order_line.product_id.sudo().write({"lst_price": 5000.0}),
            ),
            (
                "list price, of the whole",
                {"discount_total_limit": 10.0},
                lambda order: order.order_line.product_id.sudo().write({"lst_price": 5000.0}),
            ),
        )
        margins = "margin_percent" in self.env["sale.order"]._fields
        return cases if margins else cases[1:]

    def test_what_changes_on_our_side(self):
        for name, limit, change in self._ours():
            for judged in (True, False):
                with self.subTest(name, judged=judged), self.env.cr.savepoint() as savepoint:
                    self.rule.write({} if judged else limit)
                    order = self._process_order()
                    self._cost(order, 100.0)
                    self._approve(order) if judged else None
                    order.action_proposal_send()
                    change(order)
                    self.env.invalidate_all()
                    self.assertTrue(order._approval_is_valid("proposal"))
                    self.assertFalse(order._approval_request("proposal"), "nobody is asked")
                    savepoint.rollback()
                    self.env.invalidate_all()

    def test_sent_again_it_is_the_same_offer(self):
        """Neither the cost of the day nor a longer validity goes into it by that."""
        self.rule.write({"discount_limit": 10.0})
        order = self._process_order()
        order.action_proposal_send()
        document = self.env["sales.document"]._last(order, "proposal")
        sent = document.sent_values
        order.order_line.product_id.sudo().lst_price = 5000.0
        order.validity_date = fields.Date.today() + timedelta(days=300)
        order.action_proposal_send_again()
        self.assertEqual(
            self.env["sales.document"]._last(order, "proposal").sent_values["until"], sent["until"]
        )
        self.assertTrue(order._approval_is_valid("proposal"))

    def test_before_it_is_sent_it_counts(self):
        for name, limit, change in self._ours():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                self.rule.write(limit)
                order = self._process_order()
                self._cost(order, 100.0)
                self.assertTrue(order._approval_is_valid("proposal"))
                change(order)
                self.env.invalidate_all()
                self.assertFalse(order._approval_is_valid("proposal"))
                savepoint.rollback()
                self.env.invalidate_all()

    def test_what_the_customer_reads_counts(self):
        order = self._sent()
        order.order_line.discount = 1
        self.assertFalse(order._approval_is_valid("proposal"))

    def test_an_offer_that_is_over_binds_nobody(self):
        """Its validity put off, it is judged by what holds today."""
        self.rule.write({"discount_limit": 10.0})
        order = self._process_order()
        order.action_proposal_send()
        order.order_line.product_id.sudo().lst_price = 5000.0
        document = self.env["sales.document"]._last(order, "proposal")
        self.assertTrue(order._approval_is_valid("proposal"))
        yesterday = fields.Date.to_string(fields.Date.today() - timedelta(days=1))
        document.sent_values = {**document.sent_values, "until": yesterday}
        order.validity_date = fields.Date.today() + timedelta(days=30)
        self.assertFalse(order._approval_is_valid("proposal"))

    def test_handed_over(self):
        """(sent before, another team, asked again): what is not sent yet, the new leader has not seen."""
        friend = self._colleague("paper_friend", "Fred Friend")
        leader = self._colleague("paper_boss", "Bea Boss", "sales_process.group_leader")
        team = self.env["crm.team"].create({"name": "Friends", "user_id": leader.id})
        for sent, moved, again in (
            (False, True, True),
            (True, True, False),
            (False, False, False),
        ):
            with self.subTest(sent=sent, moved=moved), self.env.cr.savepoint() as savepoint:
                order = self._sent() if sent else self._process_order()
                if not sent:
                    self._approve(order)
                new = friend if moved else self.colleague
                if moved:
                    team.member_ids += friend
                order.sudo().write({"user_id": new.id})
                order.sudo().opportunity_id.user_id = new
                self.assertEqual(not order._approval_is_valid("proposal"), again)
                if again:
                    rows = order._approval_request("proposal")
                    self.assertEqual(rows.approver_ids, leader)
                    self.assertIn("another team", rows.changes)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_rented_leader(self):
        """A friend of another team lends their leader's yes, and hands the order back."""
        friend = self._colleague("paper_friend", "Fred Friend")
        leader = self._colleague("paper_boss", "Bea Boss", "sales_process.group_leader")
        self.env["crm.team"].create({"name": "Friends", "user_id": leader.id, "member_ids": friend.ids})
        order = self._process_order()
        order.sudo().write({"user_id": friend.id})
        rows = order._approval_request("proposal")
        rows.with_user(leader).decide(True)
        self.assertTrue(order._approval_is_valid("proposal"))
        order.sudo().write({"user_id": self.rep.id})
        self.assertFalse(order._approval_is_valid("proposal"))
