from unittest.mock import patch

from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

from .call_common import NUMBER, SANITIZED, CallCase


@tagged("post_install", "-at_install", "sales_process")
class TestCallsReported(CallCase):
    """What the telephone system reports is found, shown and logged, in whatever order it comes."""

    def test_a_whole_call(self):
        lead = self._lead(phone=NUMBER)
        self._post("ringing", number="030 1234567", extension="101", at=self._at(minutes=5))
        call = self._post("answered", extension="101", at=self._at(minutes=4))
        self.assertEqual((call.state, call.is_contact), ("answered", True))
        call = self._post(
            "ended", at=self._at(minutes=1), duration=180, recording="https://pbx.example.com/1.mp3"
        )
        self.assertEqual(
            (call.lead_id, call.user_id, call.direction, call.state, call.number_sanitized, call.duration),
            (lead, self.rep, "in", "ended", SANITIZED, 180),
        )
        self.assertEqual((call.minutes, call.recording_url), (3, "https://pbx.example.com/1.mp3"))
        self.assertEqual((call.res_model, call.res_id, call.company_id), ("crm.lead", lead.id, self.company))
        self.assertEqual(lead.call_count, 1)

    def test_repeated_and_out_of_order(self):
        lead = self._lead(phone=NUMBER)
        told = [
            {"event": "ended", "duration": 60, "at": self._at(minutes=1)},
            {"event": "ringing", "at": self._at(minutes=3)},
            {"event": "answered", "at": self._at(minutes=2)},
        ]
        for _again in range(2):
            for values in told:
                call = self._post(**values, number=NUMBER, extension="101")
        self.assertEqual(self.env["sales.call"].search_count([("external_id", "=", "c1")]), 1)
        self.assertEqual((call.state, call.duration, call.lead_id), ("ended", 60, lead))
        self.assertLess(call.date_start, call.date_answer)
        self.assertEqual(len(lead.sudo().process_event_ids.filtered(lambda event: event.text == "call")), 1)

    def test_a_repeated_event_writes_nothing(self):
        self._lead(phone=NUMBER)
        values = {"event": "ringing", "number": NUMBER, "extension": "101", "at": self._at(minutes=1)}
        call = self._post(**values)
        self.env.flush_all()
        self._popups(self.rep)
        with patch.object(type(call), "_pop_up") as popup, self.assertQueryCount(8):
            self._post(**values)
            self.env.flush_all()
        popup.assert_not_called()

    def test_two_systems_and_two_companies_count_apart(self):
        other = self.env["res.company"].create({"name": "Other company"})
        second = self.pbx.copy({"name": "Second"})
        third = self.env["sales.call.connection"].create({"name": "Third", "company_id": other.id})
        calls = [self._post("ringing", number=NUMBER, pbx=pbx) for pbx in (self.pbx, second, third)]
        self.assertEqual(len({call.id for call in calls}), 3)
        self.assertEqual(calls[2].company_id, other)
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            calls[0].copy({"external_id": "c1", "connection_id": self.pbx.id})

    def test_unknown_caller_becomes_a_lead_once(self):
        for event in ("ringing", "answered", "ended"):
            call = self._post(event, number="+33 1 42 68 53 00", extension="101", name="Zoé Martin")
        lead = call.lead_id
        self.assertEqual((lead.team_id, lead.user_id, lead.contact_name), (self.team, self.rep, "Zoé Martin"))
        self.assertEqual((lead.phone, lead.phone_sanitized), ("+33 1 42 68 53 00", "+33142685300"))
        self.assertEqual(
            (lead.process_state, lead.medium_id), ("running", self.env.ref("utm.utm_medium_phone"))
        )
        self.assertEqual(self.env["crm.lead"].search_count([("phone_sanitized", "=", "+33142685300")]), 1)
        again = self._post("ringing", "c2", number="0033142685300", extension="101")
        self.assertEqual(again.lead_id, lead)

    def test_nobody_is_made_a_lead_by_mistake(self):
        before = self.env["crm.lead"].search_count([])
        for number, call_id in (("", "1"), ("anonymous", "2"), ("103", "3"), ("sip:alice@pbx", "4")):
            call = self._post("ringing", call_id, number=number, extension="101")
            self.assertTrue(call.id)
            self.assertFalse(call.lead_id or call.partner_id)
        self._post("ringing", "5", number="+33142685300", direction="out", extension="101")
        self.pbx.team_id = False
        self._post("ringing", "6", number="+33142685300", extension="101")
        self.assertEqual(self.env["crm.lead"].search_count([]), before)

    def test_calls_between_colleagues_are_not_kept(self):
        self.assertFalse(self._post("ringing", number="102", extension="101").id)

    def test_lead_in_a_process_comes_before_a_newer_one(self):
        lead = self._lead(phone=NUMBER)
        newer = self._lead(phone=NUMBER, team_id=self.plain_team.id)
        self.assertFalse(newer.process_case_id)
        self.assertEqual(self._post("ringing", number=NUMBER).lead_id, lead)
        lead.sudo().action_set_lost()
        self.assertEqual(self._post("ringing", "c2", number=NUMBER).lead_id, newer)

    def test_contact_and_the_lead_of_their_company(self):
        company = self.env["res.partner"].create({"name": "Customer AG", "is_company": True})
        person = self.env["res.partner"].create({"name": "Paul", "phone": NUMBER, "parent_id": company.id})
        call = self._post("ringing", number=NUMBER)
        self.assertEqual((call.res_model, call.res_id, call.partner_id), ("res.partner", person.id, person))
        self.assertEqual(person.with_user(self.leader).call_count, 1)
        self.assertEqual(company.with_user(self.leader).call_count, 1)
        lead = self._lead(phone=False, partner_id=company.id)
        lead.sudo().phone = False
        self.assertEqual(self._post("ringing", "c2", number=NUMBER).lead_id, lead)

    def test_only_the_whole_number_counts(self):
        self.pbx.team_id = False
        self._lead(phone="+43 30 1234567")  # the same digits in another country
        self._lead(phone="+49 40 991234567")  # the same last digits
        for call_id, number in enumerate((NUMBER, "030 1234567", "1234567")):
            self.assertFalse(self._post("ringing", str(call_id), number=number).lead_id, number)

    def test_forms_of_one_number(self):
        lead = self._lead(phone="030/123 45 67", country_id=self.germany.id)
        for call_id, number in enumerate(
            (NUMBER, "0049 30 1234567", "030 1234567", "49301234567", "sip:+49301234567@pbx.example.com")
        ):
            self.assertEqual(self._post("ringing", str(call_id), number=number).lead_id, lead, number)

    def test_other_company_is_left_alone(self):
        other = self.env["res.company"].create({"name": "Other company"})
        team = self.env["crm.team"].create({"name": "Others", "company_id": other.id})
        theirs = self.env["crm.lead"].create(
            {"name": "Theirs", "phone": NUMBER, "company_id": other.id, "team_id": team.id, "user_id": False}
        )
        call = self._post("ringing", number=NUMBER, lead_id=theirs.id)
        self.assertNotEqual(call.lead_id, theirs)
        self.assertEqual(call.lead_id.company_id, self.company)

    def test_system_names_the_lead_it_called(self):
        lead = self._lead(phone=False)
        call = self._post("ringing", number="+33142685300", direction="out", lead_id=lead.id)
        self.assertEqual(call.lead_id, lead)

    def test_whose_call_it_is(self):
        self._lead(phone=NUMBER)
        for extension in ("101", "102"):
            call = self._post("ringing", number=NUMBER, extension=extension)
        self.assertEqual((call.user_id, call.rung_user_ids), (self.rep, self.rep | self.colleague))
        call = self._post("answered", extension="102")
        self.assertEqual(call.user_id, self.colleague)

    def test_pop_up(self):
        lead = self._lead(phone=NUMBER, name="Printers")
        self._run(lead)
        self._popups(self.rep)
        call = self._post("ringing", number=NUMBER, extension="101")
        [shown] = self._popups(self.rep)
        self.assertEqual(
            (shown["id"], shown["state"], shown["who"], shown["lead"], shown["step"]),
            (call.id, "ringing", "Клара Клиент", "Printers", "Call the customer"),
        )
        self.assertEqual(
            call.with_user(self.rep).action_open()["res_id"], self._task(lead, "call_customer").id
        )
        self._post("ringing", number=NUMBER, extension="101")
        self.assertFalse(self._popups(self.rep), "once is enough")
        self._post("answered", extension="101")
        self.assertEqual([shown["state"] for shown in self._popups(self.rep)], ["answered"])

    def test_pop_up_tells_nobody_what_they_may_not_know(self):
        self._lead(phone=NUMBER)
        call = self._post("ringing", number=NUMBER, extension="102")
        [shown] = self._popups(self.colleague)
        self.assertEqual((shown["who"], shown["lead"], shown["step"]), (SANITIZED, "", ""))
        self.assertEqual(call.with_user(self.colleague).action_open()["res_model"], "sales.call")

    def test_without_extension_the_leads_rep_sees_it(self):
        self._lead(phone=NUMBER)
        self._popups(self.rep)
        self._post("ringing", number=NUMBER)
        self.assertEqual(len(self._popups(self.rep)), 1)

    def test_outgoing_pops_up_nowhere(self):
        self._lead(phone=NUMBER)
        self._post("ringing", number=NUMBER, extension="101", direction="out")
        self.assertFalse(self._popups(self.rep))

    def test_missed_call_is_told(self):
        lead = self._lead(phone=NUMBER)
        self._post("ringing", number=NUMBER, extension="102")
        call = self._post("missed", number=NUMBER, extension="102")
        self.assertEqual((call.state, call.is_contact), ("missed", False))
        told = lead.sudo().message_ids.search(
            [("model", "=", "crm.lead"), ("res_id", "=", lead.id), ("subject", "like", "Missed call")]
        )
        self.assertEqual(told.notified_partner_ids, self.rep.partner_id)
        self._post("missed", number=NUMBER, extension="102")
        self.assertEqual(told.search_count([("id", "in", told.ids)]), 1)

    def test_one_of_a_group_misses_another_answers(self):
        self._lead(phone=NUMBER)
        self._post("ringing", number=NUMBER, extension="101")
        self._post("missed", extension="101")
        call = self._post("answered", extension="102")
        self.assertEqual((call.state, call.user_id), ("answered", self.colleague))

    def test_calls_without_an_end_are_over_after_a_day(self):
        self._lead(phone=NUMBER)
        rang = self._post("ringing", "c1", number=NUMBER, at=self._at(hours=25))
        talked = self._post("answered", "c2", number=NUMBER, at=self._at(hours=25))
        young = self._post("ringing", "c3", number=NUMBER, at=self._at(hours=23))
        self.env["sales.call"]._gc_never_ended()
        self.assertEqual((rang.state, talked.state, young.state), ("missed", "ended", "ringing"))
        self.assertEqual(self._post("ended", "c1", duration=60).state, "ended", "late is not never")

    def test_who_must_not_be_guessed(self):
        twin = new_test_user(self.env, "call_twin", groups="base.group_user,sales_process.group_user")
        twin.company_ids |= self.env["res.company"].create({"name": "Other company"})
        twin.company_id = twin.company_ids - self.company
        twin.call_extension = "101"
        self._lead(phone=NUMBER)
        self.assertEqual(self._post("ringing", number=NUMBER, extension="101").user_id, self.rep)
        self.rep.call_extension = False
        self.assertEqual(self._post("ringing", "c2", number=NUMBER, extension="101").user_id, twin)


