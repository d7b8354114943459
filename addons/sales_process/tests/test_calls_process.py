from datetime import datetime, timedelta
from unittest.mock import patch

import requests
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .call_common import NUMBER, SANITIZED, CallCase


@tagged("post_install", "-at_install", "sales_process")
class TestCallsAndProcess(CallCase):
    """A call withdraws letters and is written down once, however the system and the rep share the work."""

    def _announced(self):
        """A lead whose call is late: the letter in the rep's place is announced."""
        lead, task = self._at_call(phone=NUMBER)
        letter = task.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.action == "letter")
        self._fire(task, letter.date_due)
        message = lead.sudo().process_message_ids.filtered(lambda message: message.task_id == task)
        self.assertEqual(message.state, "planned")
        return lead, task, message

    def test_answered_call_withdraws_the_letter(self):
        _lead, _task, message = self._announced()
        self._post("answered", number=NUMBER, extension="101")
        self.assertEqual(message.state, "withdrawn")

    def test_long_enough_call_out_withdraws_the_letter(self):
        _lead, _task, message = self._announced()
        values = {"number": NUMBER, "extension": "101", "direction": "out"}
        self._post("answered", **values)
        self.assertEqual(message.state, "planned", "it may be a voice box")
        self._post("ended", duration=29, **values)
        self.assertEqual(message.state, "planned")
        self._post("ended", "c2", duration=30, **values)
        self.assertEqual(message.state, "withdrawn")

    def test_missed_call_out_leaves_the_letter(self):
        _lead, _task, message = self._announced()
        call = self._post("missed", number=NUMBER, extension="101", direction="out")
        self.assertEqual((message.state, call.is_contact), ("planned", False))

    def test_missed_call_in_withdraws_the_letter(self):
        _lead, _task, message = self._announced()
        self._post("missed", number=NUMBER, extension="101")
        self.assertEqual(message.state, "withdrawn")

    def test_completing_writes_the_call_down_once(self):
        lead, task = self._at_call(phone=NUMBER)
        task.complete("reached", {"duration": 4.5}, "Friendly")
        task.complete("reached", {"duration": 4.5}, "Friendly")
        [call] = lead.sudo().call_ids
        self.assertEqual(
            (call.result, call.duration, call.note, call.user_id, call.task_id, call.number),
            ("reached", 270, "Friendly", self.rep, task.sudo(), NUMBER),
        )
        self.assertEqual((call.state, call.direction, call.is_contact), ("ended", "out", True))

    def test_not_reached(self):
        lead, task = self._at_call(phone=NUMBER)
        task.complete("not_reached")
        [call] = lead.sudo().call_ids
        self.assertEqual((call.state, call.result, call.is_contact), ("missed", "not_reached", False))

    def test_refused_without_a_call_is_none(self):
        lead, task = self._at_call(phone=NUMBER)
        reason = self.env["crm.lost.reason"].search([], limit=1)
        task.complete("refused", {"lost_reason_id": reason.id}, "By mail")
        self.assertFalse(lead.sudo().call_ids)

    def test_other_tasks_are_no_calls(self):
        lead, task = self._at_call(phone=NUMBER)
        task.complete("reached")
        self._task(lead, "contact_result").complete("not_a_fit", {"duration": 5})
        self.assertEqual(len(lead.sudo().call_ids), 1)

    def test_reported_first_then_completed(self):
        lead, task = self._at_call(phone=NUMBER)
        values = {"number": NUMBER, "extension": "101", "direction": "out"}
        self._post("missed", "c0", **values)
        self._post("ringing", **values)
        call = self._post("ended", duration=90, **values)
        self.assertEqual(call.task_id, task.sudo())
        task.complete("reached", None, "Friendly")
        self.assertEqual(len(lead.sudo().call_ids), 2)
        self.assertEqual((call.result, call.note, call.duration), ("reached", "Friendly", 90))
        self.assertEqual(task.sudo().duration, 1.5, "the task learns how long it took")

    def test_completed_first_then_reported(self):
        lead, task = self._at_call(phone=NUMBER)
        task.complete("reached", {"duration": 2}, "Friendly")
        [written] = lead.sudo().call_ids
        call = self._post("ended", number=NUMBER, extension="101", direction="out", duration=117)
        self.assertEqual(call, written)
        self.assertEqual(
            (call.external_id, call.duration, call.result, call.note, call.task_id),
            ("c1", 117, "reached", "Friendly", task.sudo()),
        )
        signals = lead.sudo().process_event_ids.filtered(lambda event: event.text == "call")
        self.assertFalse(signals, "completing has told it already")

    def test_the_next_call_is_another(self):
        lead, task = self._at_call(phone=NUMBER)
        task.complete("not_reached")
        lead.sudo().call_ids.write(
            {
                "date_start": datetime.now() - timedelta(hours=2),
                "date_end": datetime.now() - timedelta(hours=2),
            }
        )
        self._post("ringing", number=NUMBER, extension="101", direction="out")
        self.assertEqual(len(lead.sudo().call_ids), 2)

    def test_somebody_elses_call_is_not_taken(self):
        lead, task = self._at_call(phone=NUMBER)
        theirs = self._post("ended", number=NUMBER, extension="102", direction="out", duration=50)
        task.complete("reached")
        self.assertEqual(len(lead.sudo().call_ids), 2)
        self.assertFalse(theirs.result)

    def test_form_shows_the_calls(self):
        _lead, task = self._at_call(phone=NUMBER)
        self._post("ended", number=NUMBER, extension="101", duration=75)
        form = task.get_form()
        self.assertEqual(
            [(call["direction"], call["seconds"], call["result"]) for call in form["calls"]],
            [("in", 75, "Ended")],
        )
        self.assertFalse(form["lead"]["can_originate"])

    def test_merge_and_deletion_keep_the_calls(self):
        lead, other = self._lead(phone=NUMBER), self._lead(phone="+33 1 42 68 53 00")
        call = self._post("ringing", number="+33142685300")
        self.assertEqual(call.lead_id, other)
        (lead | other).sudo().merge_opportunity()
        kept = (lead | other).exists()
        self.assertEqual(call.lead_id, kept)
        self.assertEqual(call.res_id, kept.id)
        kept.sudo().unlink()
        self.assertFalse(call.lead_id or call.res_id)

    def test_forget_the_customer(self):
        lead = self._lead(phone=NUMBER)
        call = self._post("ended", number=NUMBER, duration=9, recording="https://pbx.example.com/1")
        lead.with_user(self.owner).process_forget_customer()
        self.assertFalse(call.number or call.number_sanitized or call.recording_url or call.note)


