from datetime import datetime, timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import ProcessCase


@tagged("post_install", "-at_install", "sales_process")
class TestHostileActivities(ProcessCase):
    """Activities are no back door to tasks, and people who leave take none along."""

    def test_forged_activity_takes_no_task(self):
        _lead, call = self._at_call(company_id=self.company.id)
        mine = self.env["crm.lead"].create({"name": "Carl's", "user_id": self.colleague.id})
        with self.assertRaises(UserError):
            self.env["mail.activity"].with_user(self.colleague).with_context(
                default_process_task_id=call.id
            ).create(
                {
                    "res_model_id": self.env["ir.model"]._get_id("crm.lead"),
                    "res_id": mine.id,
                }
            )

    def test_activity_of_an_open_task_stays_where_it_is(self):
        _lead, call = self._at_call()
        other = self._lead()
        activity = call.activity_id.with_user(self.rep)
        portal = new_test_user(self.env, "process_portal_user", groups="base.group_portal")
        for vals in (
            {"active": False},
            {"res_id": other.id},
            {"user_id": False},
            {"user_id": portal.id},
            {"res_model": "res.partner"},
            {"res_model_id": self.env["ir.model"]._get_id("res.partner"), "res_id": self.rep.partner_id.id},
        ):
            with self.subTest(vals=vals), self.assertRaises(UserError), self.env.cr.savepoint():
                activity.write(vals)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            activity.action_archive()
        activity.write({"summary": "Call her mobile", "date_deadline": fields.Date.today()})

    def test_rep_does_not_take_the_leaders_task(self):
        _lead, call = self._at_call()
        call.with_user(self.leader).action_reassign(self.leader.id)
        with self.assertRaises(AccessError):
            call.sudo().activity_id.with_user(self.rep).user_id = self.rep
        self.assertEqual(call.sudo().user_id, self.leader)

    def test_user_archived_by_writing(self):
        self.rep.process_substitute_id = self.colleague
        _lead, call = self._at_call()
        self.rep.sudo().write({"active": False})
        call = call.sudo()
        self.assertEqual((call.user_id, call.activity_id.user_id), (self.colleague, self.colleague))
        self.assertTrue(call.activity_id.active)

    def test_user_deleted(self):
        gone = new_test_user(self.env, "process_gone", groups="sales_team.group_sale_salesman")
        _lead, call = self._at_call()
        call.with_user(self.leader).action_reassign(gone.id)
        gone.sudo().unlink()
        self.env.invalidate_all()
        call = call.sudo()
        self.assertEqual(call.user_id, self.leader)
        self.assertEqual(
            call.activity_id.user_id, self.leader, "a task without an activity is on nobody's list"
        )

    def test_merging_moves_the_activity(self):
        keeper = self.env["crm.lead"].create(
            {"name": "Plain", "team_id": self.plain_team.id, "user_id": self.rep.id}
        )
        lead, call = self._at_call()
        winner = (keeper | lead).with_user(self.rep).merge_opportunity()
        self.assertEqual(winner.process_state, "running")
        self.assertEqual(call.sudo().activity_id.res_id, winner.id)


