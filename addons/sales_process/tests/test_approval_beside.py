from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .paper_common import PaperCase


@tagged("post_install", "-at_install", "sales_process")
class TestBesideTheProcess(PaperCase):
    """No order is made binding beside the process, and none of other teams is held up by it."""

    def test_no_order_beside_the_process(self):
        order = self._process_order()
        copied = order.copy({"opportunity_id": False})
        for road in ("action_confirm", "action_quotation_sent"):
            refused = self.assertRaisesRegex(UserError, "Name the opportunity")
            with self.subTest(road), refused, self.env.cr.savepoint():
                getattr(copied.with_user(self.rep), road)()

    def test_no_order_beside_the_process_for_an_opportunity_kept_out_of_it(self):
        """Won, lost or archived from the first moment, or another team's: no process has started on it."""
        won = self.env["crm.stage"].search([("is_won", "=", True), ("team_ids", "=", False)], limit=1)
        leads, orders = self.env["crm.lead"].with_user(self.rep), self.env["sale.order"].with_user(self.rep)
        kept_out = (
            {"active": False},
            {"active": False, "probability": 0},
            {"stage_id": won.id},
            {"team_id": self.plain_team.id},
        )
        for vals in kept_out:
            base = {"name": "x", "type": "opportunity", "team_id": self.team.id, "user_id": self.rep.id}
            lead = leads.create(base | vals)
            self.assertFalse(lead.sudo().process_case_ids)
            order = orders.create(
                {
                    "partner_id": self.person.id,
                    "opportunity_id": lead.id,
                    "team_id": self.team.id,
                    "order_line": [Command.create({"product_id": self.product.id, "price_unit": 1})],
                }
            )
            for road in ("action_confirm", "action_quotation_sent"):
                refused = self.assertRaisesRegex(UserError, "sells by a process")
                with self.subTest(vals, road=road), refused, self.env.cr.savepoint():
                    getattr(order, road)()
        order.with_user(self.leader).action_confirm()  # of a deal that was there before, say
        self.assertEqual(order.state, "sale")

    def test_no_order_beside_the_process_by_a_team_of_others(self):
        order = (
            self.env["sale.order"]
            .with_user(self.rep)
            .create(
                {
                    "partner_id": self.person.id,
                    "team_id": self.plain_team.id,
                    "order_line": [Command.create({"product_id": self.product.id, "price_unit": 1})],
                }
            )
        )
        with self.assertRaisesRegex(UserError, "Name the opportunity"), self.env.cr.savepoint():
            order.action_confirm()
        self.plain_team.sudo().user_id = self.rep
        order.action_confirm()

    def test_no_order_beside_the_process_for_want_of_a_team(self):
        lead = self._process_order().opportunity_id
        vals = {
            "partner_id": self.person.id,
            "team_id": False,
            "order_line": [Command.create({"product_id": self.product.id, "price_unit": 1})],
        }
        order = self.env["sale.order"].with_user(self.rep).create(vals)
        with self.assertRaisesRegex(UserError, "Name the opportunity"), self.env.cr.savepoint():
            order.action_confirm()
        order.sudo().action_confirm()  # as Odoo's own flows do, for what they know better
        with self.assertRaisesRegex(UserError, "is not approved"):
            order.write({"opportunity_id": lead.id})

    def test_cannot_leave_the_process(self):
        order = self._process_order()
        plain = self.env["crm.lead"].create(
            {"name": "Plain", "team_id": self.plain_team.id, "type": "opportunity"}
        )
        for value in (False, plain.id):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                order.write({"opportunity_id": value})

    def test_plain_orders_are_left_alone(self):
        seller = self._colleague("paper_plain", "Paul Plain")
        order = (
            self.env["sale.order"]
            .with_user(seller)
            .create(
                {
                    "partner_id": self.person.id,
                    "team_id": self.plain_team.id,
                    "order_line": [Command.create({"product_id": self.product.id})],
                }
            )
        )
        self.assertFalse(order.is_process_order)
        order.action_quotation_sent()
        order.write({"require_signature": True, "signed_by": "Anna"})
        self.assertTrue(order._has_to_be_signed())
        order.action_confirm()
        self.assertEqual(order.state, "sale")

    def test_a_customer_with_an_account_reads_no_draft(self):
        draft, sent = self._process_order(), self._sent()
        plain = self.env["sale.order"].create({"partner_id": self.person.id})
        found = (
            self.env["sale.order"].with_user(self.portal).search([("id", "in", (draft + sent + plain).ids)])
        )
        self.assertEqual(found, sent + plain)
        with self.assertRaises(AccessError):
            draft.with_user(self.portal).read(["amount_total"])
        lines = self.env["sale.order.line"].with_user(self.portal)
        self.assertFalse(lines.search([("order_id", "=", draft.id)]))
        self.assertTrue(lines.search([("order_id", "=", sent.id)]))
