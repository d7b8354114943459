from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import ProcessCase


@tagged("post_install", "-at_install", "sales_process")
class TestVersions(ProcessCase):
    """An active version stays what it is, and deals finish on theirs."""

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
