from odoo.addons.sales_process.tests.common import ProcessCase
from odoo.tests import tagged

NUMBER = "+49 30 1234567"


@tagged("post_install", "-at_install", "sales_process")
class TestVoipCall(ProcessCase):
    """The softphone's calls, as its web client makes them, in the log of the process."""

    def _dial(self, user=None, **values):
        Call = self.env["voip.call"].with_user(user or self.rep)
        return Call.create({"phone_number": NUMBER, "type_call": "outgoing", "state": "calling", **values})

    def _logged(self, call):
        return self.env["sales.call"].search([("external_id", "=", f"voip_oca:{call.id}")])

    def test_a_whole_call(self):
        lead, task = self._at_call(phone=NUMBER)
        call = self._dial()
        logged = self._logged(call)
        self.assertEqual(
            (logged.lead_id, logged.user_id, logged.direction, logged.state, logged.task_id),
            (lead, self.rep, "out", "ringing", task.sudo()),
        )
        call.accept_call()
        self.assertEqual(logged.state, "answered")
        call.terminate_call()
        call.terminate_call()
        self.assertEqual((logged.state, len(self._logged(call))), ("ended", 1))
        task.complete("reached", None, "Friendly")
        self.assertEqual((logged.result, logged.note), ("reached", "Friendly"))
        self.assertEqual(len(lead.sudo().call_ids), 1)

    def test_incoming(self):
        lead, _task = self._at_call(phone=NUMBER)
        call = self._dial(type_call="incoming")
        call.reject_call()
        self.assertEqual((self._logged(call).state, self._logged(call).direction), ("missed", "in"))
        other = self._dial(type_call="incoming")
        other.accept_call()
        self.assertTrue(self._logged(other).is_contact)
        self.assertEqual(lead.call_count, 2)

    def test_contact_of_the_softphone(self):
        partner = self.env["res.partner"].create({"name": "Paul"})
        self.assertEqual(self._logged(self._dial(partner_id=partner.id)).partner_id, partner)

    def test_no_leads_by_themselves(self):
        before = self.env["crm.lead"].search_count([])
        self.assertFalse(self._logged(self._dial(type_call="incoming", phone_number="+33142685300")).lead_id)
        self.assertEqual(self.env["crm.lead"].search_count([]), before)

    def test_calls_of_others_are_their_own(self):
        call = self._dial(user=self.env.ref("base.user_demo", raise_if_not_found=False) or self._employee())
        self.assertFalse(self._logged(call))

    def _employee(self):
        return self.env["res.users"].create({"name": "Employee", "login": "voip_employee"})
