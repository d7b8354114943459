import hashlib

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

# Marks a call as coming from our own code. It is compared by identity, so no
# client can put it into a context from outside.
INTERNAL = object()
INTERNAL_KEY = "sales_process_internal"


class SalesDocument(models.Model):
    """One version of a paper made for an order: which file, by whom, sent to whom.

    Rows are only made by `sale.order._process_make_document()` (or by the methods
    here, for signed copies); nobody has the right to write or delete them, and the
    file itself cannot be changed either. The file is an attachment of the order and
    not of this row: it is still readable when the add-on is gone.
    """

    _name = "sales.document"
    _inherit = ["sales.process.row"]
    _description = "Sales Document"
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char(required=True, readonly=True)
    order_id = fields.Many2one("sale.order", required=True, readonly=True, index=True, ondelete="cascade")
    lead_id = fields.Many2one(
        related="order_id.opportunity_id", string="Opportunity", store=True, index="btree_not_null"
    )
    company_id = fields.Many2one(related="order_id.company_id", store=True, index=True)
    team_id = fields.Many2one(related="order_id.team_id", store=True)
    salesperson_id = fields.Many2one(related="order_id.user_id", store=True, string="Salesperson")
    partner_id = fields.Many2one(related="order_id.partner_id", string="Customer")
    kind = fields.Selection(
        [
            ("proposal", "Proposal"),
            ("contract", "Contract"),
            ("signed_proposal", "Signed proposal"),
            ("signed_contract", "Signed contract"),
            ("letter", "Letter"),
        ],
        required=True,
        readonly=True,
    )
    version = fields.Integer(required=True, readonly=True)
    attachment_id = fields.Many2one(
        "ir.attachment", string="File", required=True, readonly=True, ondelete="restrict"
    )
    sha256 = fields.Char("SHA-256 of the file", readonly=True)
    template_id = fields.Many2one(
        "sales.document.template", readonly=True, index="btree_not_null", ondelete="restrict"
    )
    template_version = fields.Integer(readonly=True, help="Which version of the template it was made by.")
    fingerprint = fields.Char(
        "Fingerprint of the content",
        readonly=True,
        help="The same content is not rendered twice.",
    )
    values_fingerprint = fields.Char(
        "Fingerprint of the values",
        readonly=True,
        help="Of prices, quantities and terms: tells whether the order still is what was sent.",
    )
    date = fields.Datetime("Made on", readonly=True, default=lambda self: self.env.cr.now())
    user_id = fields.Many2one("res.users", string="Made by", readonly=True)
    sent_values = fields.Json(
        readonly=True, help="What was judged of it when it was sent, by which its approval holds."
    )
    sent_to = fields.Char(readonly=True)
    date_sent = fields.Datetime("Sent on", readonly=True)
    date_opened = fields.Datetime("First opened on", readonly=True)
    opened_count = fields.Integer("Times opened", readonly=True)
    signature_ids = fields.One2many("sales.document.signature", "document_id", string="Signatures")
    evidence = fields.Json(readonly=True, help="Of a signed copy: who signed, when, from where, which file.")

    _order_kind_version_uniq = models.Constraint(
        "unique(order_id, kind, version)",
        "This version of the document was made already.",
    )
    _attachment_idx = models.Index("(attachment_id)")

    @api.depends("name", "version")
    def _compute_display_name(self):
        for document in self:
            document.display_name = f"{document.name} v{document.version}"

    # ------------------------------------------------------------------
    # Making
    # ------------------------------------------------------------------

    @api.model
    def _make(self, order, kind, content, name, **values):
        """Keep `content` (bytes of a PDF) as the next version of this kind of paper."""
        version = (self._last(order, kind).version or 0) + 1
        attachment = (
            self.env["ir.attachment"]
            .sudo()
            .create(
                {
                    "name": f"{name}.pdf" if version == 1 else f"{name} v{version}.pdf",
                    "raw": content,
                    "mimetype": "application/pdf",
                    "res_model": "sale.order",
                    "res_id": order.id,
                }
            )
        )
        return self._keep(order, kind, attachment, name, **values)

    @api.model
    def _keep(self, order, kind, attachment, name, **values):
        """Keep this file as the next version; from now on it cannot be changed."""
        return (
            self.sudo()
            .create(
                {
                    "name": name,
                    "order_id": order.id,
                    "kind": kind,
                    "version": (self._last(order, kind).version or 0) + 1,
                    "attachment_id": attachment.id,
                    "sha256": hashlib.sha256(attachment.raw or b"").hexdigest(),
                    "user_id": self.env.uid,
                    **values,
                }
            )
            .with_env(self.env)
        )

    @api.model
    def _last(self, orders, kind, sent=False):
        """The newest (sent) document of that kind of each of these orders; one query."""
        domain = Domain("order_id", "in", orders.ids) & Domain("kind", "=", kind)
        if sent:
            domain &= Domain("date_sent", "!=", False)
        documents = self.sudo().search(domain, order="version desc")
        newest = {}
        for document in documents:
            newest.setdefault(document.order_id.id, document.id)
        return self.sudo().browse(newest.values()).with_prefetch(documents.ids)

    @api.model
    def _same(self, order, kind, fingerprint):
        """An earlier version of this paper with the same content."""
        return self.sudo().search(
            [("order_id", "=", order.id), ("kind", "=", kind), ("fingerprint", "=", fingerprint)], limit=1
        )

    def _content(self):
        """The stored bytes, or an error when they are not what was made."""
        self.ensure_one()
        content = self.sudo().attachment_id.raw or b""
        if hashlib.sha256(content).hexdigest() != self.sudo().sha256:
            raise UserError(
                self.env._("The stored file of %s is not the one that was made.", self.display_name)
            )
        return content

    def _mark_sent(self):
        """These papers are on their way to their customers."""
        for document in self.sudo():
            document.write(
                {
                    "sent_to": document.order_id.partner_id.email_formatted,
                    "date_sent": self.env.cr.now(),
                    "sent_values": document._values_to_keep(),
                }
            )

    def _values_to_keep(self):
        """What is judged of this paper now, or what it was sent with where that still binds; None for what
        nobody approves, and for what has changed since."""
        self.ensure_one()
        if not self._is_approved_kind():
            return None
        binding = self.order_id._approval_values_binding(self.kind)
        return binding if "until" in binding else self.order_id._approval_values_sent(self.kind)

    def _is_approved_kind(self):
        self.ensure_one()
        return self.kind in ("proposal", "contract") and self._is_current()

    def _sent_to_customer(self):
        """Those of these papers that were sent to the address that their customer has now."""
        return self.sudo().filtered(
            lambda document: (
                document.date_sent and document.sent_to == document.order_id.partner_id.email_formatted
            )
        )

    def _tell_sent_already(self):
        """A word to whoever asked to send these papers, which were sent."""
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "info",
                "message": self.env._(
                    "Sent already as it is now: %s. “Send Again” sends it once more.",
                    ", ".join(self.sudo().mapped("display_name")),
                ),
            },
        }

    def _is_current(self):
        """Whether the order still says what this paper says."""
        self.ensure_one()
        kind = "contract" if self.kind == "contract" else "proposal"
        return self.values_fingerprint == self.order_id._process_values_fingerprint(kind)

    def _signatures(self):
        """Who has signed this version and still stands by it, the first first (sudo)."""
        return self.sudo().signature_ids.filtered(lambda signature: not signature.date_void)

    def _signature(self, side):
        """What one side has signed of these versions."""
        return self._signatures().filtered(lambda signature: signature.side == side)

    def _mark_opened(self):
        """Count one opening by the customer."""
        for document in self.sudo():
            document.write(
                {
                    "date_opened": document.date_opened or self.env.cr.now(),
                    "opened_count": document.opened_count + 1,
                }
            )

    def action_open_file(self):
        """Open the stored PDF."""
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{self.attachment_id.id}?download=false",
            "target": "new",
        }