@tagged("post_install", "-at_install", "sales_process")
class TestHostileCompleting(ProcessCase):
    """Answers nobody expects, and people who act for others."""

    def test_leader_refuses_a_proposal(self):
        lead, make = self._at_proposal()
        make.complete("made")
        self._run(lead)
        approve = self._task(lead, "approve_proposal").with_user(self.leader)
        approve.complete("refused", comment="too cheap")
        self.assertEqual(approve.state, "done")
        self.assertFalse(lead.lost_reason_id, "a proposal sent back is no lost deal")
        self._task(lead, "make_proposal")

    def test_odd_values_are_named(self):
        lead, call = self._at_call()
        for args in (
            ("reached", "x"),
            ("reached", [1]),
            ("call_back", {"date": "9999-12-31 00:00:00"}),
            ("call_back", {"date": True}),
            ("reached", {"duration": float("inf")}),
            ("reached", {"duration": 1e9}),
            ("refused", {"lost_reason_id": "x"}),
            ("refused", {"lost_reason_id": [1]}),
            ("reached", None, 5),
        ):
            with self.subTest(args=args), self.assertRaises(UserError), self.env.cr.savepoint():
                call.complete(*args)
        call.with_user(self.leader).action_start_from("plan_meeting")
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._task(lead, "plan_meeting").complete(
                "planned",
                {
                    "start": fields.Datetime.to_string(fields.Datetime.now() + timedelta(days=1)),
                    "duration": "long",
                },
            )

    def test_no_order_is_said_in_words(self):
        lead, _call = self._at_call()
        for step, outcome in (
            ("request_information", "requested"),
            ("collect_documents", "complete"),
            ("sign_contract", "signed"),
        ):
            with self.subTest(step=step):
                lead.sudo().process_open_task_ids.with_user(self.leader).action_start_from(step)
                with self.assertRaises(UserError) as caught, self.env.cr.savepoint():
                    self._task(lead, step).with_user(self.leader).complete(outcome)
                self.assertIn("make the proposal first", str(caught.exception))
        lead.sudo().process_open_task_ids.with_user(self.leader).action_start_from("send_proposal")
        lead.with_user(self.env.ref("base.user_root")).process_run_queued()
        self.assertIn("make the proposal first", lead.sudo().process_open_task_ids.error)

    def test_rep_merges_a_duplicate(self):
        kept, _call = self._at_call()
        lead = self._lead(contact_name=False, phone=False, email_from=False)
        self._task(lead, "complete_lead").complete("duplicate", {"merge_lead_id": kept.id})
        self.assertFalse(lead.exists())
        self.assertEqual(kept.process_state, "running")

    def test_rep_merges_into_nobody_elses(self):
        theirs = self.env["crm.lead"].create(
            {"name": "Carl's", "team_id": self.team.id, "user_id": self.colleague.id}
        )
        lead = self._lead(contact_name=False, phone=False, email_from=False)
        for other in (theirs.id, 99999999, lead.id, "x"):
            with self.subTest(other=other), self.assertRaises(UserError), self.env.cr.savepoint():
                self._task(lead, "complete_lead").complete("duplicate", {"merge_lead_id": other})
        self.assertTrue(lead.exists())

    def test_merged_lead_leaves_nothing_behind(self):
        """Orders without their lead would be free of its process, and of whoever must approve."""
        kept, _call = self._at_call()
        lead = self._lead(contact_name=False, phone=False, email_from=False)
        partner = self.env["res.partner"].create({"name": "Customer"})
        values = {"partner_id": partner.id, "opportunity_id": lead.id, "company_id": self.company.id}
        orders = self.env["sale.order"].create(
            [
                {**values, "user_id": self.rep.id},
                {**values, "user_id": self.colleague.id},  # which the rep does not see
            ]
        )
        orders[0].action_cancel()
        meetings = self.env["calendar.event"].create(
            [
                {
                    "name": "Meeting",
                    "opportunity_id": lead.id,
                    "active": active,
                    "privacy": "private",
                    "user_id": self.colleague.id,
                    "start": "2030-01-01 10:00:00",
                    "stop": "2030-01-01 11:00:00",
                }
                for active in (True, False)
            ]
        )
        done = lead.sudo().activity_schedule("mail.mail_activity_data_todo", user_id=self.colleague.id)
        done.action_feedback()
        file = self.env["ir.attachment"].create({"name": "a", "res_model": "crm.lead", "res_id": lead.id})
        self.env.flush_all()
        self.env.invalidate_all()
        self._task(lead, "complete_lead").complete("duplicate", {"merge_lead_id": kept.id})
        self.assertFalse(lead.exists())
        kept = kept.sudo()
        self.assertEqual(orders.opportunity_id, kept)
        self.assertEqual(meetings.opportunity_id, kept)
        self.assertEqual((done.exists().res_id, file.res_id), (kept.id, kept.id))
        for order in orders:
            self.assertTrue(order._is_process_order(), "it is still approved as orders of a process are")

    def test_form_shows_no_duplicates_of_others(self):
        self.env["crm.lead"].create(
            {
                "name": "Carl's",
                "team_id": self.team.id,
                "user_id": self.colleague.id,
                "email_from": "clara@customer.example.org",
            }
        )
        mine = self._lead(name="Rita's")
        task = self._task(self._lead(contact_name=False, phone=False), "complete_lead")
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual([row["id"] for row in task.get_form()["duplicates"]], [mine.id])

    def test_merged_into_a_lead_without_a_case(self):
        kept = (
            self.env["crm.lead"]
            .with_context(sales_process_no_start=True)
            .create(
                {
                    "name": "Kept",
                    "team_id": self.team.id,
                    "user_id": self.rep.id,
                }
            )
        )
        lead = self._lead(contact_name=False, phone=False, email_from=False)
        self._task(lead, "complete_lead").complete("duplicate", {"merge_lead_id": kept.id})
        self.assertEqual(kept.process_state, "running", "the chosen lead goes on")


