from datetime import datetime, timedelta
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import ProcessCase

REPLY = """Return-Path: <{sender}>
From: {sender}
To: sales@seller.example.com
Subject: Re: your letter
Message-Id: <{number}@customer.example.org>
In-Reply-To: {parent}
References: {parent}
{headers}Content-Type: text/plain; charset=utf-8

{body}
"""


@tagged("post_install", "-at_install", "sales_process")
class TestLetters(ProcessCase):
    """Timers and the letters they announce: when, to whom, withdrawn by whom, and never twice."""

    def _late(self, **vals):
        """A call that was not made, and the letter announced in the rep's place."""
        lead, call = self._at_call(**vals)
        timer = call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.code == "missed_call")
        timer._fire()
        letter = lead.sudo().process_message_ids.filtered(lambda message: message.key == "missed_call")
        self.assertEqual(letter.state, "planned")
        return lead, call, letter

    def _make_due(self, letter):
        letter.date_due = fields.Datetime.now() - timedelta(minutes=1)

    def _mails(self, letter):
        return self.env["mail.mail"].sudo().search([("mail_message_id", "=", letter.mail_message_id.id)])

    # -- timers -----------------------------------------------------------------------------------

    def test_due_moments_count_working_hours(self):
        friday = datetime(2026, 11, 20, 16, 30)
        with (
            patch.object(type(self.env.cr), "now", return_value=friday),
            patch.object(fields.Datetime, "now", return_value=friday),
        ):
            _lead, call = self._at_call()
            self.assertEqual(
                call.sudo().date_deadline,
                datetime(2026, 11, 20, 17, 30) if self._ends_at() >= 17.5 else datetime(2026, 11, 23, 8, 30),
            )
            letter = call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.code == "missed_call")
            self.assertEqual(
                letter.date_due.weekday(), 0, "two working hours after Friday 16:30 are on Monday"
            )

    def _ends_at(self):
        return max(self.calendar.attendance_ids.mapped("hour_to"))

    def test_a_year_of_leave_does_not_hang(self):
        now = fields.Datetime.now()
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Closed",
                "calendar_id": self.calendar.id,
                "date_from": now - timedelta(days=1),
                "date_to": now + timedelta(days=3000),
            }
        )
        _lead, call = self._at_call()
        self.assertAlmostEqual(
            call.sudo().date_deadline, now + timedelta(hours=1), delta=timedelta(minutes=1)
        )

    def test_ladder_goes_off_once(self):
        lead, call = self._at_call()
        timers = call.sudo().timer_ids
        self.assertEqual(len(timers), 5)
        timers.date_due = fields.Datetime.now() - timedelta(hours=1)
        with self.enter_registry_test_mode():
            self.env.ref("sales_process.ir_cron_sales_process_timers").method_direct_trigger()
        self.assertEqual(call.sudo().state, "done", "the last rung takes an outcome")
        self.assertEqual(call.sudo().outcome_code, "not_reached")
        self.assertEqual(self._task(lead, "call_customer").visit, 2)
        count = len(lead.sudo().process_event_ids.filtered(lambda event: event.kind == "timer"))
        with self.enter_registry_test_mode():
            self.env.ref("sales_process.ir_cron_sales_process_timers").method_direct_trigger()
        self.assertEqual(
            len(lead.sudo().process_event_ids.filtered(lambda event: event.kind == "timer")), count
        )

    def test_substitute_takes_over(self):
        self.rep.process_substitute_id = self.colleague
        _lead, call = self._at_call()
        call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.action == "substitute")._fire()
        self.assertEqual(call.sudo().user_id, self.colleague)
        self.assertEqual(call.sudo().activity_id.user_id, self.colleague)
        self.assertEqual(call.sudo().escalation_count, 1)

    def test_leader_hears_of_it(self):
        _lead, call = self._at_call()
        call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.action == "leader")._fire()
        told = (
            self.env["mail.message"]
            .sudo()
            .search(
                [
                    ("partner_ids", "in", self.leader.partner_id.ids),
                    ("message_type", "=", "user_notification"),
                ]
            )
        )
        self.assertIn("Call the customer", told[:1].subject)

    def test_changed_calendar_moves_the_deadlines(self):
        _lead, call = self._at_call()
        before = call.sudo().date_deadline
        # an hour of the night that this test does not itself run in
        hour = 5 if fields.Datetime.now().hour in (1, 2, 3) else 2
        night = self.env["resource.calendar"].create(
            {
                "name": "Nights",
                "tz": "UTC",
                "attendance_ids": [(5, 0, 0)]
                + [
                    (
                        0,
                        0,
                        {
                            "name": "n",
                            "dayofweek": str(day),
                            "hour_from": hour,
                            "hour_to": hour + 1,
                            "day_period": "morning",
                        },
                    )
                    for day in range(7)
                ],
            }
        )
        self.team.process_calendar_id = night
        with self.enter_registry_test_mode():
            self.env.ref("sales_process.ir_cron_sales_process_reschedule").method_direct_trigger()
        self.assertNotEqual(call.sudo().date_deadline, before)
        self.assertEqual(call.sudo().date_deadline.hour, hour + 1)

    # -- letters ----------------------------------------------------------------------------------

    def test_announced_then_sent_once(self):
        lead, _call, letter = self._late()
        self.assertGreater(letter.date_due, fields.Datetime.now())
        told = lead.sudo().process_event_ids.filtered(lambda event: event.kind == "letter").mapped("text")
        self.assertTrue([text for text in told if "announced" in text])
        with self.enter_registry_test_mode():
            self.env.ref("sales_process.ir_cron_sales_process_letters").method_direct_trigger()
        self.assertEqual(letter.state, "planned", "not before its moment")
        self._make_due(letter)
        self._awake()
        with self.enter_registry_test_mode():
            self.env.ref("sales_process.ir_cron_sales_process_letters").method_direct_trigger()
            self.env.ref("sales_process.ir_cron_sales_process_letters").method_direct_trigger()
        self.assertEqual(letter.state, "sent")
        self.assertEqual(len(self._mails(letter)), 1)
        self.assertIn(self.rep.email, letter.mail_message_id.email_from)
        self.assertEqual(letter.mail_message_id.author_id, self.rep.partner_id)

    def _awake(self):
        """No quiet hours, so that a test does not depend on when it runs."""
        self.env["ir.config_parameter"].set_param("sales_process.quiet_from", 0)
        self.env["ir.config_parameter"].set_param("sales_process.quiet_to", 0)

    def test_having_talked_withdraws_it(self):
        _lead, call, letter = self._late()
        call.complete("reached")
        self.assertEqual(letter.state, "withdrawn")

    def test_rep_holds_releases_drops_and_sends(self):
        _lead, _call, letter = self._late()
        own = letter.with_user(self.rep)
        own.action_hold()
        self._make_due(letter)
        letter._send()
        self.assertEqual(letter.state, "held")
        own.action_release()
        self.assertEqual(letter.state, "planned")
        own.action_send_now()
        self.assertEqual(letter.state, "sent")
        with self.assertRaises(UserError):
            own.action_drop()

    def test_dropped_is_gone(self):
        _lead, _call, letter = self._late()
        letter.with_user(self.rep).action_drop()
        self._make_due(letter)
        letter._send()
        self.assertEqual(letter.state, "withdrawn")
        self.assertFalse(letter.mail_message_id)

    # -- contact policy ---------------------------------------------------------------------------

    def test_blacklist(self):
        _lead, _call, letter = self._late()
        self.env["mail.blacklist"]._add("clara@customer.example.org")
        self._make_due(letter)
        letter._send()
        self.assertEqual(letter.state, "blocked")
        self.assertFalse(letter.mail_message_id)

    def test_quiet_hours_of_the_customer(self):
        _lead, _call, letter = self._late(country_id=self.env.ref("base.jp").id)
        night = datetime(2026, 11, 24, 14, 0)  # 23:00 in Tokyo
        self._make_due(letter)
        letter.date_due = night - timedelta(minutes=1)
        with patch.object(fields.Datetime, "now", return_value=night):
            letter._send()
        self.assertEqual(letter.state, "planned")
        self.assertEqual(letter.date_due, datetime(2026, 11, 24, 23, 0), "08:00 in Tokyo")

    def test_one_courtesy_a_day(self):
        self._awake()
        _lead, _call, first = self._late()
        _other, _call, second = self._late()
        for letter in (first, second):
            self._make_due(letter)
        (first | second)._send()
        self.assertEqual(sorted((first | second).mapped("state")), ["planned", "sent"])
        waiting = (first | second).filtered(lambda letter: letter.state == "planned")
        self.assertGreater(waiting.date_due, fields.Datetime.now())

    def test_expected_is_neither_counted_nor_held(self):
        lead = self._lead()
        self.env["ir.config_parameter"].set_param("sales_process.quiet_from", 0)
        self.env["ir.config_parameter"].set_param("sales_process.quiet_to", 23.99)
        self._run(lead)
        welcome = lead.sudo().process_message_ids
        self.assertEqual(welcome.mapped("state"), ["sent"])

    def test_one_welcome_a_company_and_day(self):
        first, _call = self._at_call()
        second, _call = self._at_call(email_from="boss@customer.example.org")
        self.assertTrue(first.sudo().process_message_ids)
        self.assertFalse(second.sudo().process_message_ids)
        third, _call = self._at_call(email_from="someone@gmail.com")
        fourth, _call = self._at_call(email_from="else@gmail.com")
        self.assertTrue(third.sudo().process_message_ids and fourth.sudo().process_message_ids)

    def test_switches(self):
        self._awake()
        lead, _call, letter = self._late()
        Message = self.env["sales.process.message"]
        self._make_due(letter)
        for record, name in ((lead.sudo(), "process_mail_paused"), (self.process, "mail_paused")):
            record[name] = True
            letter._send()
            self.assertEqual(letter.state, "planned", name)
            self.assertNotIn(letter, Message.search(Message._due_domain()))
            record[name] = False
        self.env["ir.config_parameter"].set_param("sales_process.mail_paused", "True")
        letter._send()
        self.assertEqual(letter.state, "planned")
        self.assertFalse(Message.search(Message._due_domain()))
        self.env["ir.config_parameter"].set_param("sales_process.mail_paused", False)
        letter._send()
        self.assertEqual(letter.state, "sent")

    # -- signs of life ----------------------------------------------------------------------------

    def _receive(self, lead, sender, headers="", body="Thank you, call me tomorrow."):
        parent = lead.message_ids.sorted("id")[:1].message_id
        self._number = getattr(self, "_number", 0) + 1
        return (
            self.env["mail.thread"]
            .sudo()
            .message_process(
                "crm.lead",
                REPLY.format(sender=sender, parent=parent, headers=headers, body=body, number=self._number),
            )
        )

    def test_reply_withdraws_over_all_leads_of_the_company(self):
        lead, _call, letter = self._late()
        _other, _call, second = self._late(email_from="boss@customer.example.org", name="Other need")
        _stranger, _call, third = self._late(email_from="x@stranger.example.org", partner_name="Stranger")
        self._receive(lead, "clara@customer.example.org")
        self.assertEqual((letter | second).mapped("state"), ["withdrawn", "withdrawn"])
        self.assertEqual(third.state, "planned")

    def test_colleague_of_the_customer_counts(self):
        lead, _call, letter = self._late()
        self._receive(lead, "somebody.else@customer.example.org")
        self.assertEqual(letter.state, "withdrawn")

    def test_auto_replies_change_nothing(self):
        lead, _call, letter = self._late()
        for headers in (
            "Auto-Submitted: auto-replied\n",
            "X-Autoreply: yes\n",
            "Precedence: auto_reply\n",
            "X-Auto-Response-Suppress: All\n",
        ):
            self._receive(lead, "clara@customer.example.org", headers, "I am out of office.")
            self.assertEqual(letter.state, "planned", headers)
        self._receive(lead, "clara@customer.example.org", "Auto-Submitted: no\n")
        self.assertEqual(letter.state, "withdrawn")

    def test_free_mail_is_no_company(self):
        for provider in ("gmail.com", "yahoo.de", "mail.ru", "proton.me"):
            with self.subTest(provider):
                lead, _call, letter = self._late(email_from=f"clara@{provider}", partner_name=False)
                _other, _call, second = self._late(email_from=f"boris@{provider}", partner_name=False)
                self._receive(lead, f"clara@{provider}")
                self.assertEqual(letter.state, "withdrawn")
                self.assertEqual(second.state, "planned")

    def test_sign_of_life_ends_the_wait(self):
        lead, call = self._at_call()
        for _try in range(2):
            call.complete("not_reached")
            call = self._task(lead, "call_customer")
        call.complete("not_reached")
        self._receive(lead, "clara@customer.example.org")
        self._task(lead, "call_customer")

    def test_silence_is_lost_with_return(self):
        lead, call = self._at_call()
        for _try in range(3):
            call.complete("not_reached")
            call = lead.sudo().process_open_task_ids.with_user(self.rep)
        wait = self._task(lead, "wait_for_answer")
        self._fire(wait)
        self.assertEqual(lead.won_status, "lost")
        self.assertEqual(lead.lost_reason_id, self.env.ref("sales_process.lost_reason_no_answer"))
        self.assertEqual(lead.process_return_date, fields.Date.today() + timedelta(weeks=12))
        lead.sudo().process_return_date = fields.Date.today()
        with self.enter_registry_test_mode():
            self.env.ref("sales_process.ir_cron_sales_process_return").method_direct_trigger()
        self.assertTrue(lead.active)
        self.assertEqual(lead.process_step_id.code, "call_customer")
        self.assertEqual(lead.sudo().process_case_id.previous_case_id.state, "lost")

    def test_meeting_call_and_portal_message_count(self):
        lead, _call, letter = self._late()
        lead.sudo().type = "opportunity"
        self.env["calendar.event"].with_user(self.rep).create(
            {
                "name": "Meet",
                "start": fields.Datetime.now(),
                "stop": fields.Datetime.now(),
                "opportunity_id": lead.id,
            }
        )
        self.assertEqual(letter.state, "withdrawn")
        lead, _call, letter = self._late(email_from="other@other.example")
        activity = lead.with_user(self.rep).activity_schedule(
            "mail.mail_activity_data_call", user_id=self.rep.id
        )
        activity.action_feedback(feedback="talked")
        self.assertEqual(letter.state, "withdrawn")
        lead, _call, letter = self._late(email_from="third@third.example")
        person = self.env["res.partner"].create({"name": "Third", "email": "third@third.example"})
        lead.sudo().message_post(
            body="Hello", author_id=person.id, message_type="comment", subtype_xmlid="mail.mt_comment"
        )
        self.assertEqual(letter.state, "withdrawn")

    def test_our_own_messages_do_not_count(self):
        lead, _call, letter = self._late()
        lead.with_user(self.rep).message_post(
            body="I wrote to them", message_type="comment", subtype_xmlid="mail.mt_comment"
        )
        lead.with_user(self.leader).message_post(
            body="Note", message_type="comment", subtype_xmlid="mail.mt_note"
        )
        self.assertEqual(letter.state, "planned")

    def test_company_holidays_move_the_deadlines(self):
        _lead, call = self._at_call()
        before = call.sudo().date_deadline
        now = fields.Datetime.now()
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Holidays",
                "calendar_id": self.calendar.id,
                "date_from": now - timedelta(days=1),
                "date_to": now + timedelta(days=20),
            }
        )
        self.assertTrue(self.calendar.process_stale)
        with self.enter_registry_test_mode():
            self.env.ref("sales_process.ir_cron_sales_process_reschedule").method_direct_trigger()
        self.assertFalse(self.calendar.process_stale)
        self.assertGreater(call.sudo().date_deadline, before + timedelta(days=15))
        self.assertTrue(all(timer.date_due >= call.sudo().date_open for timer in call.sudo().timer_ids))

    def test_days_closed_everywhere_and_other_hours(self):
        self._at_call()
        Leaves = self.env["resource.calendar.leaves"]
        now = fields.Datetime.now()
        day = {"name": "Closed", "date_from": now, "date_to": now + timedelta(days=1)}
        leave = Leaves.create({**day, "calendar_id": False, "company_id": self.company.id})
        other = self.calendar.copy({"name": "Other"})
        self.plain_team.process_calendar_id = other
        roads = {
            "closed in all of the company": lambda: leave.write({"date_to": now + timedelta(days=2)}),
            "moved from one calendar": lambda: leave.write({"calendar_id": other.id}),
            "and to it": lambda: leave.write({"calendar_id": self.calendar.id}),
            "time zone": lambda: self.calendar.write({"tz": "Asia/Tokyo"}),
            "an hour of the week": lambda: self.calendar.attendance_ids[:1].write({"hour_to": 11}),
        }
        for name, road in roads.items():
            self.calendar.process_stale = False
            with self.subTest(name):
                road()
                self.assertTrue(self.calendar.process_stale)

    def test_other_hours_for_a_team_or_a_company(self):
        self._at_call()
        other = self.calendar.copy({"name": "Other"})
        self.team.process_calendar_id = other
        self.assertTrue(other.process_stale)
        self.team.process_calendar_id = False
        self.assertTrue(self.company.resource_calendar_id.process_stale)
        third = self.calendar.copy({"name": "Third"})
        self.company.resource_calendar_id = third
        self.assertTrue(third.process_stale)

    def test_leader_sets_another_deadline(self):
        _lead, call = self._at_call()
        moment = (fields.Datetime.now() + timedelta(days=40)).replace(microsecond=0)
        with self.assertRaises(UserError):
            call.action_set_deadline(moment)
        call.with_user(self.leader).action_set_deadline(moment)
        self.assertEqual(call.sudo().date_deadline, moment)
        self.assertEqual(call.sudo().activity_id.date_deadline, moment.date())
        late = call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.anchor == "after")
        self.assertTrue(all(timer.date_due > moment for timer in late))

    def test_forgotten_customer(self):
        lead, _call, letter = self._late()
        with self.assertRaises(UserError):
            lead.with_user(self.leader).process_forget_customer()
        lead.with_user(self.env.ref("base.user_admin")).process_forget_customer()
        self.assertFalse(letter.email_to)
        self.assertFalse(
            [text for text in lead.sudo().process_event_ids.mapped("text") if text and "clara" in text]
        )

    def test_closed_for_most_of_a_year(self):
        now = fields.Datetime.now()
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Closed",
                "calendar_id": self.calendar.id,
                "date_from": now - timedelta(days=1),
                "date_to": now + timedelta(days=400),
            }
        )
        _lead, call = self._at_call()
        self.assertGreater(call.sudo().date_deadline, now + timedelta(days=399))

    def test_no_space_of_a_subject_is_lost(self):
        """As it is read by who gets it: decoded from the lines that the header was folded into."""
        subject = "Некоторые сведения для вашего договора нужно прислать ещё раз"
        lead = self._lead(email_from="anna@customer.example.org")
        for words in (
            subject,
            "In Latin letters it may be as long as it wants to be, and even longer than that",
        ):
            values = {"subject": words, "model": "crm.lead", "res_id": lead.id, "email_to": "a@b.example.org"}
            mail = self.env["mail.mail"].sudo().create(values)
            [told] = mail._prepare_outgoing_list()
            message = EmailMessage(policy=SMTP)
            message["Subject"] = told["subject"]
            raw = message.as_string().partition("Subject: ")[2].strip()
            read = str(make_header(decode_header(raw.replace("\r\n", ""))))
            self.assertEqual(read.replace("\N{NO-BREAK SPACE}", " "), words)
