import base64
import binascii
import io

from odoo import SUPERUSER_ID, models
from odoo.exceptions import UserError
from odoo.tools.pdf import PdfFileReader, PdfFileWriter
from PIL import Image, UnidentifiedImageError

from .row_locks import lock_rows
from .sales_document import INTERNAL, INTERNAL_KEY
from .team_language import in_team_language

NO_MAIL_KEY = "sales_process_no_order_mail"
MAX_SIGNATURE = 1024 * 1024
# A small file may unfold to gigabytes: its size in pixels is known before it does.
MAX_PIXELS = 8 * 1000 * 1000
SCAN_TYPES = ("application/pdf", "image/png", "image/jpeg")


class SaleOrder(models.Model):
    """The contract is signed: on the customer's page, or on paper."""

    _inherit = "sale.order"

    # ------------------------------------------------------------------
    # On the customer's page
    # ------------------------------------------------------------------

    def _process_sign_problem(self, document):
        """Why this contract cannot be signed now, in the customer's words, or nothing."""
        self.ensure_one()
        order = self.sudo()
        if order.contract_state != "to_sign" or order.state == "cancel":
            return self.env._("This contract is not open for signature any more.")
        if not document._is_current() or not order._contract_is_current():
            return self.env._("This contract is being revised. You will get the new version by e-mail.")
        if order.is_expired:
            return self.env._("The time to sign this contract is over. Please ask us for a new one.")
        if not order._approval_is_valid("contract") or order._contract_lacks_our_first():
            return self.env._("This contract is being revised. You will get the new version by e-mail.")
        return None

    def _process_signed_document(self, document):
        """The signed copy of exactly this paper, if there is one."""
        self.ensure_one()
        copies = self.sudo().sales_document_ids.filtered(lambda d: d.kind == f"signed_{document.kind}")
        return copies.filtered(lambda copy: (copy.evidence or {}).get("sha256") == document.sha256)[:1]

    def _process_sign_contract(self, document, sha256, name, signature, origin):
        """Sign that very file for the customer, once.

        :param str sha256: of the file the customer had before their eyes
        :param str signature: base64 of the picture
        :param dict origin: `ip` and `agent` of the request
        :return: the signed copy, the first one where it was signed before; empty as long as we are to sign
        """
        self.ensure_one()
        lock_rows(self)
        self.invalidate_recordset(["contract_state", "state"])
        done = self._process_signed_document(document)
        if done or document._signature("customer"):
            return done
        problem = self._process_sign_problem(document)
        document._content()
        if not problem and sha256 != document.sha256:
            problem = self.env._("The contract was changed while you read it. Please load the page again.")
        if problem:
            raise UserError(problem)
        order = self._process_for_signing()
        order._process_keep_signature(document, "customer", name, signature, origin)
        copy = order._process_finish_signing(document)
        order._process_signal("contract_signed", {"version": document.version})
        return copy

    def _process_for_signing(self):
        """As the system, which acts for whoever signs, in the customer's language."""
        return self.with_user(SUPERUSER_ID).with_context(
            **{INTERNAL_KEY: INTERNAL, NO_MAIL_KEY: INTERNAL, "lang": self._process_lang()}
        )

    def _process_keep_signature(self, document, side, name, picture, origin, user=None):
        """Write down that one side has signed this version.

        :raise UserError: no name, or nothing drawn.
        """
        name = " ".join((name or "").split())[:200]
        if not name:
            raise UserError(self.env._("Please write your name."))
        now, zone = self.env.cr.now(), (user and user.tz) or self._process_zone()
        return (
            self.env["sales.document.signature"]
            .sudo()
            .create(
                {
                    "document_id": document.id,
                    "side": side,
                    "name": name,
                    "user_id": user.id if user else False,
                    "picture": self._process_signature_picture(picture),
                    "date": now,
                    "local": self._process_evidence_local(now, zone),
                    "ip": origin.get("ip") or "",
                    "agent": (origin.get("agent") or "")[:300],
                }
            )
        )

    def _process_finish_signing(self, document):
        """The signed copy and the running contract, once all who are to sign have; else empty."""
        customer = document._signature("customer")
        if not customer or (self.contract_signing != "customer" and not document._signature("ours")):
            return document.browse()
        copy = self._process_keep_signed(document)
        self.write({"signature": customer.picture, "signed_by": customer.name, "signed_on": customer.date})
        self._process_contract_signed()
        return copy

    def _process_signature_picture(self, signature):
        """The picture, made anew from its pixels: nothing else of the upload is kept."""
        try:
            raw = base64.b64decode(signature or "", validate=True)
            if not raw or len(raw) > MAX_SIGNATURE:
                raise UserError(self.env._("Please sign in the field."))
            picture = Image.open(io.BytesIO(raw))
            if picture.width * picture.height > MAX_PIXELS:
                raise UserError(self.env._("Please sign in the field."))
            picture.load()
        except (binascii.Error, ValueError, OSError, UnidentifiedImageError, Image.DecompressionBombError):
            raise UserError(self.env._("Please sign in the field.")) from None
        output = io.BytesIO()
        picture.convert("RGBA").save(output, "PNG")
        return base64.b64encode(output.getvalue())

    def _process_keep_signed(self, document):
        """The paper with the record of the signatures as its last page."""
        kind, evidence = f"signed_{document.kind}", self._process_evidence(document)
        pictures = [signature._picture_url() for signature in document._signatures()]
        page = self._process_paper_pdf(self._process_evidence_page(kind, evidence, pictures), kind)
        return self.env["sales.document"]._make(
            self,
            kind,
            join_pdf(document._content(), page),
            self._process_paper_name(kind),
            evidence=evidence,
            values_fingerprint=document.values_fingerprint,
        )

    def _process_contract_signed(self):
        """All have signed: the contract runs, the order is confirmed without a letter of its own."""
        self._contract_mark_signed()
        if self.state in ("draft", "sent"):
            self.action_confirm()
        self._message_log(
            body=in_team_language(self).env._(
                "Contract signed by %s.", self.signed_by or self.partner_id.name
            ),
            author_id=self.partner_id.id,
        )

    def _send_order_notification_mail(self, mail_template, *args, **kwargs):
        if self.env.context.get(NO_MAIL_KEY) is INTERNAL:
            return None
        return super()._send_order_notification_mail(mail_template, *args, **kwargs)

    def _process_decline_contract(self, document, why, comment):
        """The customer does not sign: because of the `text`, the `price`, or at all (`no`).

        :return: whether this answer was the one that counted
        """
        self.ensure_one()
        lock_rows(self)
        self.invalidate_recordset(["contract_state"])
        order = self.with_user(SUPERUSER_ID).with_context(**{INTERNAL_KEY: INTERNAL})
        if order.contract_state != "to_sign" or document._signature("customer"):
            return False
        order._contract_mark_declined(comment)
        order._process_signal(
            "contract_declined", {"version": document.version, "why": why, "comment": comment}
        )
        lead = order.opportunity_id
        if why == "no" and lead.lost_reason_id:
            lead._contract_take_notice(lead.lost_reason_id)
        return True

    # ------------------------------------------------------------------
    # On paper
    # ------------------------------------------------------------------

    def _process_accept_scan(self, tell=True):
        """Take the newest file attached to the order as the scan of the signed contract.

        :param tell: whether the process has to hear of it; not where it is what a task is completed with
        """
        self.ensure_one()
        self.check_access("write")
        document = self.env["sales.document"]._last(self, "contract")
        scan = self._process_find_scan(document)
        if not document or not scan:
            raise UserError(
                self.env._("%s: attach the scan of the signed contract (PDF or picture) first.", self.name)
            )
        order = self.sudo().with_context(**{INTERNAL_KEY: INTERNAL, NO_MAIL_KEY: INTERNAL})
        evidence = order._process_evidence_on_paper(document, self.env.user)
        copy = self.env["sales.document"]._keep(
            order, "signed_contract", scan, self._process_paper_name("signed_contract"), evidence=evidence
        )
        order._process_contract_signed()
        if tell:
            order._process_signal("contract_signed", {"version": document.version})
        return copy

    def _process_signed_on_paper(self):
        """Whether the signed contract is a scan: such a copy has no record of signatures as its last page."""
        copy = self.env["sales.document"].sudo()._last(self, "signed_contract")
        return bool((copy.evidence or {}).get("on_paper"))

    def _process_find_scan(self, document):
        """The newest upload since the contract was made that is no paper of ours."""
        papers = self.sudo().sales_document_ids.attachment_id
        return (
            self.env["ir.attachment"]
            .sudo()
            .search(
                [
                    ("res_model", "=", "sale.order"),
                    ("res_id", "=", self.id),
                    ("res_field", "=", False),
                    ("mimetype", "in", SCAN_TYPES),
                    ("id", "not in", papers.ids),
                    ("create_date", ">=", document.date),
                ],
                order="id desc",
                limit=1,
            )
        )


def join_pdf(*contents):
    """These PDFs, one behind the other."""
    writer = PdfFileWriter()
    for content in contents:
        reader = PdfFileReader(io.BytesIO(content))
        for index in range(reader.getNumPages()):
            writer.addPage(reader.getPage(index))
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()
