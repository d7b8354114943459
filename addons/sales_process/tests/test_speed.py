from datetime import datetime, timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import ProcessCase

MONDAY_NINE = datetime(2031, 3, 3, 9)


@tagged("post_install", "-at_install", "sales_process")
class TestSpeed(ProcessCase):
    """Speed to lead: from the customer's act to the first real contact, in the team's working hours."""

    def setUp(self):
        super().setUp()
        self.clock = MONDAY_NINE
        self.patch(fields.Datetime, "now", staticmethod(lambda *_args: self.clock))

    def _later(self, **span):
        self.clock += timedelta(**span)

    def _delays(self, lead):
        lead.invalidate_recordset()
        return tuple(
            round(hours, 2) for hours in (lead.speed_system_hours, lead.speed_person_hours, lead.speed_hours)
        )

    def _call(self, lead):
        return (
            lead.sudo()
            .process_open_task_ids.filtered(lambda task: task.step_id.code == "call_customer")
            .with_user(self.rep)
        )

    # -- the two parts ----------------------------------------------------------------------------

    def test_two_parts(self):
        lead = self._lead(user_id=False)
        self._run(lead)
        self.assertEqual((lead.date_request, lead.date_assigned), (MONDAY_NINE, False))
        self._later(minutes=30)
        lead.user_id = self.rep
        self._later(minutes=15)
        self._call(lead).complete("reached")
        self.assertEqual(self._delays(lead), (0.5, 0.25, 0.75))
        self.assertEqual((lead.speed_result, lead.date_contact), ("kept", self.clock))

    def test_hours_are_the_teams(self):
        """Asked on Friday afternoon, talked to on Monday morning: the weekend is nobody's delay."""
        self.clock = datetime(2031, 3, 7, 16, 45)
        lead, call = self._at_call()
        self.clock = datetime(2031, 3, 10, 8, 15)
        call.complete("reached")
        expected = self.calendar.get_work_hours_count(
            datetime(2031, 3, 7, 16, 45), datetime(2031, 3, 10, 8, 15)
        )
        self.assertAlmostEqual(lead.speed_hours, expected, 2)
        self.assertLess(lead.speed_hours, 3)

    def test_too_late(self):
        lead, call = self._at_call()
        self._later(hours=2)
        self.assertEqual((lead.speed_grade, lead.speed_is_running), ("missed", True))
        call.complete("reached")
        lead.invalidate_recordset()
        self.assertEqual(
            (lead.speed_result, lead.speed_grade, lead.speed_is_running), ("missed", "missed", False)
        )
        self.assertEqual(lead.speed_text, "2 h")

    def test_the_target_is_the_teams(self):
        self.team.speed_target_hours = 3
        lead, call = self._at_call()
        self._later(hours=2)
        self.assertEqual(lead.speed_grade, "hurry")
        call.complete("reached")
        self.assertEqual(lead.speed_result, "kept")
        self.team.speed_target_hours = 0.5
        lead.invalidate_recordset()
        self.assertEqual(lead.speed_grade, "good", "judged by the target of its time")

    # -- when it starts ---------------------------------------------------------------------------

    def test_the_integrator_says_when(self):
        asked = MONDAY_NINE - timedelta(days=3)
        Lead = self.env["crm.lead"].with_user(self.rep)
        values = {"name": "Web", "contact_name": "A", "phone": "1", "team_id": self.team.id}
        taken = Lead.process_intake({**values, "date_request": fields.Datetime.to_string(asked)})
        lead = Lead.browse(taken["lead_id"])
        self.assertEqual(lead.date_request, asked)
        self.assertGreater(lead.speed_system_hours, 3)
        ahead = Lead.process_intake({**values, "date_request": "2040-01-01 00:00:00"})
        self.assertEqual(Lead.browse(ahead["lead_id"]).date_request, MONDAY_NINE)
        with self.assertRaises(UserError):
            Lead.process_intake({**values, "date_request": "yesterday"})

    def test_a_mail_counts_from_its_date(self):
        alias = self.env["crm.lead"].message_new(
            {"subject": "Printers", "from": "a@b.example", "date": "2031-03-03 08:20:00"},
            {"team_id": self.team.id},
        )
        self.assertEqual(alias.date_request, datetime(2031, 3, 3, 8, 20))
        old = self.env["crm.lead"].message_new(
            {"subject": "Printers", "from": "a@b.example", "date": "1999-03-03 08:20:00"},
            {"team_id": self.team.id},
        )
        self.assertEqual(old.date_request, MONDAY_NINE)

    def test_no_customer_acted(self):
        """Imported, entered in the middle, in a team without a process: no clock."""
        Lead = self.env["crm.lead"].with_user(self.leader)
        vals = {"name": "Old", "team_id": self.team.id, "user_id": self.rep.id}
        stage = self.process.phase_ids[2]._stage_for(self.team)
        leads = (
            Lead.with_context(import_file=True).create(vals)
            | Lead.create({**vals, "stage_id": stage.id})
            | Lead.create({**vals, "team_id": self.plain_team.id})
        )
        self.assertEqual(leads.mapped("date_request"), [False] * 3)
        self.assertFalse(any(leads.mapped("speed_text")))

    def test_it_waited_for_a_team(self):
        lead = self.env["crm.lead"].create({"name": "Web", "team_id": False, "user_id": False})
        lead.write({"team_id": self.team.id, "user_id": self.rep.id})
        self.assertEqual((lead.date_request, lead.date_assigned), (lead.create_date, self.clock))
        known = self.env["crm.lead"].create({"name": "Known", "team_id": False, "user_id": self.rep.id})
        known.team_id = self.team
        self.assertFalse(known.date_request, "somebody had it already")

    # -- what is a contact ------------------------------------------------------------------------

    def test_a_letter_by_hand_is_a_contact(self):
        lead, _call = self._at_call()
        customer = self.env["res.partner"].create({"name": "Clara", "email": "clara@customer.example.org"})

        def post(subtype, partner):
            lead.with_user(self.rep).message_post(
                body="Dear Clara", message_type="comment", subtype_xmlid=subtype, partner_ids=partner.ids
            )

        post("mail.mt_note", customer)
        post("mail.mt_comment", self.colleague.partner_id)
        self.assertFalse(lead.date_contact)
        post("mail.mt_comment", customer)
        self.assertEqual(lead.date_contact, self.clock)

    def test_a_message_on_the_order_is_a_contact(self):
        lead, _call = self._at_call()
        customer = self.env["res.partner"].create({"name": "Clara", "email": "clara@customer.example.org"})
        order = self.env["sale.order"].create(
            {"partner_id": customer.id, "opportunity_id": lead.id, "user_id": self.rep.id}
        )

        def post(subtype):
            order.with_user(self.rep).message_post(
                body="Dear Clara",
                message_type="comment",
                subtype_xmlid=subtype,
                partner_ids=customer.ids,
            )

        post("mail.mt_note")
        self.assertFalse(lead.date_contact)
        post("mail.mt_comment")
        self.assertEqual(lead.date_contact, self.clock)

    def test_an_automatic_letter_is_none(self):
        lead, call = self._at_call()
        rung = call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.action == "letter")
        rung._fire()
        lead.process_message_ids.filtered(lambda message: message.state == "planned").action_send_now()
        self.assertIn("sent", lead.process_message_ids.mapped("state"))
        self.assertFalse(lead.date_contact)

    def test_a_logged_call_is_a_contact(self):
        lead, _call = self._at_call()
        activity = lead.with_user(self.rep).activity_schedule(
            "mail.mail_activity_data_call", user_id=self.rep.id
        )
        activity.action_feedback(feedback="Talked")
        self.assertTrue(lead.date_contact)

    def test_not_reached_is_none(self):
        lead, call = self._at_call()
        call.complete("not_reached")
        self.assertFalse(lead.date_contact)

    def test_the_first_contact_counts(self):
        lead, call = self._at_call()
        call.complete("reached")
        first = lead.date_contact
        self._later(hours=1)
        lead._process_signal("call")
        self.assertEqual(lead.date_contact, first)

    # -- what may happen in between ---------------------------------------------------------------

    def test_handed_over(self):
        lead, _call = self._at_call()
        self._later(minutes=30)
        lead.user_id = self.colleague
        self.assertEqual(lead.date_assigned, MONDAY_NINE)

    def test_a_pause_does_not_count(self):
        lead, call = self._at_call()
        self._later(minutes=15)
        lead.process_pause("On holiday")
        self._later(hours=2)
        lead.invalidate_recordset()
        self.assertEqual(lead.speed_text, "15 min")
        lead.process_resume()
        self._later(minutes=15)
        call.complete("reached")
        self.assertEqual(self._delays(lead), (0.0, 0.5, 0.5))

    def test_lost_and_taken_back(self):
        lead, _call = self._at_call()
        self._later(minutes=15)
        lead.action_set_lost()
        lead.invalidate_recordset()
        self.assertFalse(lead.speed_text)
        self._later(hours=2)
        lead.action_unarchive()
        lead.invalidate_recordset()
        self.assertEqual(lead.speed_text, "15 min")

    def test_merged(self):
        lead, call = self._at_call()
        self._later(minutes=20)
        other, _call = self._at_call(name="The same again")
        self._later(minutes=10)
        call.complete("reached")
        (lead | other).merge_opportunity()
        kept = (lead | other).exists()
        self.assertEqual(kept.date_request, MONDAY_NINE)
        self.assertEqual(self._delays(kept), (0.0, 0.5, 0.5))

    def test_without_any_calendar(self):
        self.team.process_calendar_id = False
        self.company.resource_calendar_id = False
        lead, call = self._at_call()
        self._later(days=1)
        call.complete("reached")
        self.assertEqual(self._delays(lead), (0.0, 24.0, 24.0))

    def test_archived_salesperson(self):
        lead, _call = self._at_call()
        self.rep.sudo().action_archive()
        self._later(minutes=40)
        lead.invalidate_recordset()
        self.assertEqual((lead.speed_text, lead.speed_grade), ("40 min", "hurry"))

    # -- the deadline behind it -------------------------------------------------------------------

    def test_the_deadline_counts_from_the_act(self):
        lead = self._lead(date_request=MONDAY_NINE - timedelta(minutes=20))
        self._run(lead)
        self.assertEqual(self._call(lead).date_deadline, MONDAY_NINE + timedelta(minutes=40))
        late = self._lead(date_request=MONDAY_NINE - timedelta(days=2))
        self._run(late)
        self.assertEqual(self._call(late).date_deadline, MONDAY_NINE + timedelta(minutes=30))

    def test_a_second_call_counts_from_its_own_day(self):
        lead, call = self._at_call()
        call.complete("not_reached")
        again = self._call(lead)
        self.assertEqual(again.date_deadline, again.date_open + timedelta(hours=1))

    # -- rights, cost -----------------------------------------------------------------------------

    def test_nobody_brings_the_clock_along_as_a_default(self):
        for name, value in (
            ("speed_result", "kept"),
            ("speed_hours", 0.1),
            ("date_contact", self.clock),
            ("date_assigned", self.clock),
        ):
            with self.subTest(name), self.assertRaises(AccessError), self.env.cr.savepoint():
                self.env["crm.lead"].with_user(self.rep).with_context(**{f"default_{name}": value}).create(
                    {"name": "Quick", "team_id": self.team.id}
                )
        self.env["ir.default"].with_user(self.rep).set("crm.lead", "speed_result", "kept", user_id=True)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            self.env["crm.lead"].with_user(self.rep).create({"name": "Quick", "team_id": self.team.id})

    def test_nobody_writes_the_clock(self):
        lead, _call = self._at_call()
        for user in (self.rep, self.leader, self.env.ref("base.user_admin")):
            for vals in ({"date_request": self.clock}, {"speed_hours": 0.1}, {"speed_result": "kept"}):
                with self.assertRaises(AccessError):
                    lead.with_user(user).write(vals)
        with self.assertRaises(AccessError):
            self._lead(date_contact=self.clock)

    def test_average(self):
        for minutes in (15, 45):
            _lead, call = self._at_call(name=f"After {minutes}")
            self._later(minutes=minutes)
            call.complete("reached")
        ((average, count),) = self.env["crm.lead"]._read_group(
            [("team_id", "=", self.team.id), ("speed_result", "=", "kept")],
            [],
            ["speed_hours:avg", "__count"],
        )
        self.assertEqual((round(average, 2), count), (0.5, 2))

    def test_shown_in_batch(self):
        leads = self.env["crm.lead"].browse([self._lead(name=f"Lead {number}").id for number in range(12)])
        names = ["speed_text", "speed_grade", "speed_is_running", "speed_detail"]
        leads.with_user(self.leader).read(names)
        counts = []
        for some in (leads[:2], leads):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            some.with_user(self.leader).read(names)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0] + 1)

    def test_settled_in_batch(self):
        counts = []
        for size in (2, 12):
            leads = self.env["crm.lead"].create(
                [
                    {"name": f"{number}", "team_id": self.team.id, "contact_name": "A", "phone": "1"}
                    for number in range(size)
                ]
            )
            self.env.flush_all()
            self._later(minutes=1)
            before = self.env.cr.sql_log_count
            leads._speed_contact()
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
            self.assertEqual(set(leads.mapped("speed_result")), {"kept"})
        self.assertLessEqual(counts[1], counts[0])
