from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from .common import ProcessCase


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
