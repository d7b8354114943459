from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .paper_common import PaperCase

RENDERER = "odoo.addons.mail.models.mail_render_mixin"


class TemplateCase(PaperCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Template = cls.env["sales.document.template"]
        cls.owner = new_test_user(
            cls.env, "template_owner", groups="sales_process.group_owner", name="Olga Owner"
        )
        cls.russian = cls.env["res.lang"]._activate_lang("ru_RU")
        cls.english = cls.env.ref("base.lang_en")
        cls.english_proposal = cls.env.ref("sales_process.document_template_proposal_en")
        cls.russian_proposal = cls.env.ref("sales_process.document_template_proposal_ru")

    @classmethod
    def _template(cls, body="<p>Text</p>", **vals):
        return cls.Template.create(
            {"name": "Own", "kind": "proposal", "company_id": False, "sequence": 1, "body": body} | vals
        )


@tagged("post_install", "-at_install", "sales_process")
class TestDocumentTemplate(TemplateCase):
    """What is written into a template, and by whom."""

    def test_unknown_placeholders_are_named_at_saving(self):
        for body, named in (
            ('<p><t t-out="object.nonsense"/></p>', "object.nonsense"),
            ("<p>Dear {{ object.partner_id.nonsense }}</p>", "object.partner_id.nonsense"),
            ("<p>Dear {{ nonsense }}</p>", "nonsense"),
            ("<p t-if=\"paper['nonsense']\">x</p>", "paper['nonsense']"),
            ('<p t-attf-title="a {{ object.nonsense }}">x</p>', "object.nonsense"),
            (
                '<t t-foreach="object.order_line" t-as="line"><t t-out="line.nonsense"/></t>',
                "line.nonsense",
            ),
            ('<p><t t-out="format_date(object.date_nonsense)"/></p>', "object.date_nonsense"),
            ('<t t-set="who" t-value="object.partner_id"/><t t-out="who.nonsense"/>', "who.nonsense"),
            ('<p><t t-out="object.name +"/></p>', "object.name +"),
        ):
            with self.subTest(body), self.assertRaises(ValidationError) as caught, self.env.cr.savepoint():
                self._template(body)
            self.assertIn(f"“{named}”", str(caught.exception))
        template = self._template()
        with self.assertRaises(ValidationError) as caught:
            template.write(
                {"footer": "{{ object.first }} {{ object.second }}", "header": "{{ object.third }}"}
            )
        for named in ("object.first", "object.second", "object.third"):
            self.assertIn(named, str(caught.exception), "all of them at once")

    def test_known_placeholders(self):
        """Nothing that works is refused."""
        for body in (
            '<t t-foreach="object.order_line.filtered(lambda l: not l.display_type)" t-as="line">'
            '<t t-out="str(line.product_id.name).upper()"/><t t-out="line_index"/></t>',
            '<p t-out="format_amount(object.amount_total, object.currency_id)"/>',
            '<p t-out="max([line.price_unit for line in object.order_line])"/>',
            '<t t-set="count" t-value="0"/><t t-set="count" t-value="count + 1"/><p t-out="count"/>',
            "<p t-out=\"object['name']\"/><p t-out=\"paper.get('total')\"/>",
            '<p t-out="user.name"/><p t-out="ctx.get(\'lang\')"/>',
        ):
            with self.subTest(body):
                self.assertTrue(self._template(body))

    @mute_logger(RENDERER)
    def test_what_fails_is_named_at_saving(self):
        with self.assertRaises(ValidationError) as caught:
            self._template('<p><t t-out="object.name / 2"/></p>')
        self.assertIn("object.name / 2", str(caught.exception))

    def test_trying_out_changes_nothing(self):
        order = self._process_order()
        self._template("<p t-out=\"object.write({'client_order_ref': 'changed'})\"/>")
        self.assertFalse(order.client_order_ref)

    def test_braces_become_placeholders(self):
        order = self._process_order()
        template = self._template(
            "<p>Dear {{ object.partner_id.name }} ({{ object.client_order_ref ||| none }})!</p>"
        )
        self.assertNotIn("{{", template.body)
        html = order._process_paper("proposal", template=template).html
        self.assertIn("Dear Anna Keller (none)!", html)

    def test_blocks_leave_their_paragraph(self):
        template = self._template("<p><t t-out=\"paper['lines']\">Lines</t></p>")
        self.assertNotIn("<p>", template.body)
        html = self._process_order()._process_paper("proposal", template=template).html
        self.assertIn("Service package", html)

    def test_every_placeholder_is_offered_and_works(self):
        offered = self.Template.with_user(self.owner).get_placeholders()
        self.assertTrue(all(item["label"] for item in offered))
        body = "".join(f"<div><t t-out=\"paper['{item['name']}']\"/></div>" for item in offered)
        for kind in ("proposal", "contract", "letter"):
            self.assertTrue(self._template(body, kind=kind))

    def test_a_rep_cannot_edit(self):
        template = self._template()
        for user in (self.rep, self.leader, self.manager):
            own = template.with_user(user)
            self.assertTrue(own.read(["body"]))
            for road in (
                lambda o=own: o.write({"body": "<p>x</p>"}),
                lambda o=own: o.copy(),
                lambda o=own: o.action_archive(),
                own.unlink,
            ):
                with self.subTest(user.login), self.assertRaises(AccessError):
                    road()
        for user in (self.portal, self.env.ref("base.public_user")):
            with self.assertRaises(AccessError):
                template.with_user(user).read(["body"])
        template.with_user(self.owner).body = "<p>Mine</p>"
        self.assertIn("Mine", template.body)

    def test_expressions_are_for_template_editors(self):
        """As in Odoo's mail templates: without the group only what a model allows."""
        group = self.env.ref("mail.group_mail_template_editor")
        self.env.ref("base.group_user").write({"implied_ids": [Command.unlink(group.id)]})
        group.write({"user_ids": [Command.unlink(self.owner.id)]})
        self.assertFalse(self.owner.has_group("mail.group_mail_template_editor"))
        template = self._template()
        bad = (
            "<p t-out=\"env.cr.execute('DELETE FROM sale_order')\"/>",
            "<p>{{ object.sudo().company_id.partner_id.bank_ids }}</p>",
            '<t t-call="web.layout"/>',
        )
        order = self._process_order()
        for vals in ({"body": bad[0]}, {"body": bad[1]}, {"body": bad[2]}, {"footer": "{{ env }}"}):
            with self.subTest(vals), self.assertRaises(AccessError), self.env.cr.savepoint():
                template.with_user(self.owner).write(vals)
            with self.subTest(vals), self.assertRaises(AccessError), self.env.cr.savepoint():
                self.Template.with_user(self.owner).create(
                    {"name": "x", "kind": "proposal", "body": "<p>x</p>"} | vals
                )
        self.assertTrue(order.exists(), "and nothing was run")
        template.with_user(self.owner).body = '<p>Dear <t t-out="object.partner_id.name"/></p>'
        self.assertIn("Dear Anna Keller", order._process_paper("proposal", template=template).html)

    def test_version_counts_changes_of_the_text(self):
        template = self._template()
        template.write({"name": "Another name", "sequence": 3})
        self.assertEqual(template.version, 1)
        template.body = "<p>Other</p>"
        template.body = "<p>Other</p>"
        self.assertEqual(template.version, 2)

    def test_nothing_is_fetched(self):
        """Neither a template nor a colleague's text makes the server call on anybody."""
        order = self._process_order()
        order.note = '<p><img src="http://192.0.2.1/x.png"/></p>'
        picture = self.env["ir.attachment"].create(
            {"name": "x.png", "datas": "iVBORw0KGgo=", "mimetype": "image/png", "public": True}
        )
        secret = self.env["ir.attachment"].create(
            {
                "name": "y.png",
                "datas": "aGlkZGVu",
                "mimetype": "image/png",
                "res_model": "ir.cron",
                "res_id": 1,
            }
        )
        template = self._template(
            f"<p><img src='/web/image/{picture.id}'/><img src=\"/web/image/{secret.id}-1/y.png\"/>"
            "<span style='background: url(http://192.0.2.1/y.png)'>a</span>"
            "<t t-out=\"paper['note']\"/></p>"
        )
        html = str(order.with_user(self.rep)._process_paper("proposal", template=template).html)
        self.assertNotIn("192.0.2.1", html)
        self.assertIn("data:image/png;base64,iVBORw0KGgo=", html)
        self.assertNotIn("aGlkZGVu", html)


@tagged("post_install", "-at_install", "sales_process")
class TestChoiceOfTemplate(TemplateCase):
    """Which template an order gets."""

    def _chosen(self, order, kind="proposal"):
        return self.Template._find_for(order, kind)[0]

    def test_by_language(self):
        order = self._process_order()
        self.assertEqual(self._chosen(order), self.english_proposal)
        self.person.lang = "ru_RU"
        self.assertEqual(self._chosen(order), self.russian_proposal)
        self.env["res.lang"]._activate_lang("en_GB")
        self.person.lang = "en_GB"
        self.assertEqual(self._chosen(order), self.english_proposal, "another country's form of it")
        self.env["res.lang"]._activate_lang("de_DE")
        self.person.lang = "de_DE"
        template, problem = self.Template._find_for(order, "proposal")
        self.assertFalse(template)
        self.assertIn("German", problem)
        self.assertIn("Russian", problem)
        neutral = self._template()
        self.assertEqual(self._chosen(order), neutral, "every language is better than none")

    def test_process_and_quotation_template_come_first(self):
        order, own = self._process_order(), self._template(sequence=99)
        self.process.document_template_ids = own
        self.assertEqual(self._chosen(order), own)
        other = self._template(sequence=98)
        order.sale_order_template_id.sudo().document_template_ids = other
        self.assertEqual(self._chosen(order), other)
        self.assertEqual(
            self._chosen(order, "contract"),
            self.env.ref("sales_process.document_template_contract_en"),
            "they name none of this kind",
        )
        other.active = own.active = False
        self.assertEqual(self._chosen(order), self.english_proposal)

    def test_never_another_companys(self):
        order, foreign = self._process_order(), self._template(sequence=0, company_id=self.company_2.id)
        self.process.document_template_ids = foreign
        order.sale_order_template_id.sudo().document_template_ids = foreign
        self.assertEqual(self._chosen(order), self.english_proposal)
        with self.assertRaises(AccessError):
            foreign.with_user(self.owner).read(["body"])

    def test_none(self):
        order = self._process_order()
        self._approve(order)
        self.Template.search([]).action_archive()
        with self.assertRaises(UserError) as caught:
            order.action_proposal_send()
        self.assertIn("no document template", str(caught.exception))
        with self.assertRaises(UserError):
            order._process_make_document("proposal")


@tagged("post_install", "-at_install", "sales_process")
class TestTemplateAndDocuments(TemplateCase):
    """A document keeps what it was made of."""

    def test_a_change_of_the_template_keeps_old_versions(self):
        order, template = self._process_order(), self._template("<p>First</p>", language_id=self.english.id)
        first = order._process_make_document("proposal")
        self.assertEqual((first.template_id, first.template_version), (template, 1))
        content = first.attachment_id.raw
        template.body = "<p>Second</p>"
        second = order._process_make_document("proposal")
        self.assertEqual((second.version, second.template_version), (2, 2))
        self.assertEqual(first.attachment_id.raw, content)
        self.assertEqual(first.version, 1)
        with self.assertRaises(UserError):
            template.unlink()

    def test_the_same_content_is_not_rendered_twice(self):
        order, calls = self._process_order(), []
        model, render = type(order), type(order)._process_paper_pdf

        def counted(record, html, kind, **options):
            calls.append(kind)
            return render(record, html, kind, **options)

        self.patch(model, "_process_paper_pdf", counted)
        first = order._process_make_document("proposal")
        self.assertEqual(order._process_make_document("proposal"), first)
        price = order.order_line.price_unit
        order.order_line.price_unit = price + 1
        order._process_make_document("proposal")
        order.order_line.price_unit = price
        third = order._process_make_document("proposal")
        self.assertEqual(len(calls), 2, "the price of before: the file of before")
        self.assertEqual((third.version, third.sha256), (3, first.sha256))

    def test_footer_and_header(self):
        order = self._process_order()
        template = self._template(header="<p>Bank 4711</p>", footer="{{ object.name }}\n\nLine two")
        paper = order._process_paper("proposal", template=template)
        self.assertIn("Bank 4711", paper.html)
        self.assertEqual(paper.footer, f"{order.name}\nLine two")
        template.write({"header": False, "footer": False})
        paper = order._process_paper("proposal", template=template)
        self.assertIn(self.company.name, paper.footer)

    def test_amount_in_words(self):
        order = self._process_order()
        for lang, currency, amount, words in (
            ("en_US", "USD", 1250.5, "One thousand, two hundred and fifty dollars and 50 cents"),
            ("en_US", "JPY", 1250, "One Thousand, Two Hundred And Fifty Yen"),
            ("ru_RU", "RUB", 21002.05, "Двадцать одна тысяча два рубля 05 копеек"),
            ("ru_RU", "USD", 1.21, "Один доллар 21 цент"),
        ):
            with self.subTest(f"{lang} {currency}"):
                order.currency_id = self.env.ref(f"base.{currency}")
                text = order.with_context(lang=lang)._process_words(amount)
                self.assertEqual(text.lower(), words.lower())

    def test_shipped(self):
        """All four are complete: nothing is left to fill in."""
        order = self._process_order()
        order.write({"contract_date_start": "2030-01-01", "contract_term_months": 12})
        for kind, name in (("proposal", "proposal"), ("contract", "contract")):
            for language in ("en", "ru"):
                template = self.env.ref(f"sales_process.document_template_{name}_{language}")
                html = order._process_paper(kind, template=template).html
                for part in (order.name, "Blue Harbour Foods", "Service package"):
                    self.assertIn(part, html)
                self.assertNotIn("t-out", html)

    def test_optional_products(self):
        order = self._process_order()
        order.write(
            {
                "order_line": [
                    Command.create(
                        {"display_type": "line_section", "name": "On demand", "is_optional": True}
                    ),
                    Command.create(
                        {"product_id": self.product.id, "product_uom_qty": 0, "name": "Spare part"}
                    ),
                ]
            }
        )
        template = self._template("<div><t t-out=\"paper['lines']\"/></div>")
        html = order._process_paper("proposal", template=template).html
        self.assertNotIn("Spare part", html)
        self.assertNotIn("On demand", html, "a section of options alone is no heading of the offer")
        template.body = "<div><t t-out=\"paper['options']\"/></div>"
        self.assertIn("Spare part", order._process_paper("proposal", template=template).html)

    def test_preview_of_a_lead_without_a_contact(self):
        """Who would be made of the lead stands on the paper; nobody is made."""
        lead = self._lead(partner_name="Nordic Light", contact_name="Emma Larsson", email_from="e@n.example")
        self.assertFalse(lead.partner_id)
        before = self.env["res.partner"].search_count([])
        preview = self.env["sales.document.preview"].with_user(self.rep)
        shown = preview.create({"template_id": self.english_proposal.id, "lead_id": lead.id})
        for name in ("Nordic Light", "Emma Larsson", "e@n.example"):
            self.assertIn(name, shown.html)
        self.env.flush_all()
        self.assertEqual(self.env["res.partner"].search_count([]), before)

    def test_preview(self):
        lead = self._lead(partner_id=self.person.id, email_from=self.person.email, type="opportunity")
        Preview = self.env["sales.document.preview"].with_user(self.rep)
        preview = Preview.create({"template_id": self.english_proposal.id, "lead_id": lead.id})
        self.assertIn("Service package", preview.html)
        self.assertIn("Anna Keller", preview.html)
        self.assertFalse(lead.order_ids, "nothing is made")
        order = self._process_order()
        preview = Preview.create({"template_id": self.english_proposal.id, "order_id": order.id})
        self.assertIn(order.name, preview.html)
        self.assertTrue(preview.action_pdf()["url"])
        foreign = Preview.with_user(self.colleague).create(
            {"template_id": self.english_proposal.id, "order_id": order.id}
        )
        self.assertFalse(foreign.html)
        self.assertTrue(foreign.problem)
        with self.assertRaises(AccessError):
            foreign.action_pdf()

    def test_letter(self):
        order = self._process_order()
        letter = self._template("<p>Dear {{ object.partner_id.name }}</p>", kind="letter")
        preview = self.env["sales.document.preview"].with_user(self.rep)
        preview.create({"template_id": letter.id, "order_id": order.id}).action_keep_letter()
        document = self.env["sales.document"]._last(order, "letter")
        self.assertEqual((document.kind, document.template_id), ("letter", letter))
        with self.assertRaises(UserError):
            preview.create(
                {"template_id": self.english_proposal.id, "order_id": order.id}
            ).action_keep_letter()
