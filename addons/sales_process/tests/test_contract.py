from datetime import date, timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

from .contract_common import ContractCase


@tagged("post_install", "-at_install", "sales_process")
class TestContractTerms(ContractCase):
    def test_end_follows_start_and_months(self):
        order = self._order(contract_date_start="2026-01-31", contract_term_months=1)
        self.assertEqual(order.contract_date_end, date(2026, 2, 28))
        order.contract_term_months = 12
        self.assertEqual(order.contract_date_end, date(2027, 1, 30))
        order.contract_open_ended = True
        self.assertFalse(order.contract_date_end)

    def test_months_follow_an_end_by_hand(self):
        order = self._order(
            contract_date_start="2026-01-01", contract_date_end="2026-06-30", contract_term_months=0
        )
        self.assertEqual(order.contract_term_months, 6)
        order.contract_date_end = "2026-06-15"
        self.assertEqual((order.contract_term_months, order.contract_date_end), (0, date(2026, 6, 15)))
        order.contract_date_start = "2026-01-10"
        self.assertEqual(order.contract_date_end, date(2026, 6, 15), "an end by hand stays")

    def test_notice_and_due(self):
        order = self._order(contract_notice_days=90)
        self.assertEqual(order.contract_notice_date, date(2026, 10, 2))
        self.assertEqual(order.contract_renewal_due, date(2026, 8, 3))
        order.contract_notice_days = 0
        self.assertFalse(order.contract_notice_date)
        self.assertEqual(order.contract_renewal_due, date(2026, 11, 1))

    def test_impossible_terms(self):
        order = self._order()
        with self.assertRaises(ValidationError):
            order.write({"contract_term_months": 0, "contract_date_end": "2025-12-31"})
            self.env.flush_all()
        for values in (
            {"contract_term_months": -1},
            {"contract_notice_days": -1},
            {"contract_uplift_percent": -100},
        ):
            with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                order.write(values)
                order.flush_recordset()


@tagged("post_install", "-at_install", "sales_process")
class TestContractRoads(ContractCase):
    """State, number and chain cannot be forged, whatever road is taken."""

    FORGED = (
        {"contract_state": "running"},
        {"contract_number": "C-1"},
        {"contract_anchor_date": "2026-01-01"},
        {"contract_terminated_date": "2026-01-01"},
        {"contract_digest": "0" * 64},
    )

    def test_write_and_create(self):
        order = self._order().with_user(self.rep)
        for vals in self.FORGED:
            for records in (order, order.sudo(), order.with_user(self.leader)):
                with self.assertRaises(AccessError):
                    records.write(vals)
            with self.assertRaises(AccessError):
                order.create({"partner_id": self.partner.id} | vals)

    def test_context_defaults_and_keys(self):
        context = {f"default_{name}": value for vals in self.FORGED for name, value in vals.items()}
        order = (
            self.env["sale.order"]
            .with_user(self.rep)
            .with_context(**context, sales_process_internal=True, sales_process_contract=True)
        )
        made = order.create({"partner_id": self.partner.id})
        self.assertEqual(
            (made.contract_state, made.contract_number, made.contract_digest), ("none", False, False)
        )
        with self.assertRaises(AccessError):
            made.write({"contract_state": "running"})

    def test_automation_hears_of_it(self):
        """What is set by the contract's own methods goes through `write`, where automation rules listen."""
        order, heard = self._order(), []
        write = type(order).write

        def listening(records, vals):
            heard.append(vals)
            return write(records, vals)

        with patch.object(type(order), "write", listening):
            order._contract_set({"contract_state": "draft"})
        self.assertEqual((heard, order.contract_state), ([{"contract_state": "draft"}], "draft"))

    def test_chain(self):
        contract = self._running()
        order = self._order().with_user(self.rep)
        mine = contract.with_user(self.rep)
        for records, vals in (
            (order, {"renewal_of_id": contract.id}),
            (mine, {"renewal_ids": [Command.link(order.id)]}),
            (mine, {"renewal_ids": [Command.create({"partner_id": self.partner.id})]}),
            (mine, {"renewal_lead_id": order.opportunity_id.id}),
            (order.opportunity_id, {"renewal_contract_ids": [Command.link(contract.id)]}),
        ):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                records.write(vals)
                self.env.flush_all()
        self.assertFalse(contract.renewal_ids)

    def test_import_and_copy(self):
        contract = self._running()
        result = (
            self.env["sale.order"]
            .with_user(self.rep)
            .load(["partner_id/.id", "contract_state"], [[str(self.partner.id), "running"]])
        )
        self.assertFalse(result["ids"])
        copy = contract.with_user(self.rep).copy()
        self.assertEqual(
            (copy.contract_state, copy.contract_number, copy.renewal_of_id.id), ("none", False, False)
        )

    def test_signed_terms_stay(self):
        contract = self._running().with_user(self.rep)
        with self.assertRaises(UserError):
            contract.contract_date_end = "2030-01-01"
        with self.assertRaises(UserError):
            contract.write({"contract_term_months": 24})
        contract.write(
            {"contract_renewal_lead_days": 30, "contract_term_months": 12, "contract_notice_days": 0}
        )
        self.assertEqual(contract.contract_renewal_due, date(2026, 12, 1))

    def test_a_number_is_never_missing(self):
        order = self._order()
        order._contract_set({"contract_number": order._contract_next_number()})
        with self.assertRaises(UserError):
            order.unlink()

    def test_number_unique_in_company(self):
        first, second = self._running(2)
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            second._contract_set({"contract_number": first.contract_number})
            second.flush_recordset()

    def test_other_people(self):
        order = self._order()
        contract = self._running()
        for user in (self.other_rep, self.foreigner, self.portal, self.public):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                order.with_user(user).action_contract_generate()
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                contract.with_user(user).action_contract_terminate("2026-05-01", "because")
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                contract.with_user(user).action_contract_renew()
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                order.with_user(user).action_contract_request_documents()
        self.assertEqual((order.contract_state, contract.contract_state), ("none", "running"))


