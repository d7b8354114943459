from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import ProcessCase


@tagged("post_install", "-at_install", "sales_process")
class TestPeople(ProcessCase):
    """A task and its activity are one, and go to somebody who is there."""

    def test_activity_and_task_are_one(self):
        lead, call = self._at_call()
        with self.assertRaises(UserError) as caught:
            call.activity_id.with_user(self.rep).action_feedback(feedback="done")
        self.assertIn("not_reached", str(caught.exception))
        with self.assertRaises(UserError):
            call.activity_id.with_user(self.rep).unlink()
        activity = call.activity_id
        call.complete("reached", comment="Will buy")
        self.assertFalse(activity.active)
        self.assertEqual(activity.date_done, fields.Date.today())
        self.assertIn("Will buy", activity.feedback)
        self.assertTrue(lead.message_ids.filtered(lambda message: message.mail_activity_type_id))

    def test_single_outcome_is_done_by_the_activity(self):
        lead, task = self._at_proposal()
        task.activity_id.with_user(self.rep).action_feedback(feedback="made it")
        self.assertEqual(task.state, "done")
        self.assertTrue(lead.order_ids)

    def test_moving_the_activity_keeps_the_deadline(self):
        _lead, call = self._at_call()
        deadline = call.date_deadline
        call.activity_id.with_user(self.rep).date_deadline = fields.Date.today() + timedelta(days=9)
        self.assertEqual(call.date_deadline, deadline)

    def test_activity_given_away_takes_the_task_along(self):
        _lead, call = self._at_call()
        call.activity_id.with_user(self.leader).user_id = self.colleague
        self.assertEqual(call.user_id, self.colleague)

    def test_the_timeline_speaks_words(self):
        """What is kept in codes is shown as a person would say it."""
        lead, call = self._at_call()
        call.complete("reached")
        self._task(lead, "contact_result").complete(
            "not_a_fit", {"lost_reason_id": self.env.ref("sales_process.lost_reason_not_a_fit").id}
        )
        events = lead.process_event_ids
        details = [(event.kind, event.detail) for event in events]
        for row in (
            ("done", "Reached"),
            ("done", "Not a fit"),
            ("phase", "Contact"),
            ("passed", "not needed"),
            ("ended", "Lost"),
        ):
            self.assertIn(row, details)
        self.assertFalse(
            events.filtered(lambda event: event.kind != "letter" and "_" in (event.detail or "")).mapped(
                "detail"
            )
        )

    def test_new_rep_gets_the_tasks(self):
        lead, call = self._at_call()
        lead.with_user(self.leader).user_id = self.colleague
        self.assertEqual(call.sudo().user_id, self.colleague)
        self.assertEqual(call.sudo().activity_id.user_id, self.colleague)

    def test_archived_rep_leaves_nothing_behind(self):
        self.rep.process_substitute_id = self.colleague
        lead, call = self._at_call()
        self.rep.sudo().action_archive()
        call = call.sudo()
        self.assertEqual(call.user_id, self.colleague)
        self.assertTrue(call.activity_id.exists().active)
        self.assertEqual(call.activity_id.user_id, self.colleague)
        self.assertEqual(lead.sudo().process_state, "running")

    def test_absent_rep_is_stood_in_for(self):
        self.rep.process_substitute_id = self.colleague
        resource = self.env["resource.resource"].create(
            {"name": "Rita", "user_id": self.rep.id, "resource_type": "user"}
        )
        now = fields.Datetime.now()
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Leave",
                "resource_id": resource.id,
                "date_from": now - timedelta(days=1),
                "date_to": now + timedelta(days=1),
            }
        )
        _lead, call = self._at_call()
        self.assertEqual(call.sudo().user_id, self.colleague)

    def test_nobody_falls_to_the_leader_then_to_managers(self):
        lead = self.env["crm.lead"].create(
            {
                "name": "Nobody's",
                "contact_name": "A",
                "email_from": "a@b.example",
                "team_id": self.team.id,
                "user_id": False,
            }
        )
        self._run(lead)
        self.assertEqual(self._task(lead, "call_customer").sudo().user_id, self.leader)

    def test_reassign_is_for_leaders(self):
        _lead, call = self._at_call()
        with self.assertRaises(AccessError):
            call.with_user(self.colleague).action_reassign(self.colleague.id)
        call.with_user(self.leader).action_reassign(self.colleague.id)
        self.assertEqual(call.sudo().user_id, self.colleague)
