from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..models.sales_document import INTERNAL, INTERNAL_KEY
from .paper_common import PaperCase


@tagged("post_install", "-at_install", "sales_process")
class TestApproval(PaperCase):
    """Who is asked, and who may answer."""

    def test_shipped_rule_asks_the_leader(self):
        order = self._process_order()
        self.assertEqual(order.approval_state, "missing")
        rows = order._approval_request("proposal")
        self.assertEqual(rows.approver_ids, self.leader)
        self.assertEqual(order._approval_request("proposal"), rows, "asked once")
        self.assertFalse(order._approval_is_valid("proposal"))
        rows.with_user(self.leader).action_approve()
        self.assertTrue(order._approval_is_valid("proposal"))
        self.assertEqual(order.approval_state, "approved")
        self.assertEqual(rows.decided_by_id, self.leader)
        self.assertTrue(rows.fingerprint and rows.date_decided)
        rows.with_user(self.leader).action_approve()

    def test_line_of_what_is_judged_by_a_default(self):
        order = self._process_order()
        order._approval_request("proposal")
        Line = self.env["sale.order.line"].with_user(self.rep)
        with self.assertRaisesRegex(UserError, "being judged"), self.env.cr.savepoint():
            Line.with_context(default_order_id=order.id).create({"product_id": self.product.id})

    def test_nobody_is_asked_and_answered_by_a_default(self):
        """The context is the client's: it must not say what the rows of the process say."""
        order = self._process_order()
        forged = {
            "default_state": "approved",
            "default_date_decided": "2026-01-01",
            "default_decided_by_id": self.leader.id,
            "default_comment": "Fine",
        }
        self.env["ir.default"].with_user(self.rep).set("sales.approval", "state", "approved", user_id=True)
        order.with_user(self.rep).with_context(**forged).action_approval_request()
        [row] = order.sudo().approval_ids
        self.assertEqual(
            (row.state, row.date_decided, row.decided_by_id.id, row.comment), ("waiting", False, False, False)
        )
        self.assertFalse(order._approval_is_valid("proposal"))

    def test_refusal_says_why(self):
        order = self._process_order()
        rows = order._approval_request("proposal").with_user(self.leader)
        with self.assertRaises(UserError):
            rows.decide(False, "  ")
        action = rows.action_refuse()
        wizard = (
            self.env["sales.approval.refuse"]
            .with_user(self.leader)
            .with_context(**action["context"])
            .create({"comment": "Too cheap"})
        )
        wizard.action_refuse()
        self.assertEqual((rows.state, rows.comment), ("refused", "Too cheap"))
        self.assertEqual(order.approval_state, "refused")
        with self.assertRaises(UserError):
            rows.with_user(self.manager).action_approve()
        self.assertTrue(order._approval_request("proposal"), "asked anew")

    def test_nobody_their_own(self):
        order = self._process_order()
        rows = order._approval_request("proposal")
        with self.assertRaises(AccessError):
            rows.with_user(self.rep).action_approve()
        with self.assertRaises(AccessError):
            rows.with_user(self.colleague).decide(True)

    def test_leaders_own_goes_to_the_managers(self):
        order = self._process_order()
        order.sudo().write({"user_id": self.leader.id})
        rows = order._approval_request("proposal")
        self.assertIn(self.manager, rows.approver_ids)
        self.assertNotIn(self.leader, rows.approver_ids)
        with self.assertRaises(AccessError):
            rows.with_user(self.leader).decide(True)
        rows.with_user(self.manager).decide(True)
        self.assertTrue(order._approval_is_valid("proposal"))

    def test_handing_the_order_over_does_not_help(self):
        """The leader has a rep stand in as the seller, approves, and takes it back."""
        order = self._process_order()
        self._approve(order)
        order.sudo().write({"user_id": self.leader.id})
        self.assertFalse(order._approval_is_valid("proposal"))

    def test_alone(self):
        """Nobody but the seller: refused, unless the company allows the logged pass."""
        managers = self.env.ref("sales_team.group_sale_manager").all_user_ids - self.leader
        managers.write({"active": False}) if managers else None
        order = self._process_order()
        order.sudo().write({"user_id": self.leader.id})
        order.sudo().opportunity_id.user_id = self.leader
        rows = order._approval_request("proposal")
        self.assertFalse(rows.approver_ids)
        with self.assertRaises(AccessError):
            rows.with_user(self.leader).decide(True)
        self.env["ir.config_parameter"].set_param("sales_process.allow_self_approval", "True")
        rows.with_user(self.leader).decide(True)
        self.assertTrue(rows.is_self)
        self.assertTrue(order._approval_is_valid("proposal"))

    def test_seen_is_what_is_approved(self):
        order = self._process_order()
        rows = order._approval_request("proposal").with_user(self.leader)
        seen = rows.current_fingerprint
        order.order_line.with_context(**{INTERNAL_KEY: INTERNAL}).discount = 3
        with self.assertRaises(UserError):
            rows.with_context(approval_fingerprint=seen).action_approve()

    def test_what_only_we_know_does_not_stop_the_answer(self):
        """The product's list price changes while it is judged: the offer is what it was."""
        order = self._process_order()
        rows = order._approval_request("proposal").with_user(self.leader)
        order.order_line.product_id.sudo().lst_price = 5000.0
        rows.action_approve()
        self.assertEqual(rows.state, "approved")

    def test_other_companies(self):
        order = self._process_order()
        rows = order._approval_request("proposal")
        self.assertFalse(self.env["sales.approval"].with_user(self.foreigner).search([]))
        with self.assertRaises(AccessError):
            rows.with_user(self.foreigner).decide(True)

    def test_rights(self):
        """Nobody writes rows; a rep sees their own, a leader the team's."""
        order = self._process_order()
        rows = order._approval_request("proposal")
        self.env.flush_all()
        for user in (self.rep, self.leader, self.manager, self.portal, self.env.ref("base.public_user")):
            with self.subTest(user.login):
                own = rows.with_user(user)
                for call in (
                    lambda own=own: own.write({"state": "approved"}),
                    own.unlink,
                    lambda own=own: own.create(
                        {"order_id": order.id, "kind": "proposal", "state": "approved"}
                    ),
                ):
                    with self.assertRaises(AccessError):
                        call()
        self.assertTrue(self.env["sales.approval"].with_user(self.rep).search([("id", "=", rows.id)]))
        self.assertFalse(self.env["sales.approval"].with_user(self.colleague).search([("id", "=", rows.id)]))
        stranger = new_test_user(self.env, "paper_stranger", groups="sales_process.group_leader")
        self.assertFalse(self.env["sales.approval"].with_user(stranger).search([("id", "=", rows.id)]))
        self.assertTrue(self.env["sales.approval"].with_user(self.leader).search([("id", "=", rows.id)]))
        with self.assertRaises(AccessError):
            self.rule.with_user(self.rep).write({"active": False})
        with self.assertRaises(AccessError):
            self.env["sales.approval"].with_user(self.portal).search([])

    def test_the_process_goes_on(self):
        """Answered in the list, the process' own task is completed."""
        lead, making = self._at_proposal()
        making.complete("made")
        task = self._task(lead, "approve_proposal")
        rows = task.sudo().case_id.order_id.approval_ids
        rows.with_user(self.leader).action_approve()
        self.assertEqual((task.state, task.outcome_id.code), ("done", "approved"))