@tagged("post_install", "-at_install", "sales_process")
class TestCallCost(CallCase):
    """What is asked for many at once does not grow with their number."""

    def test_counts_on_lists(self):
        leads = self.env["crm.lead"].browse([self._lead(name=f"Lead {number}").id for number in range(8)])
        for number, lead in enumerate(leads):
            self._post("ringing", str(number), lead_id=lead.id)
        leads.read(["call_count", "call_can_originate"])
        few = self._statements(
            lambda: leads[:2].with_user(self.leader).read(["call_count", "call_can_originate"])
        )
        many = self._statements(
            lambda: leads.with_user(self.leader).read(["call_count", "call_can_originate"])
        )
        self.assertLessEqual(many, few + 1)

    def test_form_of_a_task(self):
        _lead, task = self._at_call(phone=NUMBER)
        self._post("ringing", "c0", number=NUMBER, extension="101")
        task.get_form()
        one = self._statements(task._form_calls)
        for number in range(9):
            self._post("ringing", f"d{number}", number=NUMBER, extension="101")
        self.assertLessEqual(self._statements(task._form_calls), one + 1)

    def test_event_of_a_known_caller(self):
        lead = self._lead(phone=NUMBER)
        self._run(lead)
        self._post("ringing", "c0", number=NUMBER, extension="101")
        cost = self._statements(lambda: self._post("ringing", "c2", number=NUMBER, extension="101"))
        self.assertLess(cost, 60)
        for _more in range(6):
            self._lead(phone=NUMBER)
        again = self._statements(lambda: self._post("ringing", "c3", number=NUMBER, extension="101"))
        self.assertLessEqual(again, cost + 3)