@tagged("post_install", "-at_install", "sales_process")
class TestContractWay(ContractCase):
    def _generate(self, order):
        order.with_user(self.rep).action_contract_generate()
        return order

    def _approve(self, order):
        order.with_user(self.leader)._approval_decide("contract", True, "fine")
        return order

    def test_everything_missing_is_named_at_once(self):
        empty = self.env["sale.order"].create({"partner_id": self.partner.id, "user_id": self.rep.id})
        with self.assertRaises(UserError) as error:
            (empty + self._order()).with_user(self.rep).action_contract_generate()
        for word in ("product", "amount", "start", "end or term", empty.name):
            self.assertIn(word, str(error.exception))
        self.assertFalse(empty.contract_number)
        self.assertEqual(empty.contract_state, "none")

    def test_the_way_to_a_running_contract(self):
        order = self._order(validity_date=fields.Date.today() - timedelta(days=5))
        self._generate(order)
        self.assertEqual(order.contract_state, "approval")
        self.assertTrue(order.contract_number)
        self.assertGreater(order.validity_date, fields.Date.today())
        self.assertEqual(order.contract_customer_signatory, "Carla Customer")
        with self.assertRaisesRegex(UserError, "not approved"):
            order.with_user(self.rep).action_contract_send()
        self._approve(order)
        order.with_user(self.rep).action_contract_send()
        self.assertEqual(order.contract_state, "to_sign")
        mails = self.env["mail.mail"].search([("model", "=", "sale.order"), ("res_id", "=", order.id)])
        mail = mails.filtered(lambda mail: "/sales_process/paper/" in mail.body_html)
        self.assertEqual(len(mail), 1)
        order._contract_mark_signed()
        order._contract_mark_signed()
        self.assertEqual(order.contract_state, "running")
        name = order.with_context(lang="en_US")._process_paper_name("signed_contract")
        self.assertIn(order.contract_number, name, "the copy is called as the contract is")

    def test_number_is_kept_by_later_versions_and_given_back_by_failures(self):
        first = self._generate(self._order())
        number = first.contract_number
        self._generate(first)
        self.assertEqual(first.contract_number, number)
        second = self._order()
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            second._contract_set({"contract_number": second._contract_next_number()})
            raise ZeroDivisionError
        second.invalidate_recordset()
        self._generate(second)
        self.assertEqual(int(second.contract_number[-5:]), int(number[-5:]) + 1)

    def test_each_company_counts_by_itself(self):
        order = self._order()
        other = self._order(
            company_id=self.company_2.id,
            user_id=False,
            team_id=False,
            opportunity_id=False,
            order_line=[
                Command.create(
                    {"product_id": self.product.id, "price_unit": 1.0, "tax_ids": [Command.clear()]}
                )
            ],
        )
        self.assertEqual(order._contract_next_number()[-5:], "00001")
        self.assertEqual(other._contract_next_number()[-5:], "00001")
        self.assertEqual(order._contract_next_number()[-5:], "00002")

    def test_a_changed_term_is_asked_again(self):
        order = self._approve(self._generate(self._order()))
        order.with_user(self.rep).action_contract_send()
        link = order.paper_link_ids.filtered(lambda link: link.purpose == "contract")
        order.with_user(self.rep).contract_notice_days = 30
        self.assertEqual(order.contract_state, "draft")
        self.assertTrue(link.date_revoked)
        self.assertFalse(order._approval_is_valid("contract"))
        with self.assertRaises(UserError):
            order._contract_mark_signed()
        with self.assertRaises(UserError):
            order.with_user(self.rep).action_contract_send()

    def test_a_changed_line_can_neither_be_sent_nor_signed(self):
        order = self._approve(self._generate(self._order()))
        order.order_line.price_unit = 10
        with self.assertRaisesRegex(UserError, "changed after the contract was made"):
            order.with_user(self.rep).action_contract_send()
        order.order_line.price_unit = 150
        order.with_user(self.rep).action_contract_send()
        order.order_line.product_uom_qty = 3
        self.assertEqual(order.contract_state, "draft", "it is taken back, and has to be made anew")
        with self.assertRaises(UserError):
            order._contract_mark_signed()

    def test_without_address_nothing_is_sent(self):
        order = self._approve(self._generate(self._order()))
        self.partner.email = False
        with self.assertRaisesRegex(UserError, "e-mail"):
            order.with_user(self.rep).action_contract_send()

    def test_declined(self):
        order = self._approve(self._generate(self._order()))
        order.with_user(self.rep).action_contract_send()
        order._contract_mark_declined("Too dear")
        self.assertEqual(order.contract_state, "declined")
        with self.assertRaises(UserError):
            order._contract_mark_signed()
        self._generate(order)
        self.assertIn(order.contract_state, ("approval", "draft"))

    def test_batch(self):
        orders = self._order() + self._order()
        orders.with_user(self.rep).action_contract_generate()
        self.assertEqual(len(set(orders.mapped("contract_number"))), 2)


