from odoo.tests import tagged
from odoo.tools import mute_logger

from .paper_common import BROWSER, PageCase


@tagged("post_install", "-at_install", "sales_process")
class TestAcceptance(PageCase):
    """A proposal that no contract follows is accepted with a signature: it places the order."""

    def _open_proposal(self, **vals):
        """A proposal that lies with the customer, its link and its file."""
        self._without_contract("[('expected_revenue', '<', 10000)]")
        order = self._sent(**vals)
        return order, self._token(order), self.env["sales.document"]._last(order, "proposal")

    def test_signed_and_won(self):
        order, token, document = self._open_proposal()
        self.assertIn(f"/sign/{document.sha256}", self._open(token).text)
        self.assertTrue(self._sign(token, document.sha256).get("force_refresh"))
        self._fresh(order)
        self.assertEqual(
            (order.process_decision, order.process_decision_name, order.signature, order.state),
            ("accepted", "Anna Keller", False, "sent"),
            "the process confirms, after commit",
        )
        self._run(order.opportunity_id)
        self.assertEqual((order.state, order.opportunity_id.process_state), ("sale", "won"))
        page = self._open(token).text
        self.assertIn("Your order is placed", page)
        self.assertNotIn("/sign/", page)

    def _confirmation(self, order):
        """The mail by which the customer hears that their order is confirmed."""
        template = self.env.ref("sales_process.mail_template_order_confirmed")
        messages = order.opportunity_id.sudo().process_message_ids
        [planned] = messages.filtered(lambda message: message.template_id == template)
        planned._send()
        return self.env["mail.mail"].sudo().search([("mail_message_id", "=", planned.mail_message_id.id)])

    def test_the_customer_gets_what_they_signed(self):
        order, token, document = self._open_proposal()
        self._sign(token, document.sha256)
        self._run(order.opportunity_id)
        mail = self._confirmation(order)
        self.assertIn(order.name, mail.body_html)
        self.assertIn("What you signed is attached", mail.body_html)
        self.assertEqual(mail.attachment_ids.mapped("name"), [f"Signed proposal {order.name}.pdf"])

    def test_a_yes_taken_down_by_the_rep_brings_no_file(self):
        order, _token, _document = self._open_proposal()
        order.opportunity_id._process_signal("proposal_accepted", order, {"version": 1})
        self._run(order.opportunity_id)
        mail = self._confirmation(order)
        self.assertNotIn("attached", mail.body_html)
        self.assertFalse(mail.attachment_ids)

    def test_the_record_is_kept_once(self):
        order, token, document = self._open_proposal()
        for name in ("Anna Keller", "Somebody Else"):
            self.assertTrue(self._sign(token, document.sha256, name=name).get("force_refresh"))
        copy = order.sudo().sales_document_ids.filtered(lambda one: one.kind == "signed_proposal")
        self.assertEqual(len(copy), 1)
        evidence = copy.evidence
        self.assertEqual(
            (evidence["name"], evidence["sha256"], evidence["agent"]),
            ("Anna Keller", document.sha256, BROWSER["User-Agent"]),
        )
        self.assertTrue(any("Approved by Lena Leader" in event[1] for event in evidence["events"]))
        self.assertEqual(self._open(token, "/pdf?signed=1").content, copy.attachment_id.raw)
        self.assertEqual(self._open(token, "/pdf").content, document.attachment_id.raw)

    def test_no_yes_without_a_signature(self):
        order, token, document = self._open_proposal()
        self.assertIn("Please sign in the field", self._post(token, "accept", name="Anna Keller").text)
        for params in ({"signature": ""}, {"signature": "bm8="}, {"name": " "}):
            self.assertIn("error", self._sign(token, document.sha256, **params))
        self.assertIn("error", self._sign(token, "0" * 64), "another file")
        self.assertFalse(self._fresh(order).process_decision)
        self.assertFalse(document.sudo().signature_ids)

    def test_nothing_is_signed_that_is_over_or_changed(self):
        order, token, document = self._open_proposal()
        order.validity_date = "2020-01-01"
        self.assertIn("no longer valid", self._sign(token, document.sha256)["error"])
        order.validity_date = "2099-01-01"
        order.order_line[0].product_uom_qty = 1
        self.assertIn("being revised", self._sign(token, document.sha256)["error"])
        with mute_logger("odoo.http"):
            self.assertIn("error", self._sign("x" * 43, document.sha256))
        self.assertFalse(self._fresh(order).process_decision)

    def test_refused_instead(self):
        order, token, document = self._open_proposal()
        self._post(token, "refuse")
        self.assertTrue(self._sign(token, document.sha256).get("force_refresh"))
        self.assertEqual(self._fresh(order).process_decision, "refused", "the first answer counts")
        self.assertFalse(document.sudo().signature_ids)

    def test_where_a_contract_follows_a_name_is_enough(self):
        order, token, _document = self._open_proposal()
        order.opportunity_id.expected_revenue = 20000
        page = self._open(token).text
        self.assertNotIn("/sign/", page)
        self._post(token, "accept", name="Anna Keller")
        self.assertEqual(self._fresh(order).process_decision, "accepted")

    def test_while_the_process_is_paused(self):
        order, token, _document = self._open_proposal()
        order.opportunity_id.process_pause("Holidays")
        self.assertIn("Please sign in the field", self._post(token, "accept", name="Anna Keller").text)

    def test_a_placed_order_keeps_its_record(self):
        order, token, document = self._open_proposal()
        self._sign(token, document.sha256)
        order.sudo()._process_forget_customer()
        self.assertEqual(document.sudo().signature_ids.name, "Anna Keller")
