from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .renewal_common import RenewalCase


@tagged("post_install", "-at_install", "sales_process")
class TestRenewalEnd(RenewalCase):
    """A contract that is not renewed: the customer's no, an early end, and why."""

    def test_it_has_ended_only_when_it_has(self):
        lead, call = self._at_call()
        with self.assertRaisesRegex(UserError, "Still in force"), self.env.cr.savepoint():
            call.complete("ended")
        self.assertEqual((call.state, lead.process_state), ("open", "running"))

        def offered():
            return [outcome["code"] for outcome in call.get_form()["outcomes"]]

        self.assertNotIn("ended", offered(), "what cannot be said is not offered")
        self.contract._contract_set({"contract_state": "expired"})
        self.assertIn("ended", offered())

    def test_a_no_says_why(self):
        lead, call = self._at_call()
        with self.assertRaisesRegex(UserError, "lost reason"), self.env.cr.savepoint():
            call.complete("declined")
        asked = [one for one in call.get_form()["outcomes"] if one["code"] == "declined"]
        self.assertTrue(asked[0]["asks_reason"])
        reason = self._lost_reason()
        call.complete("declined", {"lost_reason_id": reason.id})
        self.assertEqual((lead.process_state, lead.lost_reason_id), ("lost", reason))
        self.assertEqual(self.contract.contract_churn_reason_id, reason)
        self.assertFalse(self.contract.contract_terminated_date, "it ends by itself")

    def test_a_no_is_notice_to_what_would_renew_itself(self):
        reason = self._lost_reason()
        terms = {"contract_tacit_renewal": True, "contract_notice_days": 10}
        for answer in (
            lambda lead, call: call.complete("declined", {"lost_reason_id": reason.id}),
            lambda lead, call: call.complete("refused", {"lost_reason_id": reason.id}),
            lambda lead, call: lead.with_user(self.rep).process_refuse(reason.id),
        ):
            with self.env.cr.savepoint() as savepoint:
                lead, call = self._at_call(**terms)
                answer(lead, call)
                contract = self.contract
                self.assertEqual(contract.contract_terminated_date, contract.contract_date_end)
                self.assertEqual(contract.contract_churn_reason_id, reason)
                self.assertEqual((lead.process_state, lead.lost_reason_id), ("lost", reason))
                contract._contract_end_term()
                self.assertEqual(contract.contract_state, "expired", "and it does not go on")
                savepoint.rollback()
                self.env.invalidate_all()

    def test_a_no_too_late_for_notice(self):
        lead, call = self._at_call(contract_tacit_renewal=True, contract_notice_days=100)
        call.complete("declined", {"lost_reason_id": self._lost_reason().id})
        self.assertFalse(self.contract.contract_terminated_date)
        self.assertIn("too late for a notice", self.contract.message_ids[0].body)
        self.assertEqual(lead.process_state, "lost")

    def test_a_no_at_signing_is_notice_too(self):
        """Said on the customer's page, or by the rep for them."""

        def on_the_page(lead, renewal):
            document = self.env["sales.document"]._last(renewal, "contract")
            renewal._process_decline_contract(document, "no", "We close the plant")

        for answer in (
            on_the_page,
            lambda lead, renewal: self._task(lead, "sign_contract").complete("declined_no"),
        ):
            with self.env.cr.savepoint() as savepoint:
                lead, call = self._at_call(contract_tacit_renewal=True, contract_notice_days=10)
                call.complete("agreed")
                self._task(lead, "make_renewal").complete("made")
                self._task(lead, "approve_contract").with_user(self.leader).complete("approved")
                self._run(lead)
                answer(lead, self.contract.renewal_ids)
                self.assertEqual(lead.process_state, "lost")
                self.assertEqual(self.contract.contract_terminated_date, self.contract.contract_date_end)
                self.assertEqual(self.contract.contract_churn_reason_id, lead.lost_reason_id)
                savepoint.rollback()
                self.env.invalidate_all()

    def _terminate(self, days, **values):
        """End the contract in so many days, as the rep does it in the dialog."""
        return (
            self.env["sales.contract.terminate"]
            .with_user(self.rep)
            .create(
                {
                    "order_ids": self.contract.ids,
                    "date": fields.Date.today() + timedelta(days=days),
                    "reason": "They close the plant",
                    **values,
                }
            )
            .action_terminate()
        )

    def test_an_early_end_says_why(self):
        """(when, lost reason named with it, lost reason of the renewal)"""
        moved, early = self._lost_reason(), self.env.ref("sales_process.lost_reason_terminated")
        for days, named, expected in (
            (0, moved, moved),
            (20, moved, moved),
            (0, None, early),
            (20, None, early),
        ):
            with self.subTest(days=days, named=named), self.env.cr.savepoint() as savepoint:
                lead, call = self._at_call()
                self._terminate(days, churn_reason_id=named.id if named else False)
                self.assertEqual((lead.process_state, lead.lost_reason_id), ("lost", expected))
                self.assertIn("They close the plant", call.comment)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_an_early_end_is_told_once(self):
        lead, _call = self._at_call()
        self._terminate(1)
        notes = len(lead.message_ids)
        self.contract._contract_end_term()
        self.assertEqual(self.contract.contract_state, "terminated")
        self.assertEqual(len(lead.message_ids), notes)

    def test_an_early_end_while_the_next_contract_is_made(self):
        """There is no step that waits for it: the renewal is lost all the same, and so is its contract."""
        lead, call = self._at_call()
        call.complete("agreed")
        self._task(lead, "make_renewal").complete("made")
        self._terminate(10, churn_reason_id=self._lost_reason().id)
        self.assertEqual((lead.process_state, lead.lost_reason_id.name), ("lost", "Moved away"))
        self.assertEqual(self.contract.renewal_ids.contract_state, "declined")
        self.assertFalse(lead.process_open_task_ids)

    def test_an_early_end_leaves_new_business_alone(self):
        lead, call = self._at_call()
        call.complete("change_wanted")
        self._terminate(10)
        self.assertEqual((lead.process_state, lead.won_status), ("running", "pending"))
        self.assertFalse(lead.lost_reason_id)
