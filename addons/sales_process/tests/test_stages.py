from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .common import ProcessCase


@tagged("post_install", "-at_install", "sales_process")
class TestStages(ProcessCase):
    """Moves by hand, the gates on every road, and the stages a team lends to the process."""

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
        """Odoo calls an archived lead lost only where its chance is nil."""
        for chance, state in ((10.0, "paused"), (0.0, "lost")):
            with self.subTest(chance):
                lead, _call = self._at_call()
                lead.probability = chance
                lead.action_archive()
                self.assertEqual(lead.process_state, state)
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
