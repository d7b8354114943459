import base64
import hashlib
import io
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from PIL import Image, ImageFile
from pypdf import PdfReader

from .paper_common import PIXEL, PaperCase


@tagged("post_install", "-at_install", "sales_process")
class TestDocuments(PaperCase):
    """Papers are kept: every version, unchanged."""

    def test_kept(self):
        order = self._process_order()
        document = order._process_make_document("proposal")
        self.assertEqual(document.version, 1)
        self.assertEqual(document.user_id, self.rep)
        attachment = document.attachment_id
        self.assertEqual((attachment.res_model, attachment.res_id), ("sale.order", order.id))
        self.assertEqual(attachment.mimetype, "application/pdf")
        self.assertEqual(document.sha256, hashlib.sha256(attachment.raw).hexdigest())
        self.assertEqual(order._process_make_document("proposal"), document, "not rendered twice")
        order.order_line.product_uom_qty = 3
        self.assertEqual(order._process_make_document("proposal").version, 2)
        self.assertEqual(order.sales_document_count, 2)

    def test_the_file_cannot_be_changed(self):
        order = self._process_order()
        attachment = order._process_make_document("proposal").attachment_id
        for user in (
            self.rep,
            self.leader,
            self.manager,
            self.env.ref("base.user_admin"),
            self.env.ref("base.user_root"),
        ):
            file = attachment.with_user(user)
            for name, road in (
                ("raw", lambda f=file: f.write({"raw": b"x"})),
                ("datas", lambda f=file: f.write({"datas": base64.b64encode(b"x")})),
                ("name", lambda f=file: f.write({"name": "x"})),
                ("move", lambda f=file: f.write({"res_id": 0})),
                ("public", lambda f=file: f.write({"public": True})),
                ("attribute", lambda f=file: setattr(f, "raw", b"x")),
                ("unlink", lambda f=file: f.unlink()),
                ("sudo unlink", lambda f=file: f.sudo().unlink()),
                ("forged context", lambda f=file: f.with_context(sales_process_internal=True).unlink()),
            ):
                with (
                    self.subTest(f"{user.login} {name}"),
                    self.assertRaises(UserError),
                    self.env.cr.savepoint(),
                ):
                    road()
        self.assertTrue(attachment.generate_access_token())
        attachment.with_user(self.rep).write({"thumbnail": PIXEL})
        attachment.write({"raw": attachment.raw})

    def test_other_attachments_are_free(self):
        order = self._process_order()
        file = (
            self.env["ir.attachment"]
            .with_user(self.rep)
            .create({"name": "note.txt", "raw": b"x", "res_model": "sale.order", "res_id": order.id})
        )
        file.write({"raw": b"y"})
        file.unlink()

    def test_a_draft_goes_with_its_order_a_sent_one_stays(self):
        order = self._process_order()
        order._process_make_document("proposal")
        order.sudo().unlink()
        sent = self._sent()
        sent.action_cancel()
        with self.assertRaises(UserError):
            sent.sudo().unlink()

    def test_rights(self):
        document = self._process_order()._process_make_document("proposal")
        self.env.flush_all()
        for user in (self.rep, self.leader, self.manager):
            own = document.with_user(user)
            self.assertTrue(own.read(["name"]))
            for call in (
                lambda o=own: o.write({"version": 2}),
                own.unlink,
                lambda o=own: o.create({"name": "x", "order_id": o.order_id.id}),
            ):
                with self.assertRaises(AccessError):
                    call()
        for user in (self.colleague, self.foreigner, self.portal, self.env.ref("base.public_user")):
            with self.subTest(user.login), self.assertRaises(AccessError):
                document.with_user(user).read(["name"])

    def test_a_customer_with_an_account_reads_no_file(self):
        attachment = self._sent().sudo().sales_document_ids.attachment_id
        with self.assertRaises(AccessError):
            attachment.with_user(self.portal).read(["raw"])

    def test_signing(self):
        order = self._to_sign()
        document = self.env["sales.document"]._last(order, "contract")
        self.assertTrue(document.date_sent)
        origin = {"ip": "192.0.2.7", "agent": "Firefox"}
        public = order.with_user(self.env.ref("base.public_user")).sudo()
        for sha256, name, picture in (
            ("0" * 64, "Anna", PIXEL),
            (document.sha256, " ", PIXEL),
            (document.sha256, "Anna", "bm90IGFuIGltYWdl"),
            (document.sha256, "Anna", None),
        ):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                public._process_sign_contract(document, sha256, name, picture, origin)
        mails = self.env["mail.mail"].search_count([])
        copy = public._process_sign_contract(document, document.sha256, "Anna Keller", PIXEL, origin)
        self.assertEqual((order.state, order.contract_state), ("sale", "running"))
        self.assertEqual((order.signed_by, bool(order.signature)), ("Anna Keller", True))
        self.assertEqual(copy.kind, "signed_contract")
        self.assertEqual(copy.evidence["sha256"], document.sha256)
        self.assertEqual(copy.evidence["ip"], "192.0.2.7")
        self.assertIn("(UTC)", copy.evidence["local"])
        told = [words.split(" ")[0] for _moment, words in copy.evidence["events"]]
        self.assertEqual(told, ["Made", "Approved", "Sent", "Signed"])
        moments = [moment for moment, _words in copy.evidence["events"]]
        self.assertEqual(moments, sorted(moments))
        self.assertEqual(moments[-1], copy.evidence["date"])
        self.assertEqual(len(PdfReader(io.BytesIO(copy.attachment_id.raw)).pages), 2)
        again = public._process_sign_contract(document, document.sha256, "Somebody", PIXEL, origin)
        self.assertEqual(again, copy)
        self.assertEqual(order.signed_by, "Anna Keller")
        self.assertEqual(self.env["mail.mail"].search_count([]), mails, "no confirmation mail of Odoo's")

    def test_signature_that_unfolds_to_millions_of_pixels(self):
        file = io.BytesIO()
        Image.new("1", (6000, 6000)).save(file, "PNG")
        self.assertLess(len(file.getvalue()), 100000)
        bomb = base64.b64encode(file.getvalue()).decode()
        order = self.env["sale.order"]
        unfolding = patch.object(ImageFile.ImageFile, "load", side_effect=AssertionError("unfolded"))
        with unfolding, self.assertRaises(UserError):
            order._process_signature_picture(bomb)
        self.assertTrue(order._process_signature_picture(PIXEL))

    def test_changed_after_sending_cannot_be_signed(self):
        order = self._to_sign()
        document = self.env["sales.document"]._last(order, "contract")
        order.order_line.price_unit = 500
        with self.assertRaises(UserError):
            order.sudo()._process_sign_contract(document, document.sha256, "Anna", PIXEL, {})

    def test_the_forgotten_customer_wrote_nothing(self):
        order = self._sent()
        document = self.env["sales.document"]._last(order, "proposal")
        order._process_decide(document, "change", "Anna Keller", "Less, please")
        self.assertTrue(document.sent_to)
        self.leader.group_ids += self.env.ref("sales_process.group_owner")
        order.opportunity_id.with_user(self.leader).process_forget_customer()
        self.assertFalse(document.sent_to or order.process_decision_name or order.process_decision_comment)
        self.assertEqual(order.process_decision, "change", "that it was so stays")

    def test_salespeople_read_their_own_language(self):
        self.env["res.lang"]._activate_lang("ru_RU")
        self.rep.lang, self.person.lang = "ru_RU", "en_US"
        order = self._sent()
        document = self.env["sales.document"]._last(order, "proposal")
        order.with_context(lang="en_US")._process_decide(document, "accepted", "Anna Keller")
        said = " ".join(order.message_ids.mapped("body"))
        self.assertIn("Страница клиента", said)

    def test_scan(self):
        order = self._to_sign()
        with self.assertRaises(UserError):
            order._process_accept_scan()
        scan = (
            self.env["ir.attachment"]
            .with_user(self.rep)
            .create(
                {
                    "name": "scan.pdf",
                    "raw": b"%PDF-1.4 scan",
                    "mimetype": "application/pdf",
                    "res_model": "sale.order",
                    "res_id": order.id,
                }
            )
        )
        copy = order._process_accept_scan()
        self.assertEqual(copy.attachment_id, scan)
        self.assertEqual(order.contract_state, "running")
        with self.assertRaises(UserError):
            scan.with_user(self.rep).unlink()


