from datetime import datetime, timedelta
from unittest.mock import patch

import requests
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

from .common import ProcessCase

NUMBER = "+49 30 1234567"
SANITIZED = "+49301234567"


class CallCase(ProcessCase):
    """A company with a telephone system, whose reps have an extension each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.germany = cls.env.ref("base.de")
        cls.company.country_id = cls.env.ref("base.be")
        cls.owner = new_test_user(cls.env, "call_owner", groups="sales_process.group_owner")
        cls.rep.call_extension, cls.colleague.call_extension = "101", "102"
        cls.pbx = cls.env["sales.call.connection"].create(
            {
                "name": "Switchboard",
                "company_id": cls.company.id,
                "team_id": cls.team.id,
                "country_id": cls.germany.id,
            }
        )

    def _post(self, event, call_id="c1", pbx=None, **values):
        """An event of the telephone system, as the controller passes it on."""
        call = (pbx or self.pbx)._take({"event": event, "call_id": call_id, **values})
        return call.sudo()

    def _at(self, **ago):
        return (datetime.now() - timedelta(**ago)).isoformat(timespec="seconds")

    def _popups(self, user):
        """What was sent to a user's screen since the last look."""
        self.env.cr.precommit.run()
        bus = self.env["bus.bus"].sudo()
        rows = bus.search(
            [
                ("message", "like", "sales_process.call"),
                ("channel", "like", f'"res.partner",{user.partner_id.id}]'),
            ]
        )
        import json

        found = [json.loads(row.message)["payload"] for row in rows.sorted("id")]
        rows.unlink()
        return found


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
class TestCallRights(CallCase):
    """What was reported is nobody's to rewrite; who must not see does not."""

    def setUp(self):
        super().setUp()
        self.lead = self._lead(phone=NUMBER)
        self.call = self._post("ended", number=NUMBER, extension="101", duration=60)

    def test_who_sees(self):
        Calls = self.env["sales.call"]
        for user, sees in (
            (self.rep, True),
            (self.leader, True),
            (self.owner, True),
            (self.colleague, False),
        ):
            found = Calls.with_user(user).search([("id", "=", self.call.id)])
            self.assertEqual(bool(found), sees, user.login)
        with self.assertRaises(AccessError):
            self.call.with_user(self.colleague).read(["number"])
        for groups in ("base.group_portal", "base.group_user"):
            user = new_test_user(self.env, f"call_{groups}", groups=groups)
            with self.assertRaises(AccessError):
                Calls.with_user(user).search([])

    def test_other_company(self):
        other = self.env["res.company"].create({"name": "Other company"})
        foreigner = new_test_user(
            self.env,
            "call_foreigner",
            groups="sales_process.group_owner",
            company_id=other.id,
            company_ids=[(6, 0, other.ids)],
        )
        for model in ("sales.call", "sales.call.connection"):
            self.assertFalse(self.env[model].with_user(foreigner).search([]), model)

    def test_own_words_only(self):
        call = self.call.with_user(self.rep)
        call.write({"note": "Wants black ones", "result": "reached"})
        for vals in (
            {"number": "+33142685300"},
            {"duration": 1},
            {"minutes": 1},
            {"date_start": "2020-01-01"},
            {"state": "missed"},
            {"direction": "out"},
            {"recording_url": "https://x.example.com"},
            {"external_id": "x"},
            {"user_id": self.colleague.id},
            {"is_contact": False},
            {"res_id": self.lead.id, "res_model": "crm.lead"},
            {"task_id": False},
            {"company_id": self.company.id},
            {"note": "x", "duration": 3},
        ):
            for user in (self.rep, self.leader, self.owner):
                with self.assertRaises(AccessError, msg=vals), self.env.cr.savepoint():
                    self.call.with_user(user).write(vals)
        with self.assertRaises(AccessError):
            call.unlink()
        self.assertEqual(call.note, "Wants black ones")

    def test_others_words(self):
        with self.assertRaises(AccessError):
            self.call.with_user(self.colleague).write({"note": "x"})
        self.call.with_user(self.leader).write({"note": "Seen"})
        # a call that somebody else had with one's own customer is read, not described
        theirs = self._post("ended", "c2", number=NUMBER, extension="102", duration=60)
        self.assertEqual(theirs.with_user(self.rep).user_id, self.colleague)
        with self.assertRaises(AccessError):
            theirs.with_user(self.rep).write({"note": "x"})

    def test_written_down_by_hand(self):
        Calls = self.env["sales.call"].with_user(self.rep)
        values = {"res_model": "crm.lead", "res_id": self.lead.id}
        call = Calls.create({**values, "minutes": 3, "note": "From my mobile"})
        self.assertEqual(
            (call.user_id, call.lead_id, call.duration, call.number, call.state),
            (self.rep, self.lead, 180, NUMBER, "ended"),
        )
        call.write({"minutes": 4, "number": "+33142685300"})
        for forged in (
            {"external_id": "x"},
            {"connection_id": self.pbx.id},
            {"state": "answered"},
            {"is_contact": True},
            {"recording_url": "javascript:alert(1)"},
            {"user_id": self.colleague.id},
        ):
            with self.assertRaises(AccessError, msg=forged), self.env.cr.savepoint():
                Calls.create({**values, **forged})

    def test_written_down_for_a_record_one_may_see(self):
        Calls = self.env["sales.call"].with_user(self.colleague)
        with self.assertRaises(AccessError):
            Calls.create({"res_model": "crm.lead", "res_id": self.lead.id})
        for res_model, res_id in (
            ("crm.lead", 0),
            ("crm.lead", 2**31 - 1),
            ("no.such.model", 1),
            ("sales.call.address", 1),
            ("crm.lead", "1"),
            (False, 1),
        ):
            with self.assertRaises(UserError):
                Calls.create({"res_model": res_model, "res_id": res_id})

    def _with_defaults(self, user, **defaults):
        context = {f"default_{name}": value for name, value in defaults.items()}
        return self.env["sales.call"].with_user(user).with_context(**context)

    def test_default_record_is_checked_like_one_that_is_given(self):
        other = self.env["res.company"].create({"name": "Other company"})
        foreign = self.env["crm.lead"].create({"name": "Secret", "company_id": other.id})
        mine = self._lead(phone="+49 30 7654321").sudo()
        self.assertFalse(mine.date_contact)
        for lead in (mine, foreign):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                self._with_defaults(self.colleague, res_model="crm.lead", res_id=lead.id).create(
                    {"result": "reached"}
                )
        self.assertFalse(mine.date_contact, "the clock of a lead that the colleague cannot see goes on")
        lead_default = self.env["ir.default"].with_user(self.colleague)
        lead_default.set("sales.call", "res_model", "crm.lead", user_id=True)
        lead_default.set("sales.call", "res_id", mine.id, user_id=True)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            self.env["sales.call"].with_user(self.colleague).create({"result": "reached"})

    def test_defaults_do_not_speak_for_the_telephone_system(self):
        _lead, task = self._at_call()
        forged = {
            "task_id": task.id,
            "external_id": "x",
            "connection_id": self.pbx.id,
            "recording_url": "javascript:alert(1)",
            "state": "answered",
            "is_contact": True,
            "duration": 900,
        }
        for name in ("external_id", "recording_url"):
            self.env["ir.default"].with_user(self.rep).set("sales.call", name, forged[name], user_id=True)
        call = self._with_defaults(self.rep, **forged).create({"number": NUMBER}).sudo()
        self.assertFalse(call.task_id or call.external_id or call.connection_id or call.recording_url)
        self.assertEqual((call.state, call.is_contact, call.duration), ("ended", False, 0))

    def test_new_call_from_the_leads_own_list(self):
        """The button on the lead names it by defaults: they count, after the same check."""
        lead = self._lead(phone="+49 30 7654321")
        context = lead.action_view_calls()["context"]
        Calls = self.env["sales.call"].with_context(**context)
        call = Calls.with_user(self.rep).create({"result": "reached", "minutes": 2})
        self.assertEqual((call.lead_id, call.number, call.duration), (lead, "+49 30 7654321", 120))
        self.assertTrue(lead.sudo().date_contact)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            Calls.with_user(self.colleague).create({"result": "reached"})

    def test_recording_is_a_web_address(self):
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.call.recording_url = "javascript:alert(1)"
        self.call.recording_url = "HTTPS://pbx.example.com/1.mp3"
        self.assertEqual(self.call.action_open_recording()["url"], "HTTPS://pbx.example.com/1.mp3")
        self.env.flush_all()
        self.env.cr.execute(  # as it may stand in a database from before
            "UPDATE sales_call SET recording_url = 'javascript:alert(1)' WHERE id = %s", [self.call.id]
        )
        self.env.invalidate_all()
        self._run(self.lead)
        task = self._task(self.lead, "call_customer")
        self.assertEqual([row["recording"] for row in task.get_form()["calls"]], [""])
        with self.assertRaises(UserError):
            self.call.action_open_recording()

    def test_logged_by_hand_is_a_sign_of_life(self):
        self.env["sales.call"].with_user(self.rep).create(
            {"res_model": "crm.lead", "res_id": self.lead.id, "result": "reached"}
        )
        self.assertIn(
            "call", self.lead.sudo().process_event_ids.filtered(lambda e: e.kind == "signal").mapped("text")
        )

    def test_connection_is_the_owners(self):
        for user in (self.rep, self.leader):
            with self.assertRaises(AccessError):
                self.pbx.with_user(user).read(["name"])
            with self.assertRaises(AccessError):
                self.pbx.with_user(user).write({"originate_url": "https://169.254.169.254/"})
            with self.assertRaises(AccessError):
                self.pbx.with_user(user).action_new_address()
            with self.assertRaises(AccessError):
                self.pbx.with_user(user).action_revoke_address()
        self.pbx.with_user(self.owner).write({"originate_url": "https://pbx.example.com/call"})
        with self.assertRaises(AccessError):
            self.pbx.with_user(self.owner).read(["token_hash"])

    def test_private_methods_stay_private(self):
        from odoo.service.model import get_public_method

        for model, name in (
            ("sales.call", "_take"),
            ("sales.call.connection", "_take"),
            ("sales.call.connection", "_find"),
            ("sales.call.connection", "_ask_to_call"),
        ):
            with self.assertRaises(AccessError):
                get_public_method(self.env[model], name)

    def test_extension(self):
        self.rep.with_user(self.rep).call_extension = "110"
        with self.assertRaises(ValidationError):
            self.rep.with_user(self.rep).call_extension = "1 10"
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            self.colleague.call_extension = "110"
            self.env.flush_all()
        self.rep.action_archive()
        self.colleague.call_extension = "110"

    def test_extension_is_in_the_house(self):
        for number in ("+4930123456", "1234567", "0900123456"):
            with self.subTest(number), self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.rep.with_user(self.rep).call_extension = number
        self.rep.with_user(self.rep).call_extension = "123456"
        self.leader.with_user(self.leader).call_extension = "+4930123456"
        self.rep.with_user(self.env.ref("base.user_admin")).call_extension = "+4930123457"

    def test_address(self):
        action = self.pbx.with_user(self.owner).action_new_address()
        token = action["context"]["default_url"].rpartition("/")[2]
        self.assertEqual(self.env["sales.call.connection"]._find(token), self.pbx)
        self.assertNotIn(token, str(self.pbx.sudo().read()))
        shown = self.env["sales.call.address"].with_user(self.owner).create({"url": "x"})
        self.assertFalse(self.env["sales.call.address"]._fields["url"].store and shown)
        renewed = self.pbx.with_user(self.owner).action_new_address()["context"]["default_url"]
        self.assertFalse(self.env["sales.call.connection"]._find(token), "the old one is void")
        self.pbx.with_user(self.owner).action_revoke_address()
        self.assertFalse(self.env["sales.call.connection"]._find(renewed.rpartition("/")[2]))
        for wrong in ("", "x" * 200, None, "%"):
            self.assertFalse(self.env["sales.call.connection"]._find(wrong))

    def test_archived_system_does_not_listen(self):
        token = self.pbx.action_new_address()["context"]["default_url"].rpartition("/")[2]
        self.pbx.action_archive()
        self.assertFalse(self.env["sales.call.connection"]._find(token))


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