@tagged("post_install", "-at_install", "sales_process")
class TestCallsStarted(CallCase):
    """The telephone system is asked after commit, with the lead's own number; failing does no harm."""

    def setUp(self):
        super().setUp()
        self.pbx.originate_url = "https://pbx.example.com/originate"
        self.lead = self._lead(phone=NUMBER)
        self.env.cr.postcommit.clear()

    def _commit(self, answer):
        """Run what waits for the commit, with the system's answer; returns how it was asked."""
        with patch("odoo.addons.sales_process.models.sales_call_originate.requests.post", **answer) as post:
            self.assertFalse(post.called)
            with self.enter_registry_test_mode():
                self.env.cr.postcommit.run()
        return post

    def _notifications(self):
        rows = self.env["bus.bus"].sudo().search([("message", "like", "simple_notification")])
        return " ".join(rows.mapped("message"))

    def _answer(self, status):
        answer = requests.Response()
        answer.status_code, answer.raw = status, None
        answer.close = lambda: None
        return {"return_value": answer}

    def test_asked_after_commit(self):
        self.lead.with_user(self.rep).process_call()
        post = self._commit(self._answer(200))
        [call] = post.call_args_list
        self.assertEqual(call.args, ("https://pbx.example.com/originate",))
        self.assertEqual(
            call.kwargs["json"],
            {"number": SANITIZED, "extension": "101", "user": "process_rep", "lead_id": self.lead.id},
        )
        self.assertFalse(call.kwargs["allow_redirects"])
        self.assertTrue(call.kwargs["timeout"])
        self.assertFalse(self._notifications())

    def test_failures_in_words(self):
        for answer, words in (
            (self._answer(500), "refused the call (500)"),
            (self._answer(302), "refused the call (302)"),
            ({"side_effect": requests.ConnectTimeout()}, "did not answer in time"),
            ({"side_effect": requests.ConnectionError()}, "cannot be reached"),
        ):
            self.lead.with_user(self.rep).process_call()
            self._commit(answer)
            self.assertIn(words, self._notifications())

    def test_what_is_missing_is_said(self):
        self.assertTrue(self.lead.with_user(self.rep).call_can_originate)
        self.lead.sudo().phone = False
        with self.assertRaisesRegex(UserError, "no phone number"):
            self.lead.with_user(self.rep).process_call()
        self.lead.sudo().phone = NUMBER
        self.rep.call_extension = False
        with self.assertRaisesRegex(UserError, "extension"):
            self.lead.with_user(self.rep).process_call()
        self.pbx.originate_url = False
        self.lead.invalidate_recordset()
        self.assertFalse(self.lead.with_user(self.rep).call_can_originate)
        with self.assertRaisesRegex(UserError, "No telephone system"):
            self.lead.with_user(self.rep).process_call()

    def test_not_for_others(self):
        with self.assertRaises(AccessError):
            self.lead.with_user(self.colleague).process_call()

    def test_only_web_addresses(self):
        for url in ("file:///etc/passwd", "gopher://x", "javascript:alert(1)", "https://", "pbx"):
            with self.assertRaises(ValidationError, msg=url):
                self.pbx.originate_url = url
