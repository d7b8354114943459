"""Whose answer counts, now: chosen leaders, stand-ins who are no longer needed, late questions; and what the
forms show of a question."""

from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged

from .paper_common import PaperCase, RuleCase


@tagged("post_install", "-at_install", "sales_process")
class TestWhoseAnswer(RuleCase):
    """No answer of somebody whom the rule does not mean."""

    def test_named_are_not_passed_over(self):
        """Who must approve depends on the rule: nobody above the seller answers for the lawyer."""
        self._rule()
        row = self._process_order()._approval_request("proposal")
        for user in (self.leader, self.manager):
            with self.subTest(user.login), self.assertRaisesRegex(AccessError, "not among those"):
                row.with_user(user).decide(True)
        row.with_user(self.lawyer).decide(True)
        self.assertEqual(row.state, "approved")

    def test_managers_answer_for_a_leader(self):
        self.rule.active = True
        row = self._process_order()._approval_request("proposal")
        row.with_user(self.manager).decide(True)
        self.assertEqual(row.state, "approved")

    def test_the_seller_chooses_no_leader(self):
        """Another team, or no salesperson at all, brings no other leader in."""
        self.rule.active = True
        friend = self._colleague(
            "paper_friend",
            "Fred Friend",
            "sales_team.group_sale_salesman_all_leads,sales_process.group_leader",
        )
        team = self.env["crm.team"].create({"name": "Friends", "user_id": friend.id})
        for vals in ({"team_id": team.id}, {"team_id": team.id, "user_id": False}):
            with self.subTest(vals):
                order = self._process_order()
                order.write(vals)
                row = order._approval_request("proposal")
                self.assertEqual(row.approver_ids, self.leader)
                with self.assertRaises(AccessError):
                    row.with_user(friend).decide(True)

    def test_a_date_passes_no_limit(self):
        """The rate of a day before the order was made, or of one to come, is not taken."""
        currency = self.env["res.currency"].create({"name": "XQQ", "symbol": "q"})
        for day, rate in (("2001-01-01", 1000.0), ("2002-01-01", 2.0), ("2098-01-01", 1000.0)):
            self.env["res.currency.rate"].create(
                {"name": day, "rate": rate, "currency_id": currency.id, "company_id": self.company.id}
            )
        self._rule(amount_limit=500.0)
        order = self._process_order()
        order.sudo().write({"currency_id": currency.id})
        order.order_line.price_unit = 2000.0
        self.assertEqual(order.approval_state, "missing")
        for day in ("2001-06-01", "2098-06-01"):
            with self.subTest(day):
                order.write({"date_order": day})
                order.invalidate_recordset(["approval_state"])
                self.assertEqual(order.approval_state, "missing")

    def test_other_taxes_are_asked_again(self):
        self._rule()
        order = self._process_order()
        order._approval_request("proposal").with_user(self.lawyer).decide(True)
        tax = self.env["account.tax"].create({"name": "Half", "amount": 50})
        order.sudo().order_line.tax_ids = [Command.set(tax.ids)]
        self.assertFalse(order._approval_is_valid("proposal"))
        self.assertIn("other taxes", order._approval_request("proposal").changes)