@tagged("post_install", "-at_install", "sales_process")
class TestHostilePause(ProcessCase):
    """Paused means: no timers, no letters, no automatic steps; and nothing is late for having been paused."""

    def test_what_opens_during_a_pause_waits(self):
        lead, call = self._at_call()
        lead.with_user(self.rep).process_pause("on holiday")
        call.complete("not_reached")
        timers = self._task(lead, "call_customer").sudo().timer_ids
        self.assertEqual(set(timers.mapped("state")), {"paused"})
        lead.with_user(self.rep).process_resume()
        self.assertEqual(set(timers.mapped("state")), {"pending"})

    def test_automatic_step_of_a_paused_case_waits(self):
        lead = self._lead(contact_name=False, phone=False, email_from=False)
        lead.with_user(self.rep).process_pause("on holiday")
        self._task(lead, "complete_lead").complete("done", {"contact_name": "A", "email_from": "a@z.example"})
        lead.with_user(self.rep).process_run_queued()
        self.assertEqual(lead.process_step_id.code, "welcome_mail")
        lead.with_user(self.rep).process_resume()
        self._run(lead)
        self._task(lead, "call_customer")

    def _paused_for(self, lead, days):
        lead.with_user(self.rep).process_pause("on holiday")
        lead.sudo().process_case_id.date_paused = fields.Datetime.now() - timedelta(days=days)

    def test_what_opened_during_a_pause_is_put_off_by_its_own_part(self):
        lead, call = self._at_call()
        self._paused_for(lead, 30)
        call.complete("not_reached")
        task = self._task(lead, "call_customer").sudo()
        before = task.date_deadline
        lead.with_user(self.rep).process_resume()
        self.assertAlmostEqual(task.date_deadline, before, delta=timedelta(minutes=1))

    def test_changed_hours_do_not_undo_a_pause(self):
        lead, call = self._at_call()
        call = call.sudo()
        call.date_open -= timedelta(days=14)
        call._reschedule()
        self._paused_for(lead, 14)
        lead.with_user(self.rep).process_resume()
        call._reschedule()
        self.assertGreater(call.date_deadline, fields.Datetime.now())
        self.assertGreater(
            min(call.timer_ids.mapped("date_due")), fields.Datetime.now() - timedelta(minutes=1)
        )

    def test_letters_are_put_off_too(self):
        lead, call = self._at_call()
        call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.code == "missed_call")._fire()
        letter = lead.sudo().process_message_ids.filtered(lambda message: message.key == "missed_call")
        before = letter.date_due
        call.sudo().date_open -= timedelta(days=14)
        self._paused_for(lead, 14)
        lead.with_user(self.rep).process_resume()
        self.assertAlmostEqual(letter.date_due, before + timedelta(days=14), delta=timedelta(minutes=1))

    def test_restored_by_somebody_of_another_language(self):
        self.env["res.lang"]._activate_lang("ru_RU")
        lead, _call = self._at_call()
        lead.probability = 30  # archived with none it would be lost
        lead.action_archive()
        self.assertEqual(lead.process_state, "paused")
        lead.sudo().process_case_id.pause_reason = "лид в архиве"
        lead.with_context(lang="ru_RU").action_unarchive()
        self.assertEqual(lead.process_state, "running")

    def test_paused_by_a_person_stays_paused(self):
        lead, _call = self._at_call()
        lead.probability = 30
        lead.with_user(self.rep).process_pause("on holiday")
        lead.action_archive()
        lead.action_unarchive()
        self.assertEqual(lead.process_state, "paused")


