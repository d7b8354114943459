from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged

from .common import ProcessCase
from .paper_common import PaperCase


class LetterCase(ProcessCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.missed = cls.env.ref("sales_process.mail_template_missed_call")
        cls.follow_up = cls.env.ref("sales_process.mail_template_proposal_follow_up")

    def _mails(self, lead):
        return self.env["mail.mail"].sudo().search([("model", "=", "crm.lead"), ("res_id", "=", lead.id)])


@tagged("post_install", "-at_install", "sales_process")
class TestLettersByHand(LetterCase):
    """A standard letter is seen, then sent once, in the salesperson's name."""

    def _names(self, lead):
        return [letter["name"] for letter in lead.process_letters()["letters"]]

    def test_a_customer_of_unknown_language_is_written_to_in_the_salespersons(self):
        self.env["res.lang"]._activate_lang("ru_RU")
        lead, _call = self._at_call()
        template = self.env.ref("sales_process.mail_template_wait_1")
        lead.sudo().user_id.lang = "ru_RU"
        for user in (self.rep, self.leader):
            self.assertEqual(template.with_user(user).sudo()._render_lang(lead.ids)[lead.id], "ru_RU")
        lead.lang_id = self.env["res.lang"]._get_data(code="en_US").id
        self.assertEqual(template._render_lang(lead.ids)[lead.id], "en_US")

    def test_offered_are_those_that_fit(self):
        lead, _call = self._at_call()
        names = self._names(lead)
        self.assertIn("We could not reach you", names)
        self.assertNotIn("Your contract ends soon: shall we talk?", names, "it is no renewal")
        self.assertNotIn(self.follow_up.name, names, "there is no proposal yet")
        self.assertNotIn("Your proposal", names, "papers go by their own road, past the approval")
        with self.assertRaises(UserError):
            lead.process_letter_preview(self.follow_up.id)
        with self.assertRaises(UserError):
            lead.process_send_letter(self.follow_up.id)

    def test_preview_is_what_goes(self):
        lead, _call = self._at_call()
        before = self._mails(lead)
        preview = lead.process_letter_preview(self.missed.id)
        self.assertEqual(self._mails(lead), before, "looking sends nothing")
        self.assertFalse(preview["problem"])
        self.assertIn("clara@customer.example.org", preview["to"])
        self.assertIn(self.rep.email, preview["from"])
        lead.process_send_letter(self.missed.id, "look")
        mail = self._mails(lead) - before
        self.assertEqual(len(mail), 1)
        self.assertEqual(mail.subject, preview["subject"])
        self.assertIn("Клара Клиент", mail.body_html)
        self.assertIn("Клара Клиент", preview["body"])

    def test_language_of_the_customer(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.missed.with_context(lang="fr_FR").subject = "J'aimerais vous parler"
        lead, _call = self._at_call()
        lead.sudo().partner_id.lang = "fr_FR"
        lead.sudo().lang_id = self.env["res.lang"].search([("code", "=", "fr_FR")])
        self.assertEqual(lead.process_letter_preview(self.missed.id)["subject"], "J'aimerais vous parler")

    def test_told_who_and_why(self):
        lead, call = self._at_call()
        letter = (
            self.env["sales.process.message"].browse(lead.process_send_letter(self.missed.id, "k")).sudo()
        )
        self.assertEqual((letter.state, letter.task_id), ("sent", call.sudo()))
        self.assertEqual(letter.mail_message_id.author_id, self.rep.partner_id)
        event = lead.sudo().process_event_ids.filtered(
            lambda event: "We could not reach you" in (event.text or "")
        )
        self.assertEqual(event.user_id, self.rep)
        self.assertIn("sent by Rita Rep", event.text)
        notes = lead.sudo().message_ids.filtered(
            lambda message: "We could not reach you" in (message.body or "")
        )
        self.assertEqual(notes.author_id, self.rep.partner_id)

    def test_never_twice(self):
        lead, _call = self._at_call()
        before = self._mails(lead)
        first = lead.process_send_letter(self.missed.id, "one click")
        self.assertEqual(lead.process_send_letter(self.missed.id, "one click"), first)
        self.assertEqual(len(self._mails(lead) - before), 1)
        self.assertNotEqual(lead.process_send_letter(self.missed.id, "another look"), first)
        self.assertEqual(lead.process_send_letter(self.missed.id), lead.process_send_letter(self.missed.id))
        self.assertEqual(len(self._mails(lead) - before), 3)
        self.assertTrue(lead.process_letter_preview(self.missed.id)["sent"], "and the next look says so")

    def test_goes_in_quiet_hours(self):
        self.env["ir.config_parameter"].set_param("sales_process.quiet_from", 0)
        self.env["ir.config_parameter"].set_param("sales_process.quiet_to", 23.99)
        lead, _call = self._at_call()
        letter = self.env["sales.process.message"].browse(lead.process_send_letter(self.missed.id)).sudo()
        self.assertEqual(letter.state, "sent", "a person sends it, and knows what they do")

    def test_what_stands_against_it_is_said_before(self):
        lead, _call = self._at_call()
        self.assertFalse(lead.process_letters()["problem"])
        self.env["mail.blacklist"]._add("clara@customer.example.org")
        self._assert_refused(lead, "blacklist")
        self.env["mail.blacklist"]._remove("clara@customer.example.org")
        lead.sudo().process_mail_paused = True
        self._assert_refused(lead, "paused")
        lead.sudo().process_mail_paused = False
        self.env["ir.config_parameter"].set_param("sales_process.mail_paused", "True")
        self._assert_refused(lead, "paused")
        self.env["ir.config_parameter"].set_param("sales_process.mail_paused", False)
        lead.sudo().write({"email_from": False, "partner_id": False})
        self._assert_refused(lead, "no e-mail address")

    def _assert_refused(self, lead, why):
        before = self._mails(lead)
        self.assertIn(why, lead.process_letters()["problem"])
        with self.assertRaisesRegex(UserError, why):
            lead.process_send_letter(self.missed.id, f"refused {why}")
        self.assertEqual(self._mails(lead), before)

    def test_lead_without_a_process(self):
        lead = self._lead(team_id=self.plain_team.id)
        self.assertIn("not in a sales process", lead.process_letters()["problem"])
        with self.assertRaises(UserError):
            lead.process_send_letter(self.missed.id)

    def test_rights(self):
        lead, _call = self._at_call()
        portal = new_test_user(self.env, "letter_portal", groups="base.group_portal")
        for user in (self.colleague, portal):
            own = lead.with_user(user)
            for ask in (
                own.process_letters,
                lambda own=own: own.process_letter_preview(self.missed.id),
                lambda own=own: own.process_send_letter(self.missed.id),
            ):
                with self.assertRaises(AccessError):
                    ask()
        self.assertTrue(lead.with_user(self.leader).process_send_letter(self.missed.id))

    def test_only_flagged_ones_and_who_flags(self):
        lead, _call = self._at_call()
        own = (
            self.env["mail.template"]
            .with_user(self.rep)
            .create({"name": "My own", "model_id": self.env["ir.model"]._get_id("crm.lead"), "subject": "Hi"})
        )
        with self.assertRaises(UserError):
            lead.process_send_letter(own.id)
        with self.assertRaises(AccessError):
            own.process_letter = True
        own.sudo().process_letter = True
        self.assertIn("My own", self._names(lead))
        with self.assertRaises(ValidationError):
            own.sudo().process_letter_domain = "[('no_such_field', '=', 1)]"

    def test_broken_template_is_named(self):
        lead, _call = self._at_call()
        self.missed.body_html = "<p t-out=\"1 / (0 if object.name == 'Broken' else 1)\"/>"
        lead.name = "Broken"
        with self.assertRaisesRegex(UserError, "We could not reach you"):
            lead.process_letter_preview(self.missed.id)

    def test_key_is_checked(self):
        lead, _call = self._at_call()
        for key in ("", "x" * 65, 5, ["a"]):
            with self.assertRaises(UserError):
                lead.process_send_letter(self.missed.id, key)

    def test_duplicate_of_a_lead_is_nobody_else(self):
        """The letter stands beside the lead's own task, and in its list."""
        lead, call = self._at_call()
        other, _call = self._at_call(email_from="other@other.example")
        lead.process_send_letter(self.missed.id, "same key")
        other.process_send_letter(self.missed.id, "same key")
        names = [letter["name"] for letter in call.get_form()["letters"]]
        self.assertEqual(names.count("We could not reach you"), 1)

    def test_nobody_makes_a_letter_of_the_team_by_a_default(self):
        values = {"name": "Rita's own", "model_id": self.env["ir.model"]._get_id("crm.lead")}
        Template = self.env["mail.template"].with_user(self.rep)
        self.assertFalse(Template.create(values).process_letter)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            Template.with_context(default_process_letter=True).create(values)
        self.env["ir.default"].with_user(self.rep).set("mail.template", "process_letter", True, user_id=True)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            Template.create(values)


@tagged("post_install", "-at_install", "sales_process")
class TestPaperLetters(PaperCase):
    """Letters about papers: only where there is one, and a look makes no link."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.follow_up = cls.env.ref("sales_process.mail_template_proposal_follow_up")

    def _lead_of(self, order):
        lead = order.opportunity_id
        lead.sudo().process_case_id.order_id = order
        return lead

    def test_about_a_proposal_that_was_sent(self):
        order = self._process_order()
        lead = self._lead_of(order)
        offered = lambda: [letter["id"] for letter in lead.process_letters()["letters"]]  # noqa: E731
        self.assertNotIn(self.follow_up.id, offered(), "made, but not sent")
        self._approve(order)
        order.action_proposal_send()
        self.assertIn(self.follow_up.id, offered())

    def test_a_look_makes_no_link(self):
        order = self._sent()
        lead = self._lead_of(order)
        links = self.env["sales.paper.link"].sudo().search_count([("order_id", "=", order.id)])
        preview = lead.process_letter_preview(self.follow_up.id)
        self.assertIn("/sales_process/paper/preview", preview["body"])
        self.assertIn(self.person.email, preview["to"])
        self.assertEqual(
            self.env["sales.paper.link"].sudo().search_count([("order_id", "=", order.id)]), links
        )
        letter = self.env["sales.process.message"].browse(lead.process_send_letter(self.follow_up.id))
        self.assertEqual(letter.sudo().mail_message_id.model, "sale.order")
        self.assertEqual(
            self.env["sales.paper.link"].sudo().search_count([("order_id", "=", order.id)]), links + 1
        )
        self.assertIn(self.follow_up.name, str(lead.sudo().message_ids.mapped("body")))
