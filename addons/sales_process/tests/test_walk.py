from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import ProcessCase


@tagged("post_install", "-at_install", "sales_process")
class TestWalk(ProcessCase):
    """A lead goes the whole way of the process as shipped, by the public interface alone."""

    def test_lead_to_renewal(self):
        lead, call = self._at_call()
        self.assertEqual(lead.process_state, "running")
        self.assertEqual(call.user_id, self.rep)
        self.assertTrue(call.activity_id.active)
        (contact,) = call.complete("reached")
        self.assertEqual(call.complete("reached"), [contact], "the same answer again changes nothing")
        with self.assertRaises(UserError):
            call.complete("not_reached")
        result = self._task(lead, "contact_result")
        with self.assertRaises(UserError) as caught:
            result.complete("interested")
        self.assertIn("Expected Revenue", str(caught.exception))
        result.complete("interested", {
            "description": "Two packages", "expected_revenue": 2000, "date_deadline": fields.Date.today(),
        })
        self._run(lead)
        self.assertEqual(lead.type, "opportunity")
        self.assertEqual(lead.partner_id.parent_id.name, "Customer GmbH")
        self._task(lead, "make_proposal").complete("made")
        order = lead.sudo().process_case_id.order_id
        self.assertEqual(order.order_line.product_id, self.product)
        approval = self._task(lead, "approve_proposal")
        self.assertEqual(approval.user_id, self.leader)
        with self.assertRaises(UserError):
            approval.complete("approved")
        approval.with_user(self.leader).complete("approved")
        self._run(lead)
        self.assertEqual(order.state, "sent")
        self._task(lead, "plan_meeting").complete("not_needed")
        self._run(lead)
        lead._process_signal("proposal_accepted", order, {"version": 1})
        self._run(lead)
        self._task(lead, "request_information").complete("not_needed")
        self._task(lead, "make_contract").complete("made", {
            "contract_date_start": fields.Date.today(), "contract_term_months": 12,
            "contract_customer_signatory": "Clara Client",
        })
        self.assertTrue(order.contract_number)
        self._task(lead, "approve_contract").with_user(self.leader).complete("approved")
        self._run(lead)
        self.assertEqual(order.contract_state, "to_sign")
        self._task(lead, "sign_contract")
