"""Leads from everywhere: the mail of a team, quick creation, and add-ons of Odoo that make leads."""

from odoo.tests import tagged

from .common import ProcessCase

MAIL = """From: {sender}
To: {to}
Subject: Need printers
Date: Mon, 23 Nov 2026 10:00:00 +0000
Message-Id: <{number}@buyer.example>
Content-Type: text/plain; charset=utf-8

Нужны принтеры 🙂
"""


@tagged("post_install", "-at_install", "sales_process")
class TestIntake(ProcessCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        domain = cls.env["mail.alias.domain"].create({"name": "seller.example.com"})
        cls.company.alias_domain_id = domain
        (cls.team | cls.plain_team).write({"alias_domain_id": domain.id})
        cls.team.alias_name, cls.plain_team.alias_name = "process", "plain"

    def _mail(self, team, sender):
        number = self.env["crm.lead"].search_count([])
        lead_id = self.env["mail.thread"].message_process(
            "crm.lead", MAIL.format(sender=sender, to=team.alias_id.alias_full_name, number=number)
        )
        return self.env["crm.lead"].browse(lead_id)

    def test_mail_that_says_enough(self):
        lead = self._mail(self.team, '"Боб Покупатель" <bob@buyer.example>')
        self.assertEqual(lead.team_id, self.team)
        self.assertEqual(lead.contact_name, "Боб Покупатель")
        self.assertEqual(lead.process_id, self.process)
        self.assertNotIn("complete_lead", lead.process_open_task_ids.mapped("step_id.code"))

    def test_mail_without_a_name(self):
        lead = self._mail(self.team, "bob@buyer.example")
        self.assertFalse(lead.contact_name)
        self.assertEqual(self._task(lead, "complete_lead").state, "open")

    def test_mail_to_a_team_without_a_process(self):
        lead = self._mail(self.plain_team, '"Bob Buyer" <bob@buyer.example>')
        self.assertFalse(lead.contact_name, "as Odoo makes it")
        self.assertEqual(lead.process_state, "none")

    def test_quick_create(self):
        lead_id, _name = self.env["crm.lead"].with_context(default_team_id=self.team.id).name_create("Quick")
        self.assertTrue(self._task(self.env["crm.lead"].browse(lead_id), "complete_lead"))
