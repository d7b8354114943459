from datetime import timedelta

from odoo import fields
from odoo.tests import tagged

from ..engine.definition import Delay
from ..models.working_time import WorkingTime
from .paper_common import PaperCase


@tagged("post_install", "-at_install", "sales_process")
class TestFollowUp(PaperCase):
    """Reminders by what the customer does with the proposal: not opened, opened again, about to end."""

    def _waiting(self):
        """A proposal that was sent, and the step that waits for the answer."""
        order = self._sent()
        lead = order.opportunity_id
        lead.sudo().process_case_id.order_id = order
        lead.sudo().process_open_task_ids[:1].with_user(self.leader).action_start_from("proposal_decision")
        return order, lead, self._task(lead, "proposal_decision").sudo()

    def _open(self, order, times=1):
        """The customer looks at the proposal on so many visits."""
        document = order.sudo().sales_document_ids
        for _visit in range(times):
            document._mark_opened()
            order._process_signal(
                "proposal_opened", {"version": document.version, "count": document.opened_count}
            )

    def _timer(self, task, code):
        return task.timer_ids.filtered(lambda timer: timer.escalation_id.code == code)

    def _letter(self, task, code):
        return task.lead_id.process_message_ids.filtered(
            lambda letter: letter.task_id == task and letter.key == code
        )

    def _told(self, user):
        return (
            self.env["mail.message"]
            .sudo()
            .search(
                [
                    ("partner_ids", "in", user.partner_id.ids),
                    ("message_type", "=", "user_notification"),
                    ("subject", "ilike", "The customer decides"),
                ]
            )
        )

    # -- not opened -------------------------------------------------------------------------------

    def test_not_opened_is_asked_after(self):
        _order, _lead, wait = self._waiting()
        self.assertIn("If the customer does not open it", wait.next_text)
        self._timer(wait, "not_opened")._fire()
        letter = self._letter(wait, "not_opened")
        self.assertEqual(letter.state, "planned")
        self.assertEqual(letter.template_id, self.env.ref("sales_process.mail_template_proposal_not_opened"))
        self.assertIn("not opened", letter.why)

    def test_opened_is_not_asked_after(self):
        order, _lead, wait = self._waiting()
        self._open(order)
        self.assertEqual(self._timer(wait, "not_opened").state, "cancelled")
        self.assertNotIn("does not open it", wait.next_text)

    def test_opened_unseen_is_asked_at_the_moment(self):
        """The engine is asked with the count of openings, should the signal have got lost."""
        order, _lead, wait = self._waiting()
        order.sudo().sales_document_ids._mark_opened()
        self._timer(wait, "not_opened")._fire()
        self.assertFalse(self._letter(wait, "not_opened"))
        self.assertEqual(wait.escalation_count, 0)

    def test_opened_before_the_step(self):
        order = self._sent()
        lead = order.opportunity_id
        lead.sudo().process_case_id.order_id = order
        self._open(order)
        lead.sudo().process_open_task_ids[:1].with_user(self.leader).action_start_from("proposal_decision")
        self.assertFalse(self._timer(self._task(lead, "proposal_decision").sudo(), "not_opened"))

    def test_opening_withdraws_the_question_and_puts_off_the_rest(self):
        order, _lead, wait = self._waiting()
        for code in ("not_opened", "follow_up"):
            self._timer(wait, code)._fire()
        asked, follow_up = self._letter(wait, "not_opened"), self._letter(wait, "follow_up")
        due = follow_up.date_due
        self._open(order)
        self.assertEqual(asked.state, "withdrawn")
        self.assertIn("opened", asked.state_why)
        self.assertEqual(follow_up.state, "planned")
        self.assertGreaterEqual(follow_up.date_due, due + timedelta(hours=20))

    def test_opening_puts_off_what_is_about_to_be_announced(self):
        order, _lead, wait = self._waiting()
        follow_up, expiring = self._timer(wait, "follow_up"), self._timer(wait, "expiring")
        now = fields.Datetime.now()
        follow_up.date_due, end = now + timedelta(minutes=5), expiring.date_due
        self._open(order)
        earliest = WorkingTime().due(self.calendar, now, Delay(1, "days", working=True))
        self.assertGreaterEqual(follow_up.date_due, earliest)
        self.assertEqual(expiring.date_due, end, "the end does not wait")

    # -- opened again -----------------------------------------------------------------------------

    def test_a_second_visit_begins_the_clock(self):
        order, _lead, wait = self._waiting()
        self.assertFalse(self._timer(wait, "opened_again"))
        self._open(order)
        self.assertFalse(self._timer(wait, "opened_again"), "once is not twice")
        self._open(order)
        call, letter = self._timer(wait, "opened_again_call"), self._timer(wait, "opened_again")
        self.assertEqual((call.state, letter.state), ("pending", "pending"))
        self.assertGreater(letter.date_due, call.date_due)
        due = letter.date_due
        self._open(order)
        self.assertEqual(self._timer(wait, "opened_again"), letter, "a third visit begins nothing")
        self.assertEqual(letter.date_due, due)
        letter._fire()
        self.assertEqual(self._letter(wait, "opened_again").state, "planned")

    def test_the_rep_hears_of_it(self):
        order, _lead, wait = self._waiting()
        self._open(order, 2)
        self.assertFalse(wait.user_id, "the customer is waited for")
        self.assertIn(f"a reminder to {self.rep.name}", wait.next_text)
        self._timer(wait, "opened_again_call")._fire()
        told = self._told(self.rep)
        self.assertEqual(len(told), 1)
        self.assertIn("opened it again", told.subject)

    def test_an_answer_ends_it_and_a_look_after_that_begins_anew(self):
        order, lead, wait = self._waiting()
        self._open(order, 2)
        lead._process_signal("reply")
        timer = self._timer(wait, "opened_again")
        self.assertEqual(timer.state, "cancelled")
        self._open(order)
        self.assertEqual(timer.state, "pending")
        timer._fire()
        self._open(order)
        self.assertEqual(timer.state, "fired", "once a visit of the step")

    def test_answer_after_the_announcement_withdraws_the_letter(self):
        order, lead, wait = self._waiting()
        self._open(order, 2)
        self._timer(wait, "opened_again")._fire()
        lead._process_signal("reply")
        self.assertEqual(self._letter(wait, "opened_again").state, "withdrawn")

    def test_accepting_ends_all(self):
        order, lead, wait = self._waiting()
        self._open(order, 2)
        lead._process_signal("proposal_accepted", order, {"version": 1})
        self.assertEqual(wait.state, "done")
        self.assertFalse(set(wait.timer_ids.mapped("state")) & {"pending", "paused"})

    def test_paused_meanwhile(self):
        order, lead, wait = self._waiting()
        lead.with_user(self.rep).process_pause("on holiday")
        self._open(order, 2)
        timer = self._timer(wait, "opened_again")
        self.assertEqual(timer.state, "paused")
        lead.with_user(self.rep).process_resume()
        self.assertEqual(timer.state, "pending")

    def test_another_calendar_keeps_what_it_counts_from(self):
        order, _lead, wait = self._waiting()
        self._open(order, 2)
        timer = self._timer(wait, "opened_again")
        due = timer.date_due
        wait._reschedule()
        self.assertEqual(timer.date_due, due)

    # -- about to end -----------------------------------------------------------------------------

    def test_about_to_end(self):
        _order, _lead, wait = self._waiting()
        expiring = self._timer(wait, "expiring")
        self.assertGreater(expiring.date_due, fields.Datetime.now())
        self.assertLess(expiring.date_due, wait.date_deadline)
        expiring._fire()
        letter = self._letter(wait, "expiring")
        self.assertEqual(letter.template_id, self.env.ref("sales_process.mail_template_proposal_expiring"))
        self.assertIn("is due soon", letter.why, "nobody is late yet")

    # -- cost -------------------------------------------------------------------------------------

    def test_openings_of_many_cost_one_query(self):
        _order, _lead, one = self._waiting()
        _order, _lead, other = self._waiting()
        (one | other).case_id.order_id.mapped("state")  # read beforehand
        with self.assertQueryCount(2):
            (one | other)._paper_openings()
