import hashlib
import io

from markupsafe import Markup
from odoo import api, fields, models
from odoo.tools.pdf import PdfFileReader, PdfReadError

from ..engine import upload


class SaleOrder(models.Model):
    """A contract in the customer's own words: the form they gave us is what is approved and signed."""

    _inherit = "sale.order"

    contract_form_sha256 = fields.Char(
        string="Customer's Own Form",
        readonly=True,
        copy=False,
        help="Fingerprint of the customer's form that is the contract's text. Empty: ours, by a template.",
    )

    def action_contract_use_form(self):
        """Take the newest PDF attached to the order or its deal as the contract, and ask for approval.

        Number, dates and signatories have to be known as for a contract of ours: deadlines and the renewal
        go by them.

        :raise UserError: names, for all orders, what is missing or wrong with the file.
        """
        self.check_access("write")
        self._contract_fill_signatories()
        forms = {order: order._contract_find_form() for order in self}
        self._contract_refuse(lambda order: order._contract_form_obstacles(forms[order]))
        for order in self:
            order._contract_generate_one(form=forms[order].raw)
        return True

    def _contract_find_form(self):
        """The newest PDF the caller may read on the order or its deal, but for our own papers."""
        self.ensure_one()
        places = [("sale.order", self.id), ("crm.lead", self.opportunity_id.id)]
        domain = fields.Domain.OR(
            [("res_model", "=", model), ("res_id", "=", record_id)]
            for model, record_id in places
            if record_id
        )
        domain &= fields.Domain("mimetype", "=", upload.PDF) & fields.Domain("res_field", "=", False)
        papers = self.sudo().sales_document_ids.attachment_id
        return self.env["ir.attachment"].search(
            domain & fields.Domain("id", "not in", papers.ids), order="id desc", limit=1
        )

    def _contract_form_obstacles(self, form):
        """Why this file cannot be the contract, in words; empty: it can."""
        problem = (
            form_problem(self.env, form.raw)
            if form
            else self.env._("the customer's form: attach it (PDF) to the order or its deal first")
        )
        return [text for text in (*self._contract_missing_terms(), problem) if text]

    def _contract_keep_form(self, content, anew):
        """The form as the contract's next version; the same file for the same terms is kept once."""
        documents = self.env["sales.document"]
        last = documents._last(self, "contract")
        if anew or last.sha256 != self.contract_form_sha256 or not last._is_current():
            documents._make(
                self,
                "contract",
                content,
                self._process_paper_name("contract"),
                values_fingerprint=self._process_values_fingerprint("contract"),
            )

    def _contract_own_form(self):
        """The contract's paper, where it is the customer's own form."""
        self.ensure_one()
        last = self.env["sales.document"]._last(self, "contract")
        return last if last and last.sha256 == self.sudo().contract_form_sha256 else last.browse()

    @api.model
    def _contract_form_fingerprint(self, content):
        return hashlib.sha256(content).hexdigest() if content else False

    def _process_draft_pdf(self, kind):
        """What the customer wrote is shown as they wrote it."""
        form = kind == "contract" and self._contract_own_form()
        return form._content() if form else super()._process_draft_pdf(kind)

    def _process_paper_preview(self, kind):
        if kind == "contract" and self._contract_own_form():
            return Markup("<p>%s</p>") % self.env._(
                "This contract is the customer's own form. Print it to read its PDF."
            )
        return super()._process_paper_preview(kind)


def form_problem(env, content):
    """Why a PDF cannot be signed with a record of the signature behind it, in words; None: it can."""
    if len(content or b"") > upload.MAX_BYTES:
        return env._("the customer's form is larger than %s MB", upload.MAX_BYTES // 2**20)
    try:
        reader = PdfFileReader(io.BytesIO(content or b""))
        if reader.isEncrypted:
            return env._("the customer's form is protected by a password: attach it without one")
        pages = reader.getNumPages()
    except (PdfReadError, ValueError, KeyError, TypeError, OSError, RecursionError):
        pages = 0
    return None if pages else env._("the customer's form cannot be read: save it as PDF anew")
