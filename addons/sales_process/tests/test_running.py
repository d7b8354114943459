from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .common import ProcessCase


@tagged("post_install", "-at_install", "sales_process")
class TestRunning(ProcessCase):
    """How cases start and run: answers, pauses, merges, and errors that stop only themselves."""

    def test_intake_is_idempotent(self):
        Lead = self.env["crm.lead"].with_user(self.rep)
        values = {"contact_name": "Ann", "email_from": "ann@x.example", "team_id": self.team.id}
        first = Lead.process_intake(values, "web-1")
        again = Lead.process_intake(values, "web-1")
        self.assertTrue(first["created"])
        self.assertFalse(again["created"])
        self.assertEqual(first["lead_id"], again["lead_id"])
        self.assertEqual(first["task_ids"], again["task_ids"])
        self.assertEqual(Lead.browse(first["lead_id"]).external_ref, "web-1")

    def test_intake_refuses_nonsense(self):
        Lead = self.env["crm.lead"].with_user(self.rep)
        for values, ref in (
            ({}, None),
            ("x", None),
            ({"nonsense": 1, "name": "a"}, None),
            ({"name": ""}, None),
            ({"name": "a"}, ""),
            ({"name": "a"}, 5),
            ({"name": "a"}, "x" * 300),
        ):
            with self.subTest(values=values, ref=ref), self.assertRaises(UserError):
                Lead.process_intake(values, ref)

    def test_incomplete_lead_asks_first(self):
        lead = self._lead(contact_name=False, phone=False, email_from=False)
        task = self._task(lead, "complete_lead")
        with self.assertRaises(UserError) as caught:
            task.complete("done")
        self.assertIn("Contact Name", str(caught.exception))
        self.assertIn("Phone", str(caught.exception))
        task.complete("done", {"contact_name": "Ivan 🚀", "email_from": "ivan@y.example"})
        self._run(lead)
        self._task(lead, "call_customer")

    def test_team_without_process(self):
        lead = self.env["crm.lead"].create({"name": "Plain", "team_id": self.plain_team.id})
        self.assertEqual(lead.process_state, "none")
        with self.assertRaises(UserError):
            lead.action_process_start()

    def test_archived_stage_team_or_won_lead_does_not_start(self):
        won = self.env["crm.stage"].search([("is_won", "=", True)], limit=1)
        lead = self.env["crm.lead"].create(
            {"name": "Won", "team_id": self.team.id, "stage_id": won.id, "type": "opportunity"}
        )
        self.assertEqual(lead.process_state, "none")

    def test_complete_refuses_nonsense(self):
        _lead, call = self._at_call()
        for args in (
            ("no_such",),
            ("reached", {"unknown": 1}),
            ("reached", {"duration": "long"}),
            ("reached", {"duration": -1}),
            ("call_back",),
            ("call_back", {"date": "soon"}),
            ("call_back", {"date": "2001-01-01 10:00:00"}),
            ("refused",),
            ("refused", {"lost_reason_id": 999999}),
        ):
            with self.subTest(args=args), self.assertRaises(UserError):
                call.complete(*args)
        self.assertEqual(call.state, "open")

    def test_wrong_kind_of_value_is_named(self):
        lead, call = self._at_call()
        call.complete("reached")
        result = self._task(lead, "contact_result")
        with self.assertRaises(UserError) as caught:
            result.complete("interested", {"expected_revenue": "plenty"})
        self.assertIn("Expected Revenue", str(caught.exception))

    def test_call_back_opens_at_the_moment(self):
        lead, call = self._at_call()
        moment = fields.Datetime.now().replace(microsecond=0) + timedelta(days=3)
        (following,) = call.complete("call_back", {"date": fields.Datetime.to_string(moment)})
        task = self.env["sales.process.task"].browse(following)
        self.assertEqual(task.date_open, moment)
        self.assertGreater(task.date_deadline, moment)
        self.assertEqual(task.visit, 2)
        self.assertEqual(lead.process_step_id.code, "call_customer")

    def test_not_reached_three_times(self):
        lead, call = self._at_call()
        for _try in range(2):
            call.complete("not_reached")
            call = self._task(lead, "call_customer")
        call.complete("not_reached")
        self._task(lead, "wait_for_answer")

    def test_later_too_far_is_lost_with_return(self):
        lead, call = self._at_call()
        call.complete("reached")
        moment = fields.Datetime.now() + timedelta(days=90)
        self.assertEqual(
            self._task(lead, "contact_result").complete("later", {"date": fields.Datetime.to_string(moment)}),
            [],
        )
        self.assertEqual(lead.won_status, "lost")
        self.assertEqual(lead.lost_reason_id, self.env.ref("sales_process.lost_reason_later"))
        self.assertEqual(lead.process_return_date, moment.date())

    def test_refuse_from_anywhere(self):
        lead, call = self._at_call()
        reason = self.env.ref("sales_process.lost_reason_not_a_fit")
        activity = call.activity_id
        lead.with_user(self.rep).process_refuse(reason.id, "too expensive")
        self.assertEqual(lead.won_status, "lost")
        self.assertEqual(lead.lost_reason_id, reason)
        self.assertEqual(lead.process_state, "lost")
        self.assertEqual(call.state, "cancelled")
        self.assertFalse(activity.exists(), "an activity of a lost deal must not stay on anybody's list")

    def test_pause_and_resume(self):
        lead, call = self._at_call()
        timers = call.sudo().timer_ids
        with self.assertRaises(UserError):
            lead.process_pause(" ")
        lead.with_user(self.rep).process_pause("on holiday")
        self.assertEqual(lead.process_state, "paused")
        self.assertEqual(set(timers.mapped("state")), {"paused"})
        case = lead.sudo().process_case_id
        case.date_paused = fields.Datetime.now() - timedelta(days=2)
        call.sudo().date_open -= timedelta(days=2)
        before = call.sudo().date_deadline
        lead.with_user(self.rep).process_resume()
        self.assertEqual(set(timers.mapped("state")), {"pending"})
        self.assertAlmostEqual(
            call.sudo().date_deadline, before + timedelta(days=2), delta=timedelta(minutes=1)
        )

    def test_merged_leads_keep_one_case(self):
        first, _call = self._at_call()
        second, _call = self._at_call(email_from="clara@customer.example.org")
        first.sudo().external_ref = "A"
        second.sudo().external_ref = "B"
        winner = (first | second).sudo().merge_opportunity()
        states = winner.process_case_ids.mapped("state")
        self.assertEqual(sorted(states), ["merged", "running"])
        self.assertEqual(len(winner.process_open_task_ids), 1)
        later, earlier = winner.process_case_ids.sorted("id", reverse=True)
        for case, state in ((later, "merged"), (earlier, "won")):
            self.env.cr.execute("UPDATE sales_process_case SET state = %s WHERE id = %s", [state, case.id])
        self.env.invalidate_all()
        self.assertEqual(winner.process_state, "won", "of the one that came in by the merge says nothing")
        self.assertEqual(winner.search([("id", "=", winner.id), ("process_state", "=", "won")]), winner)
        self.assertFalse(winner.search([("id", "=", winner.id), ("process_state", "=", "merged")]))
        found = self.env["crm.lead.external.ref"]._find(["A", "B"], self.company)
        self.assertEqual(set(found.values()), {winner})

    def test_duplicate_outcome_merges(self):
        kept, _call = self._at_call()
        lead = self._lead(contact_name=False, phone=False, email_from=False)
        task = self._task(lead, "complete_lead")
        with self.assertRaises(UserError):
            task.with_user(self.leader).complete("duplicate")
        manager = new_test_user(self.env, "process_manager", groups="sales_team.group_sale_manager")
        task.with_user(manager).complete("duplicate", {"merge_lead_id": kept.id})
        self.assertFalse(lead.exists())
        self.assertEqual(kept.process_state, "running")
        self.assertIn("merged", kept.sudo().process_case_ids.mapped("state"))

    def test_deleted_lead_leaves_nothing(self):
        lead, call = self._at_call()
        case, activity = lead.sudo().process_case_id, call.sudo().activity_id
        lead.sudo().unlink()
        self.assertFalse(case.exists())
        self.assertFalse(activity.exists())

    def test_copied_lead_starts_anew(self):
        lead, _call = self._at_call()
        twin = lead.sudo().copy()
        self.assertEqual(twin.process_state, "running")
        self.assertNotEqual(twin.process_case_ids, lead.process_case_ids)
        self.assertFalse(twin.external_ref)

    def test_one_bad_record_stops_only_itself(self):
        leads = self.env["crm.lead"]
        for number in range(5):
            leads |= self._lead(email_from=f"c{number}@c{number}.example", name=f"Lead {number}")
        bad = leads[2]
        original = type(self.env["sales.process.task"])._run_step_mail

        def fails_for_one(tasks, step):
            if bad.id in tasks.lead_id.ids:
                raise ValueError("broken template")
            return original(tasks, step)

        with patch.object(type(self.env["sales.process.task"]), "_run_step_mail", fails_for_one):
            leads.with_user(self.env.ref("base.user_root")).process_run_queued()
        states = {lead.id: lead.sudo().process_step_id.code for lead in leads}
        self.assertEqual(states.pop(bad.id), "welcome_mail")
        self.assertEqual(set(states.values()), {"call_customer"})
        failed = bad.sudo().process_open_task_ids
        self.assertEqual(failed.state, "failed")
        self.assertRegex(failed.error, "technical error.*broken template.*administrator")
        self.assertEqual(len(self.process._warnings()), 1)
        with self.assertRaises(AccessError):
            failed.with_user(self.rep).action_retry()
        failed.with_user(self.leader).action_retry()
        self._run(bad)
        self.assertEqual(bad.sudo().process_step_id.code, "call_customer")
        self.assertFalse(self.process._warnings(), "the next success clears the warning")

    def test_skip_needs_a_reason(self):
        lead = self._lead()
        task = lead.sudo().process_open_task_ids
        with self.assertRaises(UserError):
            task.with_user(self.leader).action_skip("")
        task.with_user(self.leader).action_skip("the customer was greeted in person")
        self._run(lead)
        self._task(lead, "call_customer")

    def test_no_address_becomes_a_task(self):
        lead = self._lead(email_from=False)
        self._run(lead)
        task = self._task(lead, "welcome_mail")
        self.assertEqual(task.user_id, self.rep)
        page = task.process_what_now()
        self.assertEqual([row["id"] for row in page["tasks"]["rows"]], task.ids, "it is there to be done")
        task.complete("done")
        self._run(lead)
        self._task(lead, "call_customer")

    def test_live_team_enrols_nothing(self):
        stage = self.env["crm.stage"].search([], limit=1)
        old = self.env["crm.lead"].create(
            {
                "name": "Old",
                "team_id": self.plain_team.id,
                "stage_id": stage.id,
                "email_from": "o@o.example",
                "contact_name": "O",
            }
        )
        self.process.team_ids = [(4, self.plain_team.id)]
        self.assertEqual(old.process_state, "none")
        old.action_process_start("call_customer")
        self.assertEqual(old.process_step_id.code, "call_customer")
        with self.assertRaises(UserError):
            old.action_process_start()

    def test_quiet_entry_writes_to_nobody(self):
        old = self.env["crm.lead"].create(
            {"name": "Old", "team_id": self.plain_team.id, "email_from": "o@o.example", "contact_name": "O"}
        )
        self.env.cr.execute(
            "UPDATE crm_lead SET create_date = create_date - interval '90 days' WHERE id = %s", [old.id]
        )
        old.invalidate_recordset()
        self.process.team_ids = [(4, self.plain_team.id)]
        old.action_process_start()
        self._run(old)
        self.assertEqual(old.process_step_id.code, "call_customer")
        self.assertFalse(old.sudo().process_message_ids)

    def test_unknown_step_is_refused(self):
        lead = self.env["crm.lead"].create({"name": "x", "team_id": self.plain_team.id})
        self.process.team_ids = [(4, self.plain_team.id)]
        with self.assertRaises(UserError):
            lead.action_process_start("no_such_step")

    def test_gate_that_can_never_open(self):
        draft = self.env["sales.process"].browse(self.process.action_new_version()["res_id"])
        step = draft.step_ids.filtered(lambda step: step.code == "make_contract")
        phase = draft.phase_ids.filtered(lambda phase: phase.code == "contract")
        self.env["sales.process.gate"].create(
            {
                "process_id": draft.id,
                "phase_id": phase.id,
                "name": "Contract made",
                "kind": "step_done",
                "step_id": step.id,
            }
        )
        with self.assertRaises(UserError) as caught:
            draft.action_activate()
        self.assertIn("Contract made", str(caught.exception))

    def test_extended_validity_moves_the_wait(self):
        lead, call = self._at_call()
        lead.sudo().process_case_id.order_id = self.env["sale.order"].create(
            {
                "partner_id": self.env["res.partner"].create({"name": "P"}).id,
                "opportunity_id": lead.id,
                "validity_date": fields.Date.today() + timedelta(days=5),
            }
        )
        call.with_user(self.leader).action_start_from("proposal_decision")
        wait = self._task(lead, "proposal_decision")
        self.assertEqual(wait.date_deadline.date(), fields.Date.today() + timedelta(days=5))
        lead.sudo().process_case_id.order_id.validity_date = fields.Date.today() + timedelta(days=15)
        self.assertEqual(wait.date_deadline.date(), fields.Date.today() + timedelta(days=15))
