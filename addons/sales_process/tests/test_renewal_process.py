from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import format_date

from .contract_common import PDF
from .renewal_common import RenewalCase


@tagged("post_install", "-at_install", "sales_process")
class TestRenewalProcess(RenewalCase):
    """The timer starts the process for renewals, and its tasks drive the contract's actions."""

    def test_from_the_timer_to_the_next_contract(self):
        self._tick()
        lead = self.contract.renewal_lead_id
        self.assertEqual(lead.process_id, self.renewal, "not the process for new business")
        self._run(lead)
        self._task(lead, "renewal_call").complete("agreed")
        self._task(lead, "make_renewal").complete("made")
        renewal = self.contract.renewal_ids
        self.assertEqual(lead.sudo().process_case_id.order_id, renewal)
        self.assertEqual(renewal.contract_state, "approval")
        self._task(lead, "approve_contract").with_user(self.leader).complete("approved")
        self._run(lead)
        self.assertEqual(renewal.contract_state, "to_sign")
        renewal._contract_mark_signed()
        self.assertEqual(self.contract.contract_state, "renewed")

    def test_the_contract_stands_on_the_task(self):
        self._tick()
        lead = self.contract.renewal_lead_id
        self._run(lead)
        shown = self._task(lead, "renewal_call").get_form()["order"]["contract"]
        end = format_date(self.env, self.contract.contract_date_end)
        self.assertEqual(shown["number"], self.contract.contract_number)
        self.assertEqual(shown["term"], f"{format_date(self.env, self.contract.contract_date_start)} – {end}")
        self.assertEqual((shown["outlook"], shown["urgent"]), (f"Ends on {end} unless renewed", True))

    def test_nobody_keeps_complaints(self):
        """Without an add-on that does, nothing is said of them, and nothing waits for them."""
        if self.env["res.partner"]._process_complaint_sources():
            self.skipTest("an add-on for complaints is installed")
        self._tick()
        lead = self.contract.renewal_lead_id
        self._run(lead)
        self.assertIs(self._task(lead, "renewal_call").get_form()["complaints"], False)
        self.assertEqual(lead.complaint_count, 0)
        self.assertNotIn(self.contract, self.env["sale.order"].search([("complaint_count", ">", 0)]))
        self.assertIn(self.contract, self.env["sale.order"].search([("complaint_count", "=", 0)]))
        for model, view, kind in (
            ("crm.lead", "crm.crm_lead_view_form", "form"),
            ("sale.order", "sale.view_order_form", "form"),
            ("sale.order", "sales_process.sale_order_view_list_contract", "list"),
            ("sale.order", "sales_process.sale_order_view_kanban_contract", "kanban"),
            ("sale.order", "sales_process.sale_order_view_search_contract", "search"),
        ):
            arch = self.env[model].with_user(self.rep).get_view(self.env.ref(view).id, kind)["arch"]
            self.assertNotIn("complaint", arch, view)

    def test_several_in_a_row(self):
        """The contract that runs is itself the renewal of one: its own next term is made, at its own end."""
        first, today = self.contract, fields.Date.today()
        first._contract_set(
            {
                "contract_date_start": today - timedelta(days=685),
                "contract_date_end": today - timedelta(days=320),
            }
        )
        second = first.with_user(self.rep)._contract_make_renewal()
        lead = first.renewal_lead_id
        self._task(lead, "make_renewal").complete("made", {"contract_next_pricing": "kept"})
        self._task(lead, "approve_contract").with_user(self.leader).complete("approved")
        self._run(lead)
        second._contract_mark_signed()
        self._tick()
        again = second.renewal_lead_id
        self._run(again)
        case = again.sudo().process_case_id
        moment = case._named_moment("contract_end").date()
        self.assertLessEqual(abs(moment - second.contract_date_end), timedelta(days=1), "not the first one's")
        self._task(again, "renewal_call").complete("agreed")
        values = {"contract_next_pricing": "raised", "contract_next_raise": 10.0}
        self._task(again, "make_renewal").complete("made", values)
        third = second.renewal_ids
        self.assertEqual(case.order_id, third)
        self.assertEqual(third.contract_date_start, second.contract_date_end + timedelta(days=1))
        self.assertEqual(third.order_line.price_unit, 1100.0)

    def test_sent_back_it_is_priced_anew(self):
        self.contract.with_user(self.rep).action_contract_renew()
        lead = self.contract.renewal_lead_id
        self._task(lead, "make_renewal").complete("made")
        self._task(lead, "approve_contract").with_user(self.leader).complete(
            "refused", comment="Ask for more"
        )
        values = {"contract_next_pricing": "raised", "contract_next_raise": 10.0}
        self._task(lead, "make_renewal").complete("made", values)
        self.assertEqual(self.contract.contract_next_raise, 10.0)
        self.assertEqual(self.contract.renewal_ids.order_line.price_unit, 1100.0)
        self.assertEqual(self.contract.renewal_ids.contract_state, "approval")

    def test_the_end_passes(self):
        self._tick()
        lead = self.contract.renewal_lead_id
        self._run(lead)
        self.contract._contract_end_term()
        self.assertEqual((self.contract.contract_state, lead.process_state), ("expired", "lost"))

    def test_goes_on_by_itself(self):
        self._tick()
        lead = self.contract.renewal_lead_id
        self._run(lead)
        self.env.cr.execute(
            "UPDATE sale_order SET contract_tacit_renewal = true WHERE id = %s", [self.contract.id]
        )
        self.env.invalidate_all()
        self.contract._contract_end_term()
        self.assertEqual((self.contract.contract_state, lead.process_state), ("renewed", "won"))

    def test_by_hand(self):
        self.contract.with_user(self.rep).action_contract_renew()
        lead = self.contract.renewal_lead_id
        self._task(lead, "make_renewal").complete("made")
        self.assertEqual(len(self.contract.renewal_ids), 1)
        self.assertTrue(self.contract.renewal_ids.contract_number)

    def test_team_without_a_process(self):
        self.contract.team_id = self.plain_team
        self._tick()
        lead = self.contract.renewal_lead_id
        self.assertTrue(lead)
        self.assertEqual(lead.process_state, "none")
        self.assertFalse(self.contract.contract_timer_error)

    def test_signed_on_paper(self):
        """The next contract, too, can wait for its signed originals."""
        self.contract.with_user(self.rep).action_contract_renew()
        lead = self.contract.renewal_lead_id
        self._task(lead, "make_renewal").complete("made")
        self._task(lead, "approve_contract").with_user(self.leader).complete("approved")
        self._run(lead)
        renewal = self.contract.renewal_ids
        self._task(lead, "sign_contract").complete("on_paper")
        task = self._task(lead, "collect_originals").with_user(self.rep)
        self.assertEqual(task.user_id, self.rep)
        with self.assertRaisesRegex(UserError, "attach the scan"), self.env.cr.savepoint():
            task.complete("signed")
        self.env["ir.attachment"].with_user(self.rep).create(
            {"name": "scan.pdf", "raw": PDF, "res_model": "sale.order", "res_id": renewal.id}
        )
        task.complete("signed")
        self._run(lead)
        self.assertEqual((lead.process_state, renewal.contract_state), ("won", "running"))
        self.assertEqual(self.contract.contract_state, "renewed")

    def test_not_signed_on_paper(self):
        """Three times nothing came of the paper: then the renewal is lost."""
        self.contract.with_user(self.rep).action_contract_renew()
        lead = self.contract.renewal_lead_id
        for time in range(3):
            self._task(lead, "make_renewal").complete("made")
            approval = lead.process_open_task_ids.filtered(
                lambda task: task.step_id.code == "approve_contract"
            )
            if approval:
                approval.with_user(self.leader).complete("approved")
            self._run(lead)
            self._task(lead, "sign_contract").complete("on_paper")
            self._task(lead, "collect_originals").complete("not_signed")
            if time < 2:
                self._task(lead, "renewal_call").complete("agreed")
        self.assertEqual((lead.process_state, self.contract.contract_state), ("lost", "running"))
