"""Rules with limits, several approvers, stand-ins; the lock while it is judged; the mail's link; batches."""

import re
from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import HttpCase, tagged

from .paper_common import RuleCase


@tagged("post_install", "-at_install", "sales_process")
class TestRules(RuleCase):
    """(rule, change, who is asked)"""

    def test_limits(self):
        later = self.env["account.payment.term"].create(
            {
                "name": "90 days",
                "line_ids": [Command.create({"value": "percent", "value_amount": 100, "nb_days": 90})],
            }
        )
        parent = self.env["product.category"].create({"name": "Guarded"})
        child = self.env["product.category"].create({"name": "Below", "parent_id": parent.id})

        def in_category(order):
            order.order_line.product_id.sudo().categ_id = child

        def discount(percent):
            return lambda order: order.order_line.write({"discount": percent})

        table = [
            ({"amount_limit": 1999.0}, None, True),
            ({"amount_limit": 2000.0}, None, False),
            ({"discount_limit": 5.0}, discount(6.0), True),
            ({"discount_limit": 5.0}, discount(4.0), False),
            ({"discount_total_limit": 5.0}, discount(6.0), True),
            ({"discount_total_limit": 5.0}, discount(5.0), False),
            ({"payment_days_limit": 60}, lambda order: order.write({"payment_term_id": later.id}), True),
            ({"payment_days_limit": 90}, lambda order: order.write({"payment_term_id": later.id}), False),
            ({"category_ids": [Command.set(parent.ids)]}, in_category, True),
            ({"category_ids": [Command.set(parent.ids)]}, None, False),
            ({"amount_limit": 9999.0, "discount_total_limit": 5.0}, discount(6.0), True),
        ]
        category = self.product.categ_id
        for limits, change, asked in table:
            with self.subTest(limits=limits, asked=asked):
                self.product.categ_id = category
                rule = self._rule(**limits)
                order = self._process_order()
                if change:
                    change(order)
                self.assertEqual(bool(self._asked(order)), asked)
                rule.active = False

    def test_approver_must_be_able_to_open_it(self):
        with self.assertRaisesRegex(ValidationError, "access to Sales"):
            self._rule(users=self.portal)

    def test_one_after_the_other(self):
        self._rule(turn=1, users=self.lawyer)
        self._rule(turn=2, users=self.banker)
        order = self._process_order()
        first = order._approval_request("proposal")
        self.assertEqual(first.approver_ids, self.lawyer)
        first.with_user(self.lawyer).decide(True)
        self.assertFalse(order._approval_is_valid("proposal"))
        second = order.approval_ids.filtered(lambda row: row.state == "waiting")
        self.assertEqual(second.approver_ids, self.banker)
        second.with_user(self.banker).decide(True)
        self.assertTrue(order._approval_is_valid("proposal"))

    def test_together(self):
        self._rule(users=self.lawyer)
        self._rule(users=self.banker)
        rows = self._process_order()._approval_request("proposal")
        self.assertEqual(rows.approver_ids, self.lawyer | self.banker)
        self.assertEqual(len(rows), 2)

    def test_each_of_them(self):
        self._rule(users=self.lawyer | self.banker, decision="all")
        order = self._process_order()
        rows = order._approval_request("proposal")
        self.assertEqual(rows.for_user_id, self.lawyer | self.banker)
        mine = rows.filtered(lambda row: row.for_user_id == self.lawyer)
        with self.assertRaises(AccessError):
            (rows - mine).with_user(self.manager).decide(True)
        mine.with_user(self.lawyer).decide(True)
        self.assertFalse(order._approval_is_valid("proposal"))
        with self.assertRaises(AccessError):
            (rows - mine).with_user(self.lawyer).sudo(False).decide(True)
        (rows - mine).with_user(self.banker).decide(True)
        self.assertTrue(order._approval_is_valid("proposal"))

    def test_one_no_ends_it(self):
        self._rule(users=self.lawyer | self.banker, decision="all")
        rows = self._process_order()._approval_request("proposal")
        rows[0].with_user(rows[0].for_user_id).decide(False, "not so")
        self.assertEqual(set(rows.mapped("state")), {"refused", "cancelled"})

    def _away(self, user, substitute):
        user.process_substitute_id = substitute
        resource = self.env["resource.resource"].create({"name": user.name, "user_id": user.id})
        now = fields.Datetime.now()
        self.env["resource.calendar.leaves"].create(
            {
                "resource_id": resource.id,
                "calendar_id": resource.calendar_id.id,
                "date_from": now - timedelta(days=1),
                "date_to": now + timedelta(days=5),
                "time_type": "leave",
            }
        )

    def test_substitute_while_away(self):
        self._rule(users=self.lawyer)
        self._away(self.lawyer, self.banker)
        self.assertEqual(self._asked(self._process_order()), self.banker)

    def test_seller_is_no_substitute(self):
        self._rule(users=self.lawyer)
        self._away(self.lawyer, self.rep)
        self.assertEqual(self._asked(self._process_order()), self.lawyer)

    def test_substitute_of_one_who_leaves_after_being_asked(self):
        self._rule(users=self.lawyer | self.banker, decision="all")
        row = (
            self._process_order()
            ._approval_request("proposal")
            .filtered(lambda row: row.for_user_id == self.lawyer)
        )
        with self.assertRaises(AccessError):
            row.with_user(self.leader).decide(True)
        self._away(self.lawyer, self.leader)
        row.with_user(self.leader).decide(True)
        self.assertEqual(row.state, "approved")

    def test_task_goes_from_one_to_the_next(self):
        self._rule(turn=1, users=self.lawyer)
        self._rule(turn=2, users=self.banker)
        lead, making = self._at_proposal()
        making.complete("made")
        task = self._task(lead, "approve_proposal").sudo()
        self.assertEqual(task.user_id, self.lawyer)
        self.assertEqual(task.activity_id.user_id, self.lawyer)
        self.assertEqual(task.with_user(self.lawyer).complete("approved"), [])
        self.assertEqual((task.state, task.user_id), ("open", self.banker))
        task.with_user(self.banker).complete("approved")
        self.assertEqual(task.state, "done")