@tagged("post_install", "-at_install", "sales_process")
class TestHostileRoads(ProcessCase):
    """Roads into a phase, and out of a team."""

    def _gate(self, phase_code="proposal", field="expected_revenue"):
        draft = self.env["sales.process"].browse(self.process.action_new_version()["res_id"])
        phase = draft.phase_ids.filtered(lambda phase: phase.code == phase_code)
        self.env["sales.process.gate"].create(
            {
                "process_id": draft.id,
                "phase_id": phase.id,
                "name": "Gate",
                "kind": "fields",
                "field_ids": [(6, 0, [self.env.ref(f"crm.field_crm_lead__{field}").id])],
            }
        )
        draft.action_activate()
        return phase

    def test_gate_holds_at_creation(self):
        stage = self._gate()._stage_for(self.team)
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self._lead(stage_id=stage.id)
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.env["crm.lead"].with_user(self.rep).with_context(import_file=True).create(
                {
                    "name": "x",
                    "team_id": self.team.id,
                    "user_id": self.rep.id,
                    "stage_id": stage.id,
                }
            )
        self._task(self._lead(stage_id=stage.id, expected_revenue=5), "make_proposal")
        imported = (
            self.env["crm.lead"]
            .with_user(self.leader)
            .with_context(import_file=True)
            .create(
                {
                    "name": "x",
                    "team_id": self.team.id,
                    "stage_id": stage.id,
                }
            )
        )
        self._task(imported, "make_proposal")

    def test_gate_holds_at_starting_from_a_step(self):
        self._gate()
        lead = (
            self.env["crm.lead"]
            .with_context(sales_process_no_start=True)
            .create(
                {
                    "name": "x",
                    "team_id": self.team.id,
                    "user_id": self.rep.id,
                }
            )
        )
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            lead.with_user(self.rep).action_process_start("make_contract")
        lead.with_user(self.rep).action_process_start("call_customer")
        self._task(lead, "call_customer")

    def test_gate_holds_at_winning_by_hand(self):
        self._gate()
        lead, _call = self._at_call()
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            lead.with_user(self.rep).action_set_won()
        won = self.env["crm.stage"].search([("is_won", "=", True), ("team_ids", "=", False)], limit=1)
        self.assertEqual(lead.process_missing(won.id)[0]["fields"], ["expected_revenue"])
        lead.with_user(self.leader).process_move(won.id, "he pays in cash")
        self.assertEqual(lead.process_state, "won")
        other, _call = self._at_call(email_from="o@o.example", expected_revenue=5)
        other.with_user(self.rep).action_set_won()
        self.assertEqual(other.process_state, "won")

    def test_gate_does_not_turn_the_customer_away(self):
        self._gate("contract", "website")
        lead, call = self._at_call()
        lead._process_signal("proposal_accepted")
        self.assertEqual(lead.process_step_id.code, "call_customer")
        self.assertIn("Website", call.sudo().error, "the error desk hears of it, not the customer")

    def test_ended_leads_are_not_started(self):
        for act in ("action_set_lost", "action_set_won", "action_archive"):
            lead = (
                self.env["crm.lead"]
                .with_context(sales_process_no_start=True)
                .create(
                    {
                        "name": act,
                        "team_id": self.team.id,
                        "type": "opportunity",
                        "probability": 20,
                    }
                )
            )
            getattr(lead, act)()
            with self.subTest(act=act), self.assertRaises(UserError):
                lead.action_process_start()

    def test_another_team_goes_on_in_the_same_phase(self):
        team = self.env["crm.team"].create({"name": "Second team", "company_id": self.company.id})
        self.process.team_ids = [(4, team.id)]
        lead, make = self._at_proposal()
        phase = lead.sudo().process_case_id.phase_id
        lead.sudo().team_id = team
        self.assertEqual(make.sudo().state, "open", "a lead that changes its team does not begin anew")
        self.assertEqual(lead.stage_id, phase._stage_for(team))

    def test_team_that_comes_with_the_rep_starts_the_process(self):
        lead = self.env["crm.lead"].create({"name": "No team", "user_id": False, "team_id": False})
        self.assertEqual(lead.process_state, "none")
        lead.user_id = self.rep
        self.assertEqual(lead.team_id, self.team)
        self.assertEqual(lead.process_state, "running")

    def test_same_team_written_again_enrols_nothing(self):
        old = self.env["crm.lead"].create({"name": "Old", "team_id": self.plain_team.id})
        self.process.team_ids = [(4, self.plain_team.id)]
        old.write({"team_id": self.plain_team.id, "user_id": self.colleague.id})
        self.assertEqual(old.process_state, "none")

    def test_customer_who_returns_is_called(self):
        lead, _make = self._at_proposal()
        lead.sudo().process_refuse(self.env.ref("sales_process.lost_reason_not_a_fit").id)
        lead.sudo().process_return_date = fields.Date.today()
        with self.enter_registry_test_mode():
            self.env.ref("sales_process.ir_cron_sales_process_return").method_direct_trigger()
        self.assertEqual(lead.process_step_id.code, "call_customer")

    def test_one_bad_return_stops_only_itself(self):
        leads = self.env["crm.lead"]
        for number in range(3):
            lead, _call = self._at_call(email_from=f"r{number}@r{number}.example")
            lead.sudo().process_refuse(self.env.ref("sales_process.lost_reason_not_a_fit").id)
            leads |= lead.sudo()
        leads.process_return_date = fields.Date.today()
        bad, original = leads[1], type(leads).action_unarchive

        def fails_for_one(records):
            if bad in records:
                raise UserError("a rule of the company")  # pylint: disable=translation-required
            return original(records)

        with patch.object(type(leads), "action_unarchive", fails_for_one), self.enter_registry_test_mode():
            self.env.ref("sales_process.ir_cron_sales_process_return").method_direct_trigger()
        self.assertEqual(leads.mapped("process_state"), ["running", "lost", "running"])
        self.assertFalse(bad.process_return_date, "it is not tried again every day")
        told = self.process.activity_ids.filtered(lambda activity: bad.display_name in activity.summary)
        self.assertEqual(len(told), 1, "the owner of the process hears of it")
        self.assertIn("a rule of the company", bad.process_event_ids.mapped("text"))

    def test_restored_lead_does_not_return_again(self):
        lead, _call = self._at_call()
        lead.sudo().process_refuse(self.env.ref("sales_process.lost_reason_not_a_fit").id)
        lead.sudo().process_return_date = fields.Date.today() + timedelta(days=5)
        lead.sudo().action_unarchive()
        self.assertFalse(lead.process_return_date)


