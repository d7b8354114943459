"""Requests from a contact form, as an unknown visitor sends them."""

import json

from odoo.addons.sales_process.tests.common import ProcessCase
from odoo.tests import HttpCase, tagged


@tagged("post_install", "-at_install", "sales_process")
class TestWebForm(HttpCase, ProcessCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.website = cls.env["website"].get_current_website()
        cls.website.company_id = cls.company
        cls.website.crm_default_team_id = cls.plain_team
        cls.other = cls.process.copy({"code": "web", "name": "Web requests"})
        cls.other.team_ids = cls.team
        cls.other.action_activate()

    def _send(self, **values):
        """Send the form as it is sent by the page; the lead made of it."""
        form = {
            "contact_name": "Клара Клиент 🙂",
            "email_from": "clara@customer.example.org",
            "phone": "+49 30 1234567",
            "partner_name": "Customer GmbH",
            "name": "Printers",
            "description": "Ten of them",
            **values,
        }
        before = self.env["crm.lead"].search([], order="id desc", limit=1).id or 0
        answer = self.url_open("/website/form/crm.lead", data=form)
        self.assertEqual(answer.status_code, 200)
        found = json.loads(answer.text)
        self.assertTrue(found.get("id"), answer.text)
        self.env.invalidate_all()
        return self.env["crm.lead"].search([("id", ">", before)])

    def test_process_of_the_form(self):
        lead = self._send(website_process_id=str(self.other.id))
        self.assertEqual(lead.process_id, self.other)
        self.assertEqual(lead.team_id, self.team, "a team that has the process")
        self.assertEqual(lead.medium_id.name, "Website")
        self.assertTrue(lead.process_open_task_ids)

    def test_team_of_the_form(self):
        lead = self._send(team_id=str(self.team.id))
        self.assertEqual(lead.process_id, self.process)

    def test_website_without_a_choice_starts_nothing(self):
        lead = self._send()
        self.assertEqual(lead.team_id, self.plain_team)
        self.assertEqual(lead.process_state, "none")

    def test_new_version_takes_the_form_over(self):
        new = self.env["sales.process"].browse(self.other.action_new_version()["res_id"])
        new.action_activate()
        lead = self._send(website_process_id=str(self.other.id))
        self.assertEqual(lead.process_id, new)

    def test_what_a_visitor_makes_up_is_left_out(self):
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        theirs = self.process.copy({"code": "theirs", "company_id": elsewhere.id})
        theirs.action_activate()
        for made_up in (self.renewal.id, theirs.id, 0, -1, 2**31 - 1):
            with self.subTest(made_up):
                lead = self._send(website_process_id=str(made_up))
                self.assertFalse(lead.website_process_id)
                self.assertEqual(lead.process_state, "none")

    def test_visitor_cannot_set_other_fields_of_the_process(self):
        lead = self._send(process_mail_paused="True")
        self.assertFalse(lead.process_mail_paused)
