from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged

from .common import ProcessCase


@tagged("post_install", "-at_install", "sales_process")
class TestRunning(ProcessCase):
    """How cases run: tasks and activities, errors, moves, merges, people who leave."""

    # -- intake -----------------------------------------------------------------------------------

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

    # -- completing -------------------------------------------------------------------------------

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

    # -- activities -------------------------------------------------------------------------------

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

    # -- people -----------------------------------------------------------------------------------

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

    # -- pause ------------------------------------------------------------------------------------

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

    # -- moves, gates -----------------------------------------------------------------------------

    def test_moved_by_hand_the_case_follows(self):
        lead, call = self._at_call()
        phase = self.process.phase_ids.filtered(lambda phase: phase.code == "proposal")
        lead.with_user(self.rep).stage_id = phase._stage_for(self.team)
        self.assertEqual(call.state, "cancelled")
        self.assertEqual(lead.process_step_id.code, "make_proposal")
        self.assertEqual(lead.stage_id, phase._stage_for(self.team))

    def test_won_and_lost_by_hand_end_the_case(self):
        lead, _call = self._at_call()
        lead.action_set_won()
        self.assertEqual(lead.process_state, "won")
        other, call = self._at_call(email_from="o@o.example")
        other.action_set_lost(lost_reason_id=self.env.ref("sales_process.lost_reason_not_a_fit").id)
        self.assertEqual(other.process_state, "lost")
        self.assertEqual(call.state, "cancelled")
        other.action_unarchive()
        self.assertEqual(other.process_state, "running", "a lead that is taken back goes on")
        self.assertEqual(other.process_case_id.previous_case_id.state, "lost")

    def test_archived_lead_pauses(self):
        lead, _call = self._at_call()
        lead.action_archive()
        if lead.won_status != "lost":
            self.assertEqual(lead.process_state, "paused")
        lead.action_unarchive()
        self.assertEqual(lead.process_state, "running")

    def _gate(self, **vals):
        """A draft version with a gate on the proposal, activated."""
        draft = self.env["sales.process"].browse(self.process.action_new_version()["res_id"])
        phase = draft.phase_ids.filtered(lambda phase: phase.code == "proposal")
        self.env["sales.process.gate"].create(
            {
                "process_id": draft.id,
                "phase_id": phase.id,
                "name": "Expected revenue",
                "kind": "fields",
                "field_ids": [(6, 0, [self.env.ref("crm.field_crm_lead__expected_revenue").id])],
                **vals,
            }
        )
        draft.action_activate()
        return draft, phase

    def test_gate_holds_on_every_road(self):
        _draft, phase = self._gate()
        lead, call = self._at_call()
        stage = phase._stage_for(self.team)
        Lead = self.env["crm.lead"].with_user(self.rep)
        with self.assertRaises(ValidationError) as caught:
            Lead.browse(lead.id).stage_id = stage
        self.assertIn("Expected Revenue", str(caught.exception))
        with self.assertRaises(ValidationError):
            Lead.browse(lead.id).web_save({"stage_id": stage.id}, {"stage_id": {}})
        result = Lead.load([".id", "stage_id/.id"], [[str(lead.id), str(stage.id)]])
        self.assertFalse(result["ids"])
        self.assertEqual(lead.process_missing(stage.id)[0]["fields"], ["expected_revenue"])
        with self.assertRaises(AccessError):
            Lead.browse(lead.id).process_move(stage.id, "because")
        with self.assertRaises(UserError):
            lead.with_user(self.leader).process_move(stage.id, " ")
        lead.with_user(self.leader).process_move(stage.id, "the customer is known")
        self.assertEqual(lead.stage_id, stage)
        self.assertEqual(lead.process_step_id.code, "make_proposal")
        self.assertIn(
            "the customer is known",
            lead.sudo().process_event_ids.filtered(lambda event: event.kind == "override").text,
        )
        self.assertEqual(call.state, "cancelled")

    def test_gate_stops_the_recomputed_stage(self):
        _draft, phase = self._gate()
        lead, _call = self._at_call()
        lead.with_user(self.rep).expected_revenue = 100
        lead.with_user(self.rep).stage_id = phase._stage_for(self.team)
        self.assertEqual(lead.process_step_id.code, "make_proposal")

    def test_a_condition_that_cannot_be_read_is_refused_at_once(self):
        draft = self.env["sales.process"].browse(self.process.action_new_version()["res_id"])
        step = draft.step_ids[:1]
        phase = draft.phase_ids[:1]
        gate = {"process_id": draft.id, "phase_id": phase.id, "name": "Gate", "kind": "domain"}
        for domain in ("[('expected_revenue', '>'", "[('no_such_field', '=', 1)]", "[(1)]", "stage_id"):
            roads = {
                "gate": lambda domain=domain: self.env["sales.process.gate"].create(
                    {**gate, "domain": domain}
                ),
                "step": lambda domain=domain: step.write({"skip": "domain", "skip_domain": domain}),
                "outcome": lambda domain=domain: step.outcome_ids[:1].write({"domain": domain}),
                "process": lambda domain=domain: draft.write({"domain": domain}),
            }
            for name, road in roads.items():
                with (
                    self.subTest(name, domain=domain),
                    self.assertRaises(ValidationError),
                    self.env.cr.savepoint(),
                ):
                    road()

    def test_gate_stops_completing(self):
        self._gate(field_ids=[(6, 0, [self.env.ref("crm.field_crm_lead__website").id])], name="Website")
        lead, call = self._at_call()
        call.complete("reached")
        self._task(lead, "contact_result").complete(
            "interested",
            {
                "description": "x",
                "expected_revenue": 5,
                "date_deadline": fields.Date.today(),
            },
        )
        lead.with_user(self.env.ref("base.user_root")).process_run_queued()
        failed = lead.sudo().process_task_ids.filtered(lambda task: task.state == "failed")
        self.assertIn(
            "Website", failed.error, "an automatic move that a gate forbids stands on the error desk"
        )
        lead.sudo().website = "https://x.example"
        failed.with_user(self.leader).action_retry()
        self._run(lead)
        self._task(lead, "make_proposal")

    def test_mass_move_is_all_or_nothing(self):
        _draft, phase = self._gate()
        good, _call = self._at_call()
        bad, _call = self._at_call(email_from="bad@bad.example")
        good.sudo().expected_revenue = 5
        before = (good | bad).mapped("stage_id")
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            (good | bad).with_user(self.rep).write({"stage_id": phase._stage_for(self.team).id})
        self.assertEqual((good | bad).mapped("stage_id"), before)

    # -- versions ---------------------------------------------------------------------------------

    def test_active_version_is_frozen(self):
        step = self.process.step_ids[:1]
        with self.assertRaises(UserError):
            step.name = "Other"
        with self.assertRaises(UserError):
            step.outcome_ids[:1].unlink()
        with self.assertRaises(UserError):
            self.env["sales.process.step"].create(
                {
                    "process_id": self.process.id,
                    "code": "more",
                    "name": "More",
                    "phase_id": self.process.phase_ids[:1].id,
                }
            )

    def test_new_version_is_a_true_copy(self):
        draft = self.env["sales.process"].browse(self.process.action_new_version()["res_id"])
        self.assertEqual(draft.version, self.process.version + 1)
        ours, theirs = self.process._definition(), draft._definition()
        self.assertEqual(ours.phases, theirs.phases)
        for step, twin in zip(ours.steps, theirs.steps, strict=True):
            self.assertEqual(step, twin)
        inside = draft.step_ids.outcome_ids.next_step_id.process_id
        self.assertEqual(inside, draft, "no outcome of a copy may lead into the original")

    def test_running_deals_finish_on_their_version(self):
        lead, call = self._at_call()
        draft = self.env["sales.process"].browse(self.process.action_new_version()["res_id"])
        draft.action_activate()
        self.assertEqual(self.process.state, "archived")
        call.complete("reached")
        self.assertEqual(lead.process_id, self.process)
        other, _call = self._at_call(email_from="n@n.example")
        self.assertEqual(other.process_id, draft)

    def test_activation_names_what_is_wrong(self):
        draft = self.env["sales.process"].browse(self.process.action_new_version()["res_id"])
        step = draft.step_ids.filtered(lambda step: step.code == "call_customer")
        step.outcome_ids.filtered(lambda outcome: outcome.code == "reached").next_step_id = False
        with self.assertRaises(UserError) as caught:
            draft.action_activate()
        self.assertIn("Call the customer", str(caught.exception))
        self.assertEqual(draft.state, "draft")

    # -- merging ----------------------------------------------------------------------------------

    def test_merged_leads_keep_one_case(self):
        first, _call = self._at_call()
        second, _call = self._at_call(email_from="clara@customer.example.org")
        first.sudo().external_ref = "A"
        second.sudo().external_ref = "B"
        winner = (first | second).sudo().merge_opportunity()
        states = winner.process_case_ids.mapped("state")
        self.assertEqual(sorted(states), ["merged", "running"])
        self.assertEqual(len(winner.process_open_task_ids), 1)
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

    # -- error desk -------------------------------------------------------------------------------

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

    # -- start ------------------------------------------------------------------------------------

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

    # -- stages -----------------------------------------------------------------------------------

    def test_stages_of_a_simple_pipeline_are_taken(self):
        self.env["crm.stage"].search([]).write({"team_ids": [(6, 0, [self.plain_team.id])]})
        team = self.env["crm.team"].create({"name": "Simple"})
        names = ("In", "Talk", "Sign")
        own = self.env["crm.stage"].create(
            [
                {"name": name, "sequence": number, "team_ids": [(4, team.id)]}
                for number, name in enumerate(names)
            ]
        )
        won = self.env["crm.stage"].create(
            {"name": "Done", "sequence": 50, "is_won": True, "team_ids": [(4, team.id)]}
        )
        self.process.team_ids = [(4, team.id)]
        stages = [phase._stage_for(team) for phase in self.process.phase_ids]
        self.assertEqual(stages[:3], list(own))
        made = stages[3]
        self.assertEqual((made.name, made.team_ids), ("Contract", team))
        self.assertTrue(own[2].sequence < made.sequence < won.sequence)
        self.renewal.team_ids = [(4, team.id)]
        self.assertEqual(
            self.renewal.phase_ids[1]._stage_for(team), made, "one contract stage for both processes"
        )

    def test_stages_of_a_long_pipeline_are_left_alone(self):
        self.env["crm.stage"].search([]).write({"team_ids": [(6, 0, [self.plain_team.id])]})
        team = self.env["crm.team"].create({"name": "Long"})
        own = self.env["crm.stage"].create(
            [{"name": f"S{number}", "sequence": number, "team_ids": [(4, team.id)]} for number in range(7)]
        )
        self.process.team_ids = [(4, team.id)]
        stages = [phase._stage_for(team) for phase in self.process.phase_ids]
        self.assertEqual(stages[0], own[0])
        self.assertFalse(set(stages[1:]) & set(own))
        self.assertEqual([stage.name for stage in stages[1:]], ["Contact", "Proposal", "Contract"])
        self.assertTrue(all(stage.team_ids == team for stage in stages[1:]))

    def test_active_version_keeps_what_it_is(self):
        with self.assertRaises(UserError):
            self.process.kind = "renewal"
        with self.assertRaises(UserError):
            self.process.code = "other"
        self.process.owner_id = self.leader

    def test_entering_by_hand_writes_to_nobody(self):
        lead = self.env["crm.lead"].create(
            {"name": "Today", "team_id": self.plain_team.id, "email_from": "t@t.example", "contact_name": "T"}
        )
        self.process.team_ids = [(4, self.plain_team.id)]
        lead.action_process_start()
        self._run(lead)
        self.assertEqual(lead.process_step_id.code, "call_customer")
        self.assertFalse(lead.sudo().process_message_ids)
        call = self._task(lead, "call_customer").sudo()
        self.assertNotIn(
            "letter", call.timer_ids.escalation_id.mapped("action"), "the ladder writes to nobody either"
        )
        call.complete("not_reached")
        call = self._task(lead, "call_customer").sudo()
        self.assertIn("letter", call.timer_ids.escalation_id.mapped("action"), "now a person has acted")