@tagged("post_install", "-at_install", "sales_process")
class TestHostileSubstitute(ProcessCase):
    """Whoever is given a task can do it, and sees the lead as long as it is theirs."""

    def test_substitute_does_the_work(self):
        lead, call = self._at_call()
        call.complete("reached")
        result = self._task(lead, "contact_result")
        result.with_user(self.leader).action_reassign(self.colleague.id)
        task = result.with_user(self.colleague)
        self.env.invalidate_all()
        self.assertEqual(task.get_form()["parts"][0]["res_id"], lead.id)
        lead.with_user(self.colleague).read(["name", "process_step_now"])
        task.complete(
            "interested", {"description": "x", "expected_revenue": 5, "date_deadline": fields.Date.today()}
        )
        self.env.invalidate_all()
        with self.assertRaises(AccessError):
            lead.with_user(self.colleague).read(["name"])
        self._run(lead)
        make = self._task(lead, "make_proposal")
        make.with_user(self.leader).action_reassign(self.colleague.id)
        make.with_user(self.colleague).complete("made")
        self.assertEqual(make.sudo().state, "done")
        self.assertEqual(lead.sudo().order_ids.user_id, self.rep)


@tagged("post_install", "-at_install", "sales_process")
class TestHostileRunner(ProcessCase):
    """Letters, timers and the runner when something is broken, locked, or changed meanwhile."""

    def _letter(self, **vals):
        lead, call = self._at_call(**vals)
        call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.code == "missed_call")._fire()
        return lead, lead.sudo().process_message_ids.filtered(lambda message: message.key == "missed_call")

    def test_failed_letter_can_be_sent_again(self):
        _lead, letter = self._letter()
        letter._fail("broken template")
        self.assertEqual(letter.task_id.error, "broken template")
        letter.with_user(self.rep).action_send_now()
        self.assertEqual(letter.state, "sent")

    def test_failed_letter_can_be_dropped(self):
        _lead, letter = self._letter()
        letter._fail("broken template")
        letter.with_user(self.rep).action_drop()
        self.assertEqual(letter.state, "withdrawn")

    def test_changed_address_is_looked_up_before_sending(self):
        lead, letter = self._letter()
        self.env["mail.blacklist"].sudo()._add("other@elsewhere.example")
        lead.sudo().email_from = "other@elsewhere.example"
        letter.with_user(self.rep).action_send_now()
        self.assertEqual((letter.state, letter.email_to), ("blocked", "other@elsewhere.example"))

    def test_second_courtesy_letter_of_another_worker_is_put_off(self):
        """Another worker's letter of today is not in this one's snapshot: the index stops the second."""
        self.env["ir.config_parameter"].set_param("sales_process.quiet_from", 0)
        self.env["ir.config_parameter"].set_param("sales_process.quiet_to", 0)
        _lead, first = self._letter()
        _lead, second = self._letter()
        (first | second).date_due = fields.Datetime.now() - timedelta(minutes=1)
        first._send()
        self.assertEqual(first.state, "sent")
        with (
            patch.object(type(second), "_written_today", lambda messages: set()),
            self.enter_registry_test_mode(),
            mute_logger("odoo.sql_db", "odoo.addons.sales_process.models.sales_process_task_runner"),
        ):
            self.env.ref("sales_process.ir_cron_sales_process_letters").method_direct_trigger()
        self.assertEqual(second.state, "planned")
        self.assertGreater(second.date_due, fields.Datetime.now())
        self.assertFalse(second.task_id.error)

    def test_two_letters_of_one_template_to_one_lead(self):
        _lead, first = self._letter()
        second = first.copy({"key": "again", "date_due": first.date_due})
        both = first | second
        both.write({"mail_class": "expected", "date_due": fields.Datetime.now()})
        both._send()
        self.assertEqual(both.mapped("state"), ["sent", "sent"])
        self.assertEqual(len(both.mail_message_id), 2, "what is marked as sent was sent")

    def test_failed_rung_can_be_tried_again(self):
        _lead, call = self._at_call()
        timer = call.sudo().timer_ids[:1]
        timer._fail("broken")
        self.assertTrue(self.process._warnings())
        call.with_user(self.leader).action_retry()
        self.assertEqual(timer.state, "pending")
        self.assertEqual((call.state, call.sudo().error), ("open", False))

    def test_warning_stays_while_a_rung_is_broken(self):
        _lead, call = self._at_call()
        call.sudo().timer_ids[:1]._fail("broken")
        _lead, other = self._at_call(email_from="w@w.example")
        other.complete("reached")
        self.assertTrue(self.process._warnings(), "a success elsewhere mends nothing here")

    def test_locked_steps_do_not_hold_up_others(self):
        """Another worker has the first step's tasks in hand: this one takes the next step's."""
        Task = self.env["sales.process.task"]
        first, second = self._lead(), self._lead(email_from=False)
        task = second.sudo().process_open_task_ids
        task.with_user(self.leader).action_start_from("notify_team")
        first.sudo().process_open_task_ids.date_open -= timedelta(hours=1)
        locked, original = first.sudo().process_open_task_ids, type(Task).try_lock_for_update

        def other_workers(records, **kwargs):
            return original(records, **kwargs) - locked

        with patch.object(type(Task), "try_lock_for_update", other_workers):
            claimed = Task._claim_queued()
        self.assertEqual(claimed.step_id.code, "notify_team")

    def test_company_name_is_no_pattern(self):
        self.env["res.partner"].create({"name": "Wrong Inc", "is_company": True})
        self.assertFalse(self._lead(partner_name="%").sudo()._process_find_company())
        self.assertFalse(self._lead(partner_name="W____ Inc").sudo()._process_find_company())

    def test_team_gets_processes_from_owners_only(self):
        manager = new_test_user(self.env, "process_manager", groups="sales_team.group_sale_manager")
        with self.assertRaises(AccessError):
            self.plain_team.with_user(manager).process_ids = [(4, self.process.id)]
        with self.assertRaises(AccessError):
            self.env["crm.team"].with_user(manager).create(
                {"name": "Mine", "process_ids": [(4, self.process.id)]}
            )
        self.plain_team.process_ids = [(4, self.process.id)]
        self.assertIn(self.plain_team.id, self.env["sales.process"]._active_by_team())
        self.assertTrue(self.process.phase_ids[1]._stage_for(self.plain_team))

    def test_part_is_not_moved_into_a_frozen_version(self):
        draft = self.env["sales.process"].browse(self.process.action_new_version()["res_id"])
        draft.step_ids[:1].code = "another"
        with self.assertRaises(UserError):
            draft.step_ids[:1].process_id = self.process

    def test_day_ends_in_the_companys_evening(self):
        self.calendar.tz = "America/New_York"
        lead, _call = self._at_call()
        lead.sudo().date_deadline = datetime(2030, 7, 1).date()
        moment = lead.sudo().process_case_id._named_moment("closing_date")
        self.assertEqual(moment, datetime(2030, 7, 2, 3, 59), "23:59 in New York")