@tagged("post_install", "-at_install", "sales_process")
class TestStandIns(RuleCase):
    """Substitutes answer as long as they are needed, and late questions find somebody who may answer."""

    def _away(self, user, substitute, days=3):
        user.write(
            {
                "process_substitute_id": substitute.id,
                "process_away_until": fields.Date.today() + timedelta(days=days),
            }
        )

    def test_away_by_their_own_word(self):
        self.lawyer.with_user(self.lawyer).write(
            {"process_substitute_id": self.banker.id, "process_away_until": fields.Date.today()}
        )
        self.assertIn(self.lawyer, self.env["res.users"]._process_absent())
        self.lawyer.process_away_until = fields.Date.today() - timedelta(days=1)
        self.assertNotIn(self.lawyer, self.env["res.users"]._process_absent())
        with self.assertRaises(AccessError):
            self.lawyer.with_user(self.rep).write({"process_away_until": fields.Date.today()})

    def test_away_by_odoo_s_out_of_office(self):
        """(from, to, away): in days from now; both are a person's own to say."""
        now = fields.Datetime.now()

        def day(number):
            return number is not None and now + timedelta(days=number)

        for begin, end, away in (
            (-1, 1, True),
            (-1, None, True),
            (-2, -1, False),
            (1, 2, False),
            (None, 1, False),
        ):
            with self.subTest(begin=begin, end=end):
                self.lawyer.with_user(self.lawyer).write(
                    {
                        "process_substitute_id": self.banker.id,
                        "out_of_office_from": day(begin),
                        "out_of_office_to": day(end),
                    }
                )
                self.assertEqual(self.lawyer in self.env["res.users"]._process_absent(), away)
                back = self.lawyer._process_returns()
                self.assertEqual(back, {self.lawyer: self.lawyer.out_of_office_to} if away and end else {})

    def test_absent_in_one_statement(self):
        with self.assertQueryCount(1):
            self.env["res.users"]._process_absent()

    def test_after_the_return(self):
        """Who stood in does not answer any more; the one who is back is asked, by the job."""
        self._rule()
        self._away(self.lawyer, self.banker)
        lead, making = self._at_proposal()
        making.complete("made")
        task = self._task(lead, "approve_proposal").sudo()
        row = task.case_id.order_id.approval_ids
        self.assertEqual((row.approver_ids, task.user_id), (self.banker, self.banker))
        self.lawyer.process_away_until = False
        with self.assertRaises(AccessError):
            row.with_user(self.banker).sudo(False).decide(True)
        row.date_return = fields.Datetime.now()
        self.env["sales.approval"]._hand_back()
        self.assertEqual((row.approver_ids, task.user_id), (self.lawyer, self.lawyer))
        self.assertFalse(row.date_return)
        told = self.env["mail.message"].search([("partner_ids", "in", self.lawyer.partner_id.ids)])
        self.assertIn(f"/sales_process/approval/{row.id}/", "".join(told.mapped("body")))
        row.with_user(self.lawyer).sudo(False).decide(True)
        self.assertEqual(task.state, "done")

    def test_the_job_comes_when_they_are_back(self):
        self._rule()
        self._away(self.lawyer, self.banker)
        row = self._process_order()._approval_request("proposal")
        self.assertEqual(row.date_return.date(), self.lawyer.process_away_until + timedelta(days=1))
        with self.assertQueryCount(1):
            self.env["sales.approval"]._hand_back()
        self.assertEqual(row.approver_ids, self.banker)

    def test_who_is_away_may_answer_all_the_same(self):
        self._rule()
        self._away(self.lawyer, self.banker)
        row = self._process_order()._approval_request("proposal")
        row.with_user(self.lawyer).decide(True)
        self.assertEqual(row.state, "approved")

    def _late(self, lead):
        task = self._task(lead, "approve_proposal").sudo()
        rung = task.step_id.escalation_ids.filtered(lambda rung: rung.action == "substitute")
        task._escalate(rung)
        return task

    def test_late_goes_to_one_who_may_answer(self):
        self._rule()
        self.lawyer.process_substitute_id = self.banker
        lead, making = self._at_proposal()
        making.complete("made")
        task = self._late(lead)
        row = task.case_id.order_id.approval_ids
        self.assertEqual(task.user_id, self.banker)
        self.assertEqual(row.approver_ids, self.lawyer | self.banker)
        self.assertFalse(row.sudo().order_id._approval_is_valid("proposal"))
        task.with_user(self.banker).sudo(False).complete("approved")
        self.assertEqual((task.state, row.state), ("done", "approved"))

    def test_late_does_not_go_to_the_seller(self):
        self._rule()
        self.lawyer.process_substitute_id = self.rep
        lead, making = self._at_proposal()
        making.complete("made")
        task = self._late(lead)
        self.assertEqual(task.user_id, self.leader)
        row = task.case_id.order_id.approval_ids
        with self.assertRaises(AccessError):
            row.with_user(self.rep).sudo(False).decide(True)
        row.with_user(self.leader).sudo(False).decide(True)