@tagged("post_install", "-at_install", "sales_process")
class TestLocked(RuleCase):
    """What is judged does not change meanwhile; everything else stays free."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._rule(cls)

    def test_commercial_fields(self):
        order = self._process_order()
        other = self.env["product.pricelist"].create({"name": "Cheap"})
        line = order.order_line
        roads = {
            "price": lambda: line.write({"price_unit": 1.0}),
            "discount": lambda: line.write({"discount": 50}),
            "line by the order": lambda: order.write(
                {"order_line": [Command.update(line.id, {"product_uom_qty": 9})]}
            ),
            "new line": lambda: line.create({"order_id": order.id, "product_id": self.product.id}),
            "line of another order": lambda: line.copy({"order_id": order.id}),
            "line deleted": line.unlink,
            "customer": lambda: order.write({"partner_id": self.portal.partner_id.id}),
            "price list": lambda: order.write({"pricelist_id": other.id}),
            "terms": lambda: order.write({"note": "<p>for ever</p>"}),
        }
        order._approval_request("proposal")
        for name, road in roads.items():
            for user in (self.rep, self.leader, self.env.ref("base.user_root")):
                with self.subTest(name, user=user.login), self.assertRaisesRegex(UserError, "Luis Lawyer"):
                    self.env.flush_all()
                    road()
        order.write({"client_order_ref": "X", "note": order.note, "partner_id": order.partner_id.id})
        order.message_post(body="still free")
        order.activity_schedule("mail.mail_activity_data_todo", user_id=self.rep.id)

    def test_taken_back_and_changed(self):
        order = self._process_order()
        rows = order._approval_request("proposal")
        order.with_user(self.rep).action_approval_withdraw()
        self.assertEqual(rows.state, "cancelled")
        order.order_line.discount = 3
        self.assertEqual(order.approval_state, "missing")
        with self.assertRaises(UserError):
            order.with_user(self.rep).action_approval_withdraw()
        with self.assertRaises(AccessError):
            order.with_user(self.colleague).action_approval_withdraw()

    def test_taken_back_the_process_makes_it_again(self):
        lead, making = self._at_proposal()
        making.complete("made")
        order = lead.sudo().process_case_id.order_id
        order.with_user(self.rep).action_approval_withdraw()
        self.assertTrue(self._task(lead, "make_proposal"))

    def test_plain_orders_are_free(self):
        order = self.env["sale.order"].create({"partner_id": self.customer.id})
        order.write({"order_line": [Command.create({"product_id": self.product.id})], "note": "x"})
        order.order_line.price_unit = 3


@tagged("post_install", "-at_install", "sales_process")
class TestBatch(RuleCase):
    def _waiting(self, count):
        orders = self.env["sale.order"].union(*(self._process_order() for _number in range(count)))
        rows = orders._approval_request("proposal")
        self.env.flush_all()
        self.env.invalidate_all()
        return rows.with_user(self.lawyer)

    def test_sql_of_many_answers_is_constant(self):
        self._rule()
        counts = []
        for count in (3, 20, 40):
            rows = self._waiting(count)
            before = self.env.cr.sql_log_count
            rows.decide(True)
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
            self.assertEqual(set(rows.mapped("state")), {"approved"})
        self.assertLessEqual(counts[2], counts[1] + 2, counts)
        self.assertLess(counts[2], 150)

    def test_sql_with_the_steps_that_wait_is_constant(self):
        """The tasks, their activities and what opens next cost no statement each either."""
        self._rule()
        counts = []
        for count in (3, 20, 40):
            orders = self._waiting(count).sudo().order_id
            for order in orders:
                case = order.opportunity_id.process_case_id
                case.order_id = order
                tasks = order.opportunity_id.process_open_task_ids[:1]
                tasks.with_user(self.leader).action_start_from("approve_proposal")
            tasks = orders.opportunity_id.process_open_task_ids
            self.assertEqual(set(tasks.step_id.mapped("code")), {"approve_proposal"})
            activities = tasks.activity_id
            self.env.flush_all()
            self.env.invalidate_all()
            rows = orders.approval_ids.filtered(lambda row: row.state == "waiting")
            before = self.env.cr.sql_log_count
            rows.with_user(self.lawyer).sudo(False).decide(True)
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
            self.assertEqual(set(tasks.mapped("state")), {"done"})
            self.assertFalse(any(activities.mapped("active")))
        self.assertLessEqual(counts[2], counts[1] + 2, counts)
        self.assertLess(counts[2], 150)
        notes = orders.opportunity_id.message_ids.filtered("mail_activity_type_id")
        self.assertEqual(set(notes.mapped("author_id")), {self.lawyer.partner_id})
        self.assertEqual(len(notes), 40)
        self.assertIn(activities[0].feedback, str(notes[0].body))

    def test_one_that_is_not_mine_stops_all(self):
        self._rule()
        rows = self._waiting(2)
        own = rows[1].sudo().order_id
        own.user_id = self.lawyer
        with self.assertRaisesRegex(AccessError, own.name):
            rows.decide(True)
        self.assertEqual(set(rows.sudo().mapped("state")), {"waiting"})


@tagged("post_install", "-at_install", "sales_process")
class TestLink(HttpCase, RuleCase):
    """The mail's link: what is asked, what was approved last; the right person only."""

    def setUp(self):
        super().setUp()
        self._rule()
        self.lawyer.password = self.banker.password = "long-enough-1"
        self.order = self._process_order()
        self.row = self.order._approval_request("proposal")
        self.env.flush_all()

    def _mailed_link(self):
        [message] = self.env["mail.message"].search(
            [("partner_ids", "in", self.lawyer.partner_id.ids), ("body", "like", "sales_process/approval")]
        )
        self.assertIn(self.order.name, message.subject)
        return re.search(r'href="[^"]*(/sales_process/approval/[^"]+)"', message.body)[1]

    def _answer(self, link, page, **values):
        found = {
            name: re.search(rf'name="{name}" value="([^"]*)"', page)[1]
            for name in ("csrf_token", "fingerprint")
        }
        return self.url_open(link, data={**found, **values})

    def test_approved_by_the_mail(self):
        link = self._mailed_link()
        self.authenticate("paper_lawyer", "long-enough-1")
        page = self.url_open(link)
        self.assertEqual(page.status_code, 200)
        for text in (self.order.name, "Anna Keller", "2,000.00", "Rita Rep"):
            self.assertIn(text, page.text)
        self._answer(link, page.text, answer="approved")
        self.assertEqual((self.row.state, self.row.decided_by_id), ("approved", self.lawyer))
        self.assertIn("Approved", self.url_open(link).text, "the link shows what was answered")

    def test_what_was_approved_last(self):
        self.row.with_user(self.lawyer).decide(True)
        self.order.order_line.discount = 10
        self.row = self.order._approval_request("proposal")
        self.env.flush_all()
        self.authenticate("paper_lawyer", "long-enough-1")
        page = self.url_open(f"/sales_process/approval/{self.row.id}/{self.row._link_token(self.lawyer)}")
        self.assertIn("higher discount", page.text)
        self.assertRegex(page.text, r"2,000\.00[\s\S]*1,800\.00")

    def test_sent_back_says_why(self):
        link = self._mailed_link()
        self.authenticate("paper_lawyer", "long-enough-1")
        page = self.url_open(link).text
        answer = self._answer(link, page, answer="refused", comment=" ")
        self.assertIn("Say why", answer.text)
        self.assertEqual(self.row.state, "waiting")
        self._answer(link, page, answer="refused", comment="Слишком дёшево")
        self.assertEqual((self.row.state, self.row.comment), ("refused", "Слишком дёшево"))

    def test_changed_while_it_was_read(self):
        link = self._mailed_link()
        self.authenticate("paper_lawyer", "long-enough-1")
        page = self.url_open(link).text
        self.env.cr.execute("UPDATE sale_order SET note = 'other' WHERE id = %s", [self.order.id])
        self.env.invalidate_all()
        self.assertIn("Look again", self._answer(link, page, answer="approved").text)
        self.assertEqual(self.row.state, "waiting")

    def test_others_find_nothing(self):
        link = self._mailed_link()
        self.authenticate("paper_banker", "long-enough-1")
        self.assertEqual(self.url_open(link).status_code, 404)
        self.authenticate("paper_lawyer", "long-enough-1")
        self.assertEqual(self.url_open(link[:-3] + "abc").status_code, 404)
        number = self.row.id + 999
        self.assertEqual(self.url_open(re.sub(r"/\d+/", f"/{number}/", link)).status_code, 404)
        self.authenticate(None, None)
        self.assertIn("/web/login", self.url_open(link).url)