@tagged("post_install", "-at_install", "sales_process")
class TestHostileInterface(ProcessCase):
    """What integrators and forms may send, and what must not get lost on the way."""

    def test_odd_arguments_are_named(self):
        lead, call = self._at_call()
        led, own = call.with_user(self.leader), lead.with_user(self.rep)
        for name, act in (
            ("refuse", lambda: own.process_refuse("x")),
            ("move", lambda: own.process_move("x")),
            ("missing", lambda: own.process_missing("x")),
            ("reassign", lambda: led.action_reassign("x")),
            ("skip", lambda: led.action_skip(5)),
            ("deadline", lambda: led.action_set_deadline(None)),
            ("start from", lambda: led.action_start_from(None)),
        ):
            with self.subTest(name=name), self.assertRaises(UserError), self.env.cr.savepoint():
                act()

    def test_intake_tells_nothing_of_other_companies(self):
        other = self.env["res.company"].create({"name": "Other company"})
        lead = self.env["crm.lead"].create(
            {"name": "Theirs", "company_id": other.id, "team_id": False, "user_id": False}
        )
        self.env["crm.lead.external.ref"]._link({"r1": lead}, other)
        with self.assertRaises(AccessError):
            self.env["crm.lead"].with_user(self.rep).process_intake(
                {"name": "x", "company_id": other.id}, "r1"
            )

    def test_files_of_the_done_dialog_are_kept(self):
        lead, make = self._at_proposal()
        file = (
            self.env["ir.attachment"]
            .with_user(self.rep)
            .create(
                {
                    "name": "notes.txt",
                    "raw": b"x",
                    "res_model": "mail.compose.message",
                    "res_id": 0,
                }
            )
        )
        make.activity_id.with_user(self.rep).action_feedback(feedback="made it", attachment_ids=file.ids)
        self.assertIn(file, lead.message_ids.attachment_ids)

    def test_changed_hours_keep_a_deadline_set_by_hand(self):
        _lead, call = self._at_call()
        moment = fields.Datetime.now() + timedelta(days=20)
        call.with_user(self.leader).action_set_deadline(fields.Datetime.to_string(moment))
        call.sudo()._reschedule()
        self.assertEqual(call.sudo().date_deadline, moment)

    def test_restored_lead_is_not_found_as_lost(self):
        lead, _call = self._at_call()
        lead.sudo().process_refuse(self.env.ref("sales_process.lost_reason_not_a_fit").id)
        Lead = self.env["crm.lead"].with_context(active_test=False)
        self.assertIn(lead, Lead.search([("process_state", "=", "lost")]))
        lead.sudo().action_unarchive()
        self.assertNotIn(lead, Lead.search([("process_state", "=", "lost")]))
        self.assertIn(lead, Lead.search([("process_state", "=", "running")]))
        lead.sudo().action_set_won()
        self.assertNotIn(lead, Lead.search([("process_state", "=", "lost")]))
        self.assertIn(lead, Lead.search([("process_state", "in", ("won", "none"))]))

    def test_letter_for_orders_needs_an_order(self):
        lead, call = self._at_call()
        call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.code == "missed_call")._fire()
        letter = lead.process_message_ids.filtered(lambda message: message.key == "missed_call").with_user(
            self.rep
        )
        for template in (self.env.ref("sale.email_template_edi_sale").id, "x"):
            with self.subTest(template=template), self.assertRaises(UserError), self.env.cr.savepoint():
                letter.action_change_template(template)

    def test_nobody_reads_a_file_by_handing_it_in(self):
        secret = self.env["ir.attachment"].create({"name": "secret.txt", "raw": b"x"})
        self.assertFalse(secret.with_user(self.rep).has_access("read"))
        lead, making = self._at_proposal()
        forged = making.with_user(self.rep).with_context(sales_process_done_files=secret.ids)
        forged.complete("made")
        self.assertNotIn(secret, lead.sudo().message_ids.attachment_ids)
        _lead, making = self._at_proposal(email_from="other@other.example")
        with self.assertRaises(AccessError):
            making.activity_id.with_user(self.rep).action_feedback("done", attachment_ids=secret.ids)

    def test_a_letter_does_not_take_a_paper_along(self):
        lead, call = self._at_call()
        call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.code == "missed_call")._fire()
        letter = lead.process_message_ids.filtered(lambda message: message.key == "missed_call")
        for name in ("proposal", "contract_sign", "contract_signed"):
            template = self.env.ref(f"sales_process.mail_template_{name}")
            with self.subTest(name), self.assertRaisesRegex(UserError, "button"):
                letter.with_user(self.rep).action_change_template(template.id)

    def test_vacuum_leaves_tasks_and_goes_on(self):
        _lead, call = self._at_call()
        activity = call.sudo().activity_id
        activity.date_deadline = fields.Date.today() - timedelta(days=2000)
        plain = (
            self.env["res.partner"]
            .create({"name": "P"})
            .activity_schedule(
                "mail.mail_activity_data_todo",
                fields.Date.today() - timedelta(days=2000),
                user_id=self.rep.id,
            )
        )
        self.env["mail.activity"]._gc_delete_old_overdue_activities()
        self.assertTrue(activity.exists())
        self.assertFalse(plain.exists())

    def test_nobody_outside_stands_in(self):
        self.rep.process_substitute_id = new_test_user(
            self.env, "process_portal_substitute", groups="base.group_portal"
        )
        _lead, call = self._at_call()
        call.sudo().timer_ids.filtered(lambda timer: timer.escalation_id.action == "substitute")._fire()
        self.assertFalse(call.sudo().user_id.share)

    def test_looking_at_a_draft_clears_no_cache(self):
        draft = self.env["sales.process"].browse(self.process.action_new_version()["res_id"])
        draft.invalidate_recordset()
        with patch.object(type(self.env.registry), "clear_cache") as clear:
            self.assertFalse("dead" in draft.read(["problem_text"])[0]["problem_text"])
        clear.assert_not_called()
