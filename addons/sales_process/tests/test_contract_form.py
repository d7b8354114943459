import io
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools.pdf import PdfFileReader, PdfFileWriter

from ..engine import upload
from .paper_common import PIXEL, PaperCase, small_pdf

TERMS = {
    "contract_date_start": "2030-01-01",
    "contract_term_months": 12,
    "contract_customer_signatory": "Anna Keller",
}


def protected(content):
    writer = PdfFileWriter()
    writer.addPage(PdfFileReader(io.BytesIO(content)).getPage(0))
    writer.encrypt("secret")
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


@tagged("post_install", "-at_install", "sales_process")
class TestContractForm(PaperCase):
    """The customer insists on a form of their own: that very file is approved, sent and signed."""

    def setUp(self):
        super().setUp()
        self.order = self._sent()
        self.order.write(TERMS)

    def _attach(self, content, record=None, name="Our terms.pdf"):
        record = record or self.order
        values = {"name": name, "raw": content, "res_model": record._name, "res_id": record.id}
        return self.env["ir.attachment"].with_user(self.rep).create(values)

    def _paper(self):
        return self.env["sales.document"]._last(self.order, "contract")

    def _sign(self):
        return self.order.sudo()._process_sign_contract(
            self._paper(), self._paper().sha256, "Anna Keller", PIXEL, {"ip": "203.0.113.5"}
        )

    def test_the_whole_way(self):
        form = small_pdf("the customer's words")
        self._attach(form, self.order.opportunity_id)
        self.order.action_contract_use_form()
        self.assertEqual(self._paper()._content(), form)
        self.assertTrue(self.order.contract_number)
        self.assertEqual(self.order.contract_state, "approval")
        self.assertEqual(self.order._process_draft_pdf("contract"), form, "the approver reads the form")
        self._approve(self.order, "contract")
        self.order.action_contract_send()
        copy = self._sign()
        self.assertEqual(self.order.contract_state, "running")
        pages = [page.extract_text() for page in PdfFileReader(io.BytesIO(copy._content())).pages]
        self.assertEqual(len(pages), 2, "the form, and the record of the signature")
        self.assertIn("the customer's words", pages[0])

    def test_from_the_task(self):
        lead = self.order.opportunity_id
        lead.sudo().process_case_id.order_id = self.order
        lead.sudo().process_open_task_ids.with_user(self.leader).action_start_from("make_contract")
        task = self._task(lead, "make_contract")
        with self.assertRaises(UserError) as caught:
            task.complete("customer_form", {"contract_date_start": "2030-01-01", "contract_term_months": 12})
        self.assertIn("attach it (PDF)", str(caught.exception))
        self._attach(small_pdf())
        task.complete("customer_form", {"contract_date_start": "2030-01-01", "contract_term_months": 12})
        self._task(lead, "approve_contract")
        self.assertEqual(self._paper().sha256, self.order.contract_form_sha256)

    def test_what_cannot_be_signed(self):
        for content, problem in (
            (None, "attach it (PDF)"),
            (b"%PDF-1.7 nothing", "cannot be read"),
            (protected(small_pdf()), "protected by a password"),
            (small_pdf(), "larger than 0 MB"),
        ):
            with self.subTest(problem), self.env.cr.savepoint():
                if content:
                    self._attach(content)
                limit = 10 if "larger" in problem else upload.MAX_BYTES
                with patch.object(upload, "MAX_BYTES", limit), self.assertRaises(UserError) as caught:
                    self.order.action_contract_use_form()
                self.assertIn(problem, str(caught.exception))
                self.assertFalse(self.order.contract_number)
                self.assertEqual(self.order.contract_state, "none")

    def test_everything_missing_is_said_at_once(self):
        self.order.contract_date_start = False
        with self.assertRaises(UserError) as caught:
            self.order.action_contract_use_form()
        for text in ("start of the contract", "attach it (PDF)"):
            self.assertIn(text, str(caught.exception))

    def test_our_own_papers_are_no_form(self):
        self.assertTrue(self.order.sudo().sales_document_ids.attachment_id, "the proposal is attached")
        with self.assertRaises(UserError):
            self.order.action_contract_use_form()

    def test_another_file_is_asked_again(self):
        self._attach(small_pdf("first"))
        self.order.action_contract_use_form()
        self._approve(self.order, "contract")
        self.order.action_contract_use_form()
        self.assertEqual(self._paper().version, 1, "the same file for the same terms is kept once")
        self.assertTrue(self.order._approval_is_valid("contract"))
        self._attach(small_pdf("second"))
        self.order.action_contract_use_form()
        self.assertEqual(self._paper().version, 2)
        self.assertFalse(self.order._approval_is_valid("contract"))
        row = self.order._approval_request("contract")[:1]._page_rows()[-1]
        self.assertEqual(row[1:], ("the customer's own form", "the customer's own form", True))

    def test_the_upload_changed_after_the_approval(self):
        form = small_pdf("as approved")
        attachment = self._attach(form)
        self.order.action_contract_use_form()
        self._approve(self.order, "contract")
        attachment.raw = small_pdf("with other words")
        self.assertEqual(self._paper()._content(), form)
        self.order.action_contract_use_form()
        self.assertFalse(self.order._approval_is_valid("contract"))

    def test_back_to_our_template(self):
        self._attach(small_pdf())
        self.order.action_contract_use_form()
        self.order.with_user(self.leader)._approval_decide("contract", False, "Our own text, please")
        self.order.action_contract_generate()
        self.assertFalse(self.order.contract_form_sha256)
        self.assertFalse(self.order._contract_own_form())
        self.assertEqual(self._paper().version, 2)

    def test_another_price_needs_it_anew(self):
        form = small_pdf()
        self._attach(form)
        self.order.action_contract_use_form()
        self._approve(self.order, "contract")
        self.order.order_line.price_unit = 900.0
        with self.assertRaises(UserError):
            self.order.action_contract_send()
        self.order.action_contract_use_form()
        self.assertEqual(self._paper().version, 2, "what it is signed for is another sum")
        self.assertEqual(self._paper()._content(), form)

    def test_nobody_writes_it(self):
        with self.assertRaises(AccessError):
            self.order.with_user(self.rep).write({"contract_form_sha256": "0" * 64})
        for user in (self.colleague, self.portal, self.foreigner):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.order.with_user(user).action_contract_use_form()