@tagged("post_install", "-at_install", "sales_process")
class TestForms(RuleCase):
    """What stands on the forms of the steps that make and judge a proposal."""

    def test_difference_on_the_approver_s_form(self):
        self._rule()
        lead, making = self._at_proposal()
        making.complete("made")
        task = self._task(lead, "approve_proposal")
        judged = task.with_user(self.lawyer).get_form()["judged"]
        self.assertFalse(judged["compared"])
        self.assertEqual(judged["approvers"], "Luis Lawyer")
        task.with_user(self.lawyer).complete("approved")
        order = task.sudo().case_id.order_id
        order.order_line.write({"discount": 10})
        task.sudo().case_id.task_ids[:1].with_user(self.leader).sudo(False).action_start_from(
            "approve_proposal"
        )
        task = lead.sudo().process_open_task_ids
        self.assertEqual(task.step_id.code, "approve_proposal")
        judged = task.with_user(self.lawyer).sudo(False).get_form()["judged"]
        self.assertTrue(judged["compared"])
        self.assertIn("higher discount", judged["changes"])
        worse = {row["what"]: (row["last"], row["now"]) for row in judged["rows"] if row["worse"]}
        self.assertIn(("0 %", "10 %"), worse.values())
        product = order.order_line[:1].product_id.display_name
        self.assertIn("×", worse[product][0])
        self.assertNotEqual(*worse[product])

    def test_lines_before_anybody_is_asked(self):
        lead, making = self._at_proposal()
        form = making.get_form()
        self.assertTrue(form["can_prepare"])
        self.assertFalse(form["order"])
        action = making.action_open_quotation()
        order = self.env["sale.order"].browse(action["res_id"])
        self.assertEqual(order.opportunity_id, lead)
        self.assertTrue(order.order_line)
        self.assertEqual(making.action_open_quotation()["res_id"], order.id, "one quotation, however often")
        self.assertFalse(order.sudo().approval_ids, "nobody was asked yet")
        self.assertEqual(making.state, "open")
        form = making.get_form()
        self.assertFalse(form["can_prepare"])
        self.assertEqual(form["order"]["id"], order.id)
        with self.assertRaises(AccessError):
            making.with_user(self.colleague).action_open_quotation()

    def test_only_where_a_proposal_is_made(self):
        _lead, call = self._at_call()
        self.assertFalse(call.get_form()["can_prepare"])
        with self.assertRaises(UserError):
            call.action_open_quotation()

    def test_asking_on_the_order_makes_the_proposal(self):
        self._rule()
        lead, making = self._at_proposal()
        order = self.env["sale.order"].browse(making.action_open_quotation()["res_id"])
        order.with_user(self.rep).action_approval_request()
        self.assertEqual(making.state, "done")
        self.assertEqual(self._task(lead, "approve_proposal").sudo().case_id.order_id, order)
        self.assertEqual(order.approval_state, "waiting")


@tagged("post_install", "-at_install", "sales_process")
class TestReturnTour(HttpCase, PaperCase):
    def test_returned_for_changes(self):
        """The leader sends a proposal back with a word, and is not asked why the customer refuses."""
        lead, making = self._at_proposal(name="Tour request")
        making.complete("made")
        task = self._task(lead, "approve_proposal")
        mine = "/odoo/action-sales_process.action_sales_process_task_mine"
        self.start_tour(f"{mine}/{task.id}", "sales_process_approval_returned", login="process_leader")
        self.assertEqual((task.sudo().state, task.sudo().comment), ("done", "Add the second year"))
        self.assertEqual(lead.process_state, "running")
        self._task(lead, "make_proposal")
