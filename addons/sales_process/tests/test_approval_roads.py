from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .paper_common import PIXEL, PaperCase


@tagged("post_install", "-at_install", "sales_process")
class TestRoads(PaperCase):
    """No road goes round the approval."""

    def test_send_roads(self):
        order = self._process_order()
        for name, road in (
            ("our own", order.action_proposal_send),
            ("Odoo's composer", order.action_quotation_send),
            ("mark as sent", order.action_quotation_sent),
            ("message_post", lambda: order.with_context(mark_so_as_sent=True).message_post(body="x")),
            ("write", lambda: order.write({"state": "sent"})),
            ("confirm", order.action_confirm),
            ("write sale", lambda: order.write({"state": "sale"})),
            ("write as sudo", lambda: order.sudo().write({"state": "sale"})),
            ("validate", lambda: order.sudo()._validate_order()),
            (
                "Odoo's PDF",
                lambda: (
                    self.env["ir.actions.report"]
                    .with_user(self.rep)
                    ._render_qweb_html("sale.action_report_saleorder", order.ids)
                ),
            ),
            (
                "template mail",
                lambda: order.message_post_with_source(self.env.ref("sale.email_template_edi_sale")),
            ),
        ):
            with self.subTest(name), self.assertRaises(UserError), self.env.cr.savepoint():
                road()
            order.invalidate_recordset()
            self.assertEqual(order.state, "draft")
        self.assertFalse(
            self.env["mail.mail"].search([("model", "=", "sale.order"), ("res_id", "=", order.id)])
        )

    def test_composer(self):
        order = self._process_order()
        composer = (
            self.env["mail.compose.message"]
            .with_user(self.rep)
            .with_context(
                default_model="sale.order",
                default_res_ids=order.ids,
                mark_so_as_sent=True,
                default_composition_mode="comment",
            )
            .create({"body": "Here", "partner_ids": self.person.ids})
        )
        with self.assertRaises(UserError), self.env.cr.savepoint():
            composer.action_send_mail()

    def test_create_with_state(self):
        lead = self._process_order().opportunity_id
        base = {
            "partner_id": self.person.id,
            "opportunity_id": lead.id,
            "order_line": [Command.create({"product_id": self.product.id})],
        }
        for vals in ({"state": "sent"}, {"state": "sale"}):
            with self.subTest(vals), self.assertRaises(UserError), self.env.cr.savepoint():
                self.env["sale.order"].with_user(self.rep).create({**base, **vals})
        for vals in ({"signature": PIXEL}, {"process_decision": "accepted"}):
            with self.subTest(vals), self.assertRaises(AccessError), self.env.cr.savepoint():
                self.env["sale.order"].with_user(self.rep).create({**base, **vals})

    def test_copy_starts_unapproved(self):
        order = self._sent()
        copy = order.copy()
        self.assertEqual((copy.state, copy.approval_state), ("draft", "missing"))
        self.assertFalse(copy.approval_ids or copy.sales_document_ids or copy.process_decision)

    def test_edit_after_sending_blocks_confirm(self):
        order = self._sent()
        order.order_line.discount = 40
        with self.assertRaises(UserError):
            order.action_confirm()
        with self.assertRaises(UserError):
            order.action_proposal_send()

    def test_forged_acceptance(self):
        order = self._sent()
        for vals in (
            {"signature": PIXEL},
            {"signed_by": "Anna"},
            {"signed_on": "2026-01-01"},
            {"require_payment": True},
            {"process_decision": "accepted"},
            {"process_decision_version": 1},
        ):
            with self.subTest(vals), self.assertRaises(AccessError), self.env.cr.savepoint():
                order.write(vals)

    def test_no_bill_of_what_is_not_approved(self):
        order = self._process_order()
        wizard = (
            self.env["sale.advance.payment.inv"]
            .with_user(self.rep)
            .create(
                {
                    "sale_order_ids": [Command.set(order.ids)],
                    "advance_payment_method": "percentage",
                    "amount": 50,
                }
            )
        )
        with self.assertRaisesRegex(UserError, "is not approved"), self.env.cr.savepoint():
            wizard.create_invoices()
        self._approve(order)
        wizard.create_invoices()
        self.assertTrue(order.sudo().order_line.invoice_lines)
        offered, _options = order._process_paper_lines()
        self.assertEqual(len(offered), 1, "what is billed in advance is no part of the offer")

    def test_confirmed_is_not_made_cheaper(self):
        order = self._sent()
        order.action_confirm()
        line = order.order_line[:1].with_user(self.rep)
        late = [Command.create({"value": "percent", "value_amount": 100, "nb_days": 90})]
        term = self.env["account.payment.term"].create({"name": "Late", "line_ids": late})
        more = {"order_id": order.id, "product_id": self.product.id, "product_uom_qty": 1, "price_unit": 1}
        roads = {
            "discount": lambda: line.write({"discount": 95}),
            "price": lambda: line.write({"price_unit": 1}),
            "a line": lambda: line.create(more),
            "payment": lambda: order.with_user(self.rep).write({"payment_term_id": term.id}),
            "an amount by hand": lambda: line.write({"extra_tax_data": self._amount_by_hand(line, 1.0)}),
        }
        for name, road in roads.items():
            refused = self.assertRaisesRegex(UserError, "is confirmed")
            with self.subTest(name), refused, self.env.cr.savepoint():
                road()
        line.write({"price_unit": line.price_unit + 1})
        line.with_user(self.leader).write({"discount": 10})
        self.assertTrue(order._approval_is_valid("proposal"), "who may approve has said so by doing it")

    def test_no_road_into_a_judged_order(self):
        order, other = self._process_order(), self._process_order()
        order._approval_request("proposal")
        line, judged = (o.order_line[:1].with_user(self.rep) for o in (other, order))
        roads = {
            "an amount by hand": lambda: judged.write({"extra_tax_data": self._amount_by_hand(judged, 1.0)}),
            "as a down payment": lambda: judged.write({"is_downpayment": True}),
            "by the context": lambda: line.with_context(default_order_id=order.id).create(
                {"product_id": self.product.id}
            ),
            "from another order": lambda: line.write({"order_id": order.id}),
        }
        for name, road in roads.items():
            with self.subTest(name), self.assertRaisesRegex(UserError, "judged"), self.env.cr.savepoint():
                road()

    def test_a_decision_is_not_taken_back(self):
        order = self._sent()
        order._process_decide(self.env["sales.document"]._last(order, "proposal"), "refused", "Anna", "No")
        for vals in ({"process_decision": False}, {"process_decision_version": 0}):
            with self.subTest(vals), self.assertRaises(AccessError), self.env.cr.savepoint():
                order.with_user(self.rep).write(vals)
        self.assertEqual(order.process_decision, "refused")

    def test_no_letter_takes_an_unapproved_paper_along(self):
        order = self._process_order()
        order._process_make_document("proposal")
        template = self.env.ref("sales_process.mail_template_proposal")
        with self.assertRaisesRegex(UserError, "not approved"):
            template.sudo().send_mail(order.id)
        self._approve(order)
        mail = self.env["mail.mail"].browse(template.sudo().send_mail(order.id))
        self.assertTrue(mail.attachment_ids)

    def test_odoos_portal_is_closed(self):
        order = self._sent()
        order.sudo().with_context(**self._internal()).write(
            {"require_signature": True, "require_payment": True}
        )
        self.assertFalse(order._has_to_be_signed())
        self.assertFalse(order._has_to_be_paid())
        self.assertFalse(order._can_be_edited_on_portal())

    def _internal(self):
        from ..models.sales_document import INTERNAL, INTERNAL_KEY

        return {INTERNAL_KEY: INTERNAL}

    def test_approved_goes_through(self):
        order = self._sent()
        self.assertEqual(order.state, "sent")
        order.action_confirm()
        self.assertEqual(order.state, "sale")
