import io
import re
from datetime import timedelta
from unittest.mock import patch

from odoo.tests import HttpCase, tagged

from ..engine import upload
from .contract_common import PDF
from .request_common import HEIC, HTML, SVG, RequestCase


@tagged("post_install", "-at_install", "sales_process")
class TestDocumentsPage(RequestCase, HttpCase):
    """The customer's page, by its address only."""

    def setUp(self):
        super().setUp()
        token = self.env["sales.paper.link"]._make(self.order, "documents")[self.order.id]
        self.page = f"/sales_process/documents/{token}"

    def _post(self, item, act="give", files=(), version=None, attachment=None, **data):
        """Press a button of this item, with its fields filled in as the page names them."""
        button = f"{act}-{item.id}" + (f"-{attachment}" if attachment else "")
        filled = {f"{name}-{item.id}": value for name, value in data.items()}
        return self.url_open(
            self.page,
            data={"do": button, f"version-{item.id}": version or item.version} | filled,
            files=[(f"files-{item.id}", (name, io.BytesIO(content), "text/html")) for name, content in files]
            or None,
        )

    def test_page(self):
        response = self.url_open(self.page)
        self.assertEqual(response.status_code, 200)
        for text in ("Company registration extract", "Bank details", "Customer Ltd"):
            self.assertIn(text, response.text)
        self.assertEqual(response.headers["Referrer-Policy"], "no-referrer")
        self.assertEqual(response.headers["Cache-Control"], "no-store")

    def test_giving_each_kind(self):
        response = self._post(self.extract, files=[("Выписка.pdf", PDF), ("IMG_1.HEIC", HEIC)])
        self.assertEqual(response.status_code, 200)
        self.assertIn("Received", response.text)
        self._post(self.bank, text="IBAN <b>XX</b>")
        response = self._post(self.signatory, act="skip", reason="Same as last year")
        self.assertIn("IBAN &lt;b&gt;XX&lt;/b&gt;", response.text)
        self.assertEqual(self.request.item_ids.mapped("state"), ["given", "given", "not_needed"])
        self.assertEqual(set(self.extract.attachment_ids.mapped("mimetype")), {upload.PDF, upload.HEIC})

    def test_nothing_that_runs_gets_in(self):
        for name, content in (
            ("page.html", HTML),
            ("drawing.svg", SVG),
            ("page.pdf", HTML),
            ("drawing.png", SVG),
            ("page.pdf.html", PDF),
            ("run.exe", b"MZ"),
            ("noending", PDF),
        ):
            with self.subTest(name=name):
                response = self._post(self.extract, files=[(name, content)])
                self.assertIn("alert-danger", response.text)
        self.assertEqual((self.extract.state, len(self.extract.attachment_ids)), ("open", 0))

    def test_names_have_no_folders(self):
        self._post(self.extract, files=[("../../etc/cron.d/x.pdf", PDF)])
        self.assertEqual(self.extract.attachment_ids.name, "x.pdf")

    def test_too_big(self):
        with patch.object(upload, "MAX_BYTES", 1000):
            response = self._post(self.extract, files=[("big.pdf", PDF + b"0" * 1001)])
        self.assertIn("larger than 20 MB", response.text)
        self.assertEqual(self.extract.state, "open")

    def test_second_tab(self):
        version = self.bank.version
        self._post(self.bank, text="First")
        response = self._post(self.bank, text="Second", version=version)
        self.assertIn("another window", response.text)
        self.assertEqual(self.bank.answer, "First")

    def test_files_are_saved_not_shown(self):
        self._post(self.extract, files=[("extract.pdf", PDF)])
        file = self.extract.attachment_ids
        response = self.url_open(f"{self.page}/file/{file.id}")
        self.assertEqual(response.content, PDF)
        self.assertTrue(response.headers["Content-Disposition"].startswith("attachment"))
        self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(response.headers["Content-Type"], "application/pdf")

    def test_only_files_of_this_request(self):
        foreign = self.env["ir.attachment"].create({"name": "secret.pdf", "raw": PDF})
        other = self._order()
        other.action_contract_request_documents()
        theirs = other.document_request_ids.item_ids[0]
        theirs._customer_give(1, files=[("theirs.pdf", PDF)])
        for file in (foreign, theirs.attachment_ids):
            self.assertEqual(self.url_open(f"{self.page}/file/{file.id}").status_code, 404)
        self._post(theirs, act="skip", reason="ha")
        self.assertEqual(theirs.state, "given")

    def test_remove(self):
        self._post(self.extract, files=[("a.pdf", PDF), ("b.pdf", PDF)])
        file = self.extract.attachment_ids[0]
        self._post(self.extract, act="remove", attachment=file.id)
        self.assertEqual(len(self.extract.attachment_ids), 1)
        self._post(self.extract, act="remove", attachment=self.extract.attachment_ids.id)
        self.assertEqual(self.extract.state, "open")

    def test_links_that_open_nothing(self):
        contract = self.env["sales.paper.link"]._make(self.order, "contract")[self.order.id]
        good = self.order.paper_link_ids.filtered(lambda link: link.purpose == "documents")
        for address in (f"/sales_process/documents/{contract}", "/sales_process/documents/nonsense"):
            self.assertEqual(self.url_open(address).status_code, 404)
        good.sudo().date_expire = self.env.cr.now() - timedelta(days=1)
        response = self.url_open(self.page)
        self.assertEqual(response.status_code, 404)
        self.assertIn("no longer valid", response.text)
        self.assertNotIn("Customer Ltd", response.text)
        self.assertEqual(self._post(self.bank, text="late").status_code, 404)
        self.assertEqual(self.bank.state, "open")

    def test_withdrawn(self):
        self.order.paper_link_ids.with_user(self.rep).action_revoke()
        self.assertEqual(self.url_open(self.page).status_code, 404)

    def test_odd_input(self):
        for version in ("x", "-1", "9" * 30):
            self._post(self.bank, text="x", version=version)
        for button in (
            "",
            "give",
            "give-",
            "give-x",
            "remove-1-2-3",
            "give-999999999",
            "<script>",
            "skip--1",
        ):
            response = self.url_open(self.page, data={"do": button})
            self.assertIn(response.status_code, (200, 422))
            self.assertNotIn("<script>", response.text)
        self.assertEqual(self.bank.state, "open")
        self.assertFalse(re.search(r"Traceback", self._post(self.bank, files=[("a.pdf", PDF)]).text))

    def test_the_letter_leads_here(self):
        mail = self.env["mail.mail"].search(
            [("model", "=", "sale.order"), ("res_id", "=", self.order.id)], limit=1
        )
        address = re.search(r"/sales_process/documents/[\w-]+", mail.body_html).group()
        self.assertIn("Bank details", self.url_open(address).text)
