import re
from email.message import EmailMessage

from markupsafe import Markup
from odoo.tests import tagged
from odoo.tools import mute_logger

from .paper_common import PaperCase

PAGE = re.compile(r"/sales_process/paper/([\w-]{32,})")


@tagged("post_install", "-at_install", "sales_process")
class TestCustomerLinks(PaperCase):
    """The customer's link is in the customer's mails and nowhere else, by whatever road a letter goes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.template = cls.env.ref("sales_process.mail_template_proposal_follow_up")

    def setUp(self):
        super().setUp()
        self.order = self._sent()
        self.order.message_subscribe(self.leader.partner_id.ids)
        self.links = self.order.sudo().paper_link_ids

    def _composer(self, mode, user=None, **values):
        context = {
            "default_model": "sale.order",
            "default_res_ids": self.order.ids,
            "default_template_id": self.template.id,
            "default_composition_mode": mode,
            "mail_notify_force_send": False,
        }
        Composer = self.env["mail.compose.message"].with_user(user or self.rep)
        return Composer.with_context(**context).create({"force_send": False, **values})

    def _leaving(self, mails):
        """dict address -> body, as the mails go to the mail server."""
        return {
            address: mail["body"]
            for one in mails.sudo()
            for mail in one._prepare_outgoing_list()
            for address in mail["email_to_normalized"]
        }

    def _mails_of(self, message):
        return self.env["mail.mail"].sudo().search([("mail_message_id", "=", message.id)])

    def _new_links(self):
        return self.order.sudo().paper_link_ids - self.links

    def _assert_customer_alone(self, bodies):
        """The customer's mail opens the customer's page, nobody else's does."""
        [token] = PAGE.findall(bodies.pop(self.person.email))
        link = self.env["sales.paper.link"]._find(token)
        self.assertEqual((link.order_id.id, link.purpose), (self.order.id, "proposal"))
        self.assertTrue(link._is_good())
        for address, body in bodies.items():
            self.assertFalse(PAGE.search(body), address)

    # -- Odoo's composer --------------------------------------------------------------------------

    def test_composer(self):
        composer = self._composer("comment")
        self.assertIn("customer_page=proposal", composer.body)
        self.assertFalse(PAGE.search(composer.body), "nor does the rep need it")
        _mails, message = composer._action_send_mail()
        self.assertFalse(PAGE.search(message.body))
        mails = self._mails_of(message)
        self.assertFalse(any(PAGE.search(body) for body in mails.mapped("body_html")), "nor does the queue")
        self.assertFalse(self._new_links(), "made when it leaves")
        bodies = self._leaving(mails)
        self.assertIn(self.leader.email, bodies, "a follower gets the letter too")
        self._assert_customer_alone(bodies)
        self.assertEqual(len(self._new_links()), 1)

    def test_composer_for_many(self):
        composer = self._composer("mass_mail", email_layout_xmlid="mail.mail_notification_light")
        mails, _messages = composer._action_send_mail()
        self.assertFalse(PAGE.search(mails.body_html))
        self.assertFalse(PAGE.search(mails.mail_message_id.body))
        self._assert_customer_alone(self._leaving(mails))

    def test_scheduled(self):
        composer = self._composer("comment", scheduled_date="2050-01-01 10:00:00")
        scheduled = composer._action_schedule_message()
        self.assertFalse(PAGE.search(scheduled.body))
        before = self.order.message_ids
        with self.enter_registry_test_mode():
            scheduled.sudo()._post_message()
        self._assert_customer_alone(self._leaving(self._mails_of(self.order.message_ids - before)))

    def test_posted_by_template(self):
        message = self.order.with_context(mail_notify_force_send=False).message_post_with_source(
            self.template, subtype_xmlid="mail.mt_comment", partner_ids=self.person.ids
        )
        self.assertFalse(PAGE.search(message.body))
        self._assert_customer_alone(self._leaving(self._mails_of(message)))

    def test_a_look_at_the_template(self):
        preview = (
            self.env["mail.template.preview"]
            .with_user(self.rep)
            .create({"mail_template_id": self.template.id, "resource_ref": f"sale.order,{self.order.id}"})
        )
        self.assertIn("customer_page=proposal", preview.body_html)
        self.assertFalse(PAGE.search(preview.body_html))
        self.assertFalse(self._new_links())

    # -- texts that somebody hands in -------------------------------------------------------------

    def _post(self, body, user=None):
        order = self.order.with_user(user or self.rep).with_context(mail_notify_force_send=False)
        return order.message_post(
            body=Markup(body),
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            partner_ids=self.person.ids,
        )

    def test_a_link_that_is_written_by_hand(self):
        url = self.order.sudo()._process_link_url("proposal")
        message = self._post(f'<p>Here: <a href="{url}">your page</a></p>')
        self.assertFalse(PAGE.search(message.body))
        self.assertIn("your page", message.body)
        self._assert_customer_alone(self._leaving(self._mails_of(message)))

    def test_a_link_that_is_written_in_later(self):
        url = self.order.sudo()._process_link_url("proposal")
        message = self._post("<p>Hello</p>")
        self.order.with_user(self.rep)._message_update_content(
            message, body=Markup(f'<a href="{url}">page</a>')
        )
        self.assertFalse(PAGE.search(message.body))

    def test_a_secret_that_nobody_knows(self):
        message = self._post(f'<a href="https://x.example/sales_process/paper/{"x" * 43}">page</a>')
        self.assertFalse(PAGE.search(message.body))
        self.assertIn("/mail/view?model=sale.order", message.body)

    def test_a_stand_in_for_a_colleagues_order_stays_one(self):
        other = self._sent()
        forged = self.env["sales.paper.link"]._stand_in(other.id, "proposal")
        message = self._post(f'<a href="{forged}">page</a>')
        self.assertFalse(PAGE.search(self._leaving(self._mails_of(message))[self.person.email]))

    def test_who_only_reads_the_order_makes_no_link(self):
        stand_in = self.env["sales.paper.link"]._stand_in(self.order.id, "proposal")
        mail = (
            self.env["mail.mail"]
            .sudo()
            .create(
                {
                    "model": "sale.order",
                    "res_id": self.order.id,
                    "body_html": f'<a href="{stand_in}">page</a>',
                    "email_to": "private@reader.example.org",
                }
            )
        )
        self.env.cr.execute(
            "UPDATE mail_mail SET create_uid = %s WHERE id = %s", (self.colleague.id, mail.id)
        )
        mail.invalidate_recordset()
        self.assertFalse(PAGE.search(self._leaving(mail)["private@reader.example.org"]))
        self.assertFalse(self._new_links())

    def test_the_queue_is_nobodys_to_read(self):
        """The letters of the process wait there with their links."""
        for user in (self.rep, self.colleague, self.leader, self.manager, self.portal):
            self.assertFalse(self.env["mail.mail"].with_user(user).has_access("read"), user.name)

    def test_nonsense_is_left_alone(self):
        links = self.env["sales.paper.link"]
        for text in (
            f"/mail/view?model=sale.order&res_id={self.order.id}&customer_page=nonsense",
            f"/mail/view?model=sale.order&res_id={self.order.id}",
            "/sales_process/paper/preview",
        ):
            self.assertEqual(links._with_secrets(text, self.order, self.rep), text)
            self.assertEqual(links._without_secrets(text), text)

    # -- what comes back --------------------------------------------------------------------------

    def test_the_customer_quotes_the_link(self):
        url = self.order.sudo()._process_link_url("proposal")
        wrapped = (
            "https://eur01.safelinks.example/?url=" + url.replace(":", "%3A").replace("/", "%2F") + "&data=1"
        )
        mail = EmailMessage()
        mail["From"], mail["To"] = self.person.email, "catchall@seller.example.com"
        mail["Subject"], mail["Message-Id"] = "Re: proposal", "<quote@blue.example.org>"
        mail["In-Reply-To"] = self.order.message_ids.sorted("id")[-1:].message_id
        mail.set_content("plain")
        mail.add_alternative(
            f'<p>Fine.</p><blockquote><a href="{url}">a</a><a href="{wrapped}">b</a></blockquote>',
            subtype="html",
        )
        parsed = self.env["mail.thread"].message_parse(mail)
        self.assertIsInstance(parsed["body"], Markup)
        token = url.rpartition("/")[2]
        self.assertNotIn(token, parsed["body"], "nor has anything that is made of it")
        before = self.order.message_ids
        with mute_logger("odoo.addons.mail.models.mail_thread"):
            self.env["mail.thread"].message_process("sale.order", mail.as_bytes())
        said = self.order.message_ids - before
        self.assertEqual(said.author_id, self.person)
        self.assertIn("Fine.", said.body)
        self.assertNotIn(token, said.body)
        bodies = self._leaving(self._mails_of(said))
        self.assertIn(self.leader.email, bodies)
        for body in bodies.values():
            self.assertNotIn(token, body)