@tagged("post_install", "-at_install", "sales_process")
class TestRendering(PaperCase):
    """Real PDFs, by the wkhtmltopdf that is here."""

    render = True

    def _pages(self, document):
        return [page.extract_text() for page in PdfReader(io.BytesIO(document.attachment_id.raw)).pages]

    def setUp(self):
        super().setUp()
        if self.env["ir.actions.report"].get_wkhtmltopdf_state() == "install":
            self.skipTest("no wkhtmltopdf here")

    def test_one_page(self):
        order = self._process_order()
        order.order_line.discount = 5
        pages = self._pages(order._process_make_document("proposal"))
        self.assertEqual(len(pages), 1)
        text = "".join(pages[0].split())
        for part in (order.name, "BlueHarbourFoods", "Servicepackage", "Page1of1", "Twothousand"):
            self.assertIn(part, text)

    def test_many_lines(self):
        """Over pages: each begins with the header of the table, no line is cut or lost."""
        order = self._process_order()
        order.write(
            {
                "order_line": [
                    Command.create(
                        {
                            "product_id": self.product.id,
                            "name": f"Item{number:03d}\nwith a second line of text",
                        }
                    )
                    for number in range(60)
                ]
            }
        )
        document = order._process_make_document("proposal")
        for page in PdfReader(io.BytesIO(document.attachment_id.raw)).pages:
            for stream in page["/Contents"]:
                self.assertIn("/Filter", stream.get_object(), "a page was left uncompressed")
        pages = ["".join(page.split()) for page in self._pages(document)]
        self.assertGreater(len(pages), 2)
        seen = []
        for number, page in enumerate(pages):
            items = [int(part[:3]) for part in page.split("Item")[1:]]
            seen += items
            self.assertEqual(page.count("withasecondlineoftext"), len(items), "a line was cut")
            if items:
                self.assertIn("Description", page, f"page {number + 1} has no header")
        self.assertEqual(seen, list(range(60)))

    def test_cyrillic(self):
        self.env["res.lang"]._activate_lang("ru_RU")
        order = self._process_order()
        self.person.write({"lang": "ru_RU", "name": "Анна Келлер"})
        order.order_line.name = "Обслуживание"
        text = "".join("".join(self._pages(order._process_make_document("proposal"))).split())
        self.assertIn("Анна", text)
        self.assertIn("Обслуживание", text)
        self.assertIn("тысяч", text)

    def test_the_file_is_sound(self):
        """What is drawn is appended: strict readers find every object whole, and the pages as they were."""
        self.env["res.lang"]._activate_lang("ru_RU")
        self.person.lang = "ru_RU"
        order = self._process_order()
        order.order_line.name = "\n".join(["Обслуживание"] * 90)
        order.write(
            {"order_line": [Command.create({"product_id": self.product.id}) for _number in range(30)]}
        )
        rendered = []
        report = self.env.registry["ir.actions.report"]
        run = report._run_wkhtmltopdf

        def kept(records, *args, **kwargs):
            rendered.append(run(records, *args, **kwargs))
            return rendered[-1]

        with patch.object(report, "_run_wkhtmltopdf", kept):
            content = order._process_draft_pdf("proposal")
        self.assertTrue(content.startswith(rendered[0]))
        before, reader = (PdfReader(io.BytesIO(file), strict=True) for file in (rendered[0], content))
        for number in reader.xref[0]:
            found = reader.get_object(number)
            if hasattr(found, "get_data"):
                found.get_data()
        self.assertGreater(len(reader.pages), 2)
        for old, new in zip(before.pages, reader.pages, strict=True):
            self.assertEqual(old.mediabox, new.mediabox)
            self.assertIn(old.extract_text().strip(), new.extract_text())
        self.assertIn("Страница 2 из", reader.pages[1].extract_text())

    def test_a_company_that_prints_on_letter_paper(self):
        """As wide as what the order's company prints on, whichever company the user works in."""
        order = self._process_order()
        order.company_id.sudo().paperformat_id = self.env.ref("base.paperformat_us")
        order = order.sudo().with_company(self.company_2)
        self.assertEqual(self.company_2.paperformat_id.format, "A4")
        order.order_line.name = "\n".join(["Pressure transmitter"] * 90)
        pages = PdfReader(io.BytesIO(order._process_draft_pdf("proposal"))).pages
        self.assertGreater(len(pages), 1)
        for number, page in enumerate(pages, 1):
            width, height = map(float, page.mediabox[2:])
            self.assertAlmostEqual(width, 612, delta=2)
            self.assertAlmostEqual(height, 792, delta=2)
            self.assertIn(f"Page {number} of {len(pages)}", page.extract_text())

    def test_draft_is_marked(self):
        order = self._process_order()
        content = order._process_draft_pdf("proposal")
        self.assertIn("Notapproved", "".join(PdfReader(io.BytesIO(content)).pages[0].extract_text().split()))
        self._approve(order)
        content = order._process_draft_pdf("proposal")
        self.assertNotIn(
            "Notapproved", "".join(PdfReader(io.BytesIO(content)).pages[0].extract_text().split())
        )