@tagged("post_install", "-at_install", "sales_process")
class TestContractTerminate(ContractCase):
    def test_at_once_and_later(self):
        told = self._signals()
        today = fields.Date.today()
        now, later = self._running(2, contract_date_start=today - timedelta(days=100))
        later._contract_start_renewal()
        now.with_user(self.rep).action_contract_terminate(today, "Moved away")
        later.with_user(self.rep).action_contract_terminate(today + timedelta(days=30), "Moves away")
        self.assertEqual(now.contract_state, "terminated")
        self.assertEqual(later.contract_state, "running")
        self.assertEqual(later.contract_last_day, today + timedelta(days=30))
        self.assertFalse(later.contract_renewal_due)
        self.assertIn((later.renewal_lead_id, "contract_ended"), [signal[:2] for signal in told])
        with self.assertRaises(UserError):
            later.action_contract_renew()

    def test_what_is_needed(self):
        contract = self._running()
        for day, reason in (("2026-05-01", ""), (False, "x"), ("2025-12-31", "x"), ("2027-01-01", "x")):
            with self.assertRaises(UserError):
                contract.action_contract_terminate(day, reason)
        with self.assertRaises(UserError):
            self._order().action_contract_terminate("2026-05-01", "x")

    def test_odd_values_are_named(self):
        """What a client may send: nothing of it is half taken, or ends in an error of the database."""
        contract = self._running().with_user(self.rep)
        for values, words in (
            (("nonsense", "x"), "is not a date"),
            ((5, "x"), "is not a date"),
            (("2026-05-01", {"a": 1}), "is a text"),
            (("2026-05-01", "x", "abc"), "not the number of a record"),
            (("2026-05-01", "x", 999999), "no longer exists"),
        ):
            with self.subTest(values), self.assertRaisesRegex(UserError, words), self.env.cr.savepoint():
                contract.action_contract_terminate(*values)
        self.assertFalse(contract.contract_terminated_date)

    def test_a_cancelled_order_has_no_contract(self):
        running, offered = self._running(contract_date_start=fields.Date.today()), self._order()
        renewal = running._contract_make_renewal()
        offered.with_user(self.rep).action_contract_generate()
        (running + offered).with_user(self.rep).action_cancel()
        self.assertEqual((running.contract_state, offered.contract_state), ("terminated", "declined"))
        self.assertEqual(renewal.contract_state, "declined")

    def test_wizard(self):
        contract = self._running()
        wizard = (
            self.env["sales.contract.terminate"]
            .with_user(self.rep)
            .create(
                {
                    "order_ids": [Command.set(contract.ids)],
                    "date": "2026-03-31",
                    "reason": "Sold the house",
                }
            )
        )
        wizard.action_terminate()
        self.assertEqual(contract.contract_state, "terminated")
        self.assertEqual(contract.contract_terminated_reason, "Sold the house")
