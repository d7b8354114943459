from datetime import datetime
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged

from .common import ProcessCase
from .test_letters import REPLY

FRIDAY = datetime(2026, 11, 20, 16, 30)


@tagged("post_install", "-at_install", "sales_process")
class TestOverdueCall(ProcessCase):
    """The story of a call that nobody makes, on a clock that is moved by hand."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.config_parameter"].set_param("sales_process.quiet_from", 0)
        cls.env["ir.config_parameter"].set_param("sales_process.quiet_to", 0)
        cls.calendar.attendance_ids = [(5, 0, 0)] + [
            (0, 0, {"name": "Day", "dayofweek": str(day), "hour_from": 9, "hour_to": 18}) for day in range(5)
        ]

    def _at(self, moment):
        """The clock shows this moment (UTC, as the team's calendar)."""
        for target, name in ((type(self.env.cr), "now"), (fields.Datetime, "now")):
            patcher = patch.object(target, name, return_value=moment)
            patcher.start()
            self.addCleanup(patcher.stop)

    def _run_jobs(self):
        with self.enter_registry_test_mode():
            for job in ("timers", "letters"):
                self.env.ref(f"sales_process.ir_cron_sales_process_{job}").method_direct_trigger()

    def _announced(self, **vals):
        """Friday 16:30 the customer asks; nobody calls. Monday 9:30 the letter is announced."""
        self._at(FRIDAY)
        lead, call = self._at_call(**vals)
        self._at(datetime(2026, 11, 20, 17, 59))
        self._run_jobs()
        self.assertFalse(self._letter_of(lead), "two working hours after 16:30 are not over on Friday")
        self._at(datetime(2026, 11, 22, 12, 0))
        self._run_jobs()
        self.assertFalse(self._letter_of(lead), "and not on Sunday")
        self._at(datetime(2026, 11, 23, 9, 31))
        self._run_jobs()
        letter = self._letter_of(lead)
        self.assertEqual(letter.state, "planned")
        return lead, call, letter

    def _receive(self, lead, sender, headers="", body="Thank you, call me tomorrow."):
        """A mail comes in, as an answer to one of ours."""
        parent = lead.message_ids.sorted("id")[:1].message_id
        mail = REPLY.format(
            sender=sender, parent=parent, headers=headers, body=body, number=f"{len(headers)}{sender[:4]}"
        )
        return self.env["mail.thread"].sudo().message_process("crm.lead", mail)

    def _letter_of(self, lead):
        return lead.sudo().process_message_ids.filtered(lambda message: message.key == "missed_call")

    def test_goes_at_its_working_hour(self):
        _lead, call, letter = self._announced()
        self.assertEqual(letter.date_due, datetime(2026, 11, 23, 10, 31), "an hour after the announcement")
        shown = [shown for shown in call.get_form()["letters"] if shown["waiting"]]
        self.assertEqual([shown["name"] for shown in shown], ["We could not reach you"])
        self.assertIn("“We could not reach you” goes to the customer", call.next_text)
        letter.action_hold()
        self.assertIn("substitute", call.next_text, "a held letter goes nowhere")
        letter.action_release()
        self._at(datetime(2026, 11, 23, 10, 30))
        self._run_jobs()
        self.assertEqual(letter.state, "planned")
        self._at(datetime(2026, 11, 23, 10, 31))
        self._run_jobs()
        self._run_jobs()
        self.assertEqual(letter.state, "sent")
        mails = self.env["mail.mail"].sudo().search([("mail_message_id", "=", letter.mail_message_id.id)])
        self.assertEqual(len(mails), 1)

    def test_talked_to_them(self):
        _lead, call, letter = self._announced()
        call.complete("reached")
        self._at(datetime(2026, 11, 23, 12, 0))
        self._run_jobs()
        self.assertEqual(letter.state, "withdrawn")
        self.assertFalse(letter.mail_message_id)

    def test_out_of_office_then_a_colleague(self):
        lead, _call, letter = self._announced()
        _other, _call, second = self._announced(email_from="boss@customer.example.org", name="Other need")
        _stranger, _call, third = self._announced(email_from="x@stranger.example.org", partner_name="Else")
        letters = letter | second | third
        self._receive(
            lead, "clara@customer.example.org", "Auto-Submitted: auto-replied\n", "I am out of office."
        )
        self.assertEqual(set(letters.mapped("state")), {"planned"}, "a machine has answered")
        self._receive(lead, "somebody.else@customer.example.org")
        self.assertEqual(letters.mapped("state"), ["withdrawn", "withdrawn", "planned"])
        self._at(datetime(2026, 11, 23, 12, 0))
        self._run_jobs()
        self.assertEqual(letters.mapped("state"), ["withdrawn", "withdrawn", "sent"])

    def test_the_company_itself_and_a_colleague_with_another_address(self):
        company = self.env["res.partner"].create({"name": "Customer GmbH", "is_company": True})
        person = self.env["res.partner"].create(
            {"name": "Paul", "parent_id": company.id, "email": "paul@gmail.com"}
        )
        lead, call, letter = self._announced(name="Ground floor", partner_id=company.id)
        other, _call, second = self._announced(
            name="First floor", partner_id=person.id, email_from="paul@gmail.com"
        )
        self.assertEqual((lead | other)._process_companies(), company)
        self._receive(other, "paul@gmail.com")
        self.assertEqual((letter | second).mapped("state"), ["withdrawn", "withdrawn"])
        self.assertEqual([deal["id"] for deal in call.get_form()["story"]["deals"]], [other.id])

    def test_the_salesperson_reads_why_in_their_language(self):
        self.env["res.lang"]._activate_lang("ru_RU")
        self.rep.lang = "ru_RU"
        _lead, _call, letter = self._announced()
        self.assertRegex(letter.why, "[а-я]")
