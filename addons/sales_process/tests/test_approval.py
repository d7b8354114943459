from unittest import TestCase

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..engine import approval as engine
from ..models.sales_document import INTERNAL, INTERNAL_KEY
from .paper_common import PIXEL, PaperCase


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
class TestApproval(PaperCase):
    """Who is asked, who may answer, and what is asked again."""

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

    def _amount_by_hand(self, line, amount):
        """What Odoo keeps of an amount that was set by hand, and takes before the price."""
        base_line = line._prepare_base_line_for_taxes_computation()
        taxes = {key: {} for key in ("0", *map(str, line.tax_ids.ids))}
        base_line.update(manual_total_excluded_currency=amount, manual_tax_amounts=taxes)
        return self.env["account.tax"]._export_base_line_extra_tax_data(base_line)

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

    def test_cannot_leave_the_process(self):
        order = self._process_order()
        plain = self.env["crm.lead"].create(
            {"name": "Plain", "team_id": self.plain_team.id, "type": "opportunity"}
        )
        for value in (False, plain.id):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                order.write({"opportunity_id": value})

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

    def test_approved_goes_through(self):
        order = self._sent()
        self.assertEqual(order.state, "sent")
        order.action_confirm()
        self.assertEqual(order.state, "sale")
