import hashlib
import hmac
import secrets
from datetime import timedelta

from odoo import api, fields, models

# Links that lead to a document; the checklist has a page, but no document.
PAPER_PURPOSES = ("proposal", "contract")


class SalesPaperLink(models.Model):
    """A customer's way to one paper: a secret of which only the hash is kept.

    The secret is known when the link is made, and never again; a reminder makes a
    link of its own. Links to the same version stay good beside each other (the
    customer may click the first letter as well as the third); a newer version, the
    end of the validity or a withdrawal closes them all.
    """

    _name = "sales.paper.link"
    _inherit = ["sales.process.row"]
    _description = "Customer's Link to a Paper"
    _order = "id desc"

    order_id = fields.Many2one("sale.order", required=True, readonly=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="order_id.company_id", store=True)
    document_id = fields.Many2one("sales.document", readonly=True, ondelete="cascade")
    purpose = fields.Selection(
        [("proposal", "Proposal"), ("contract", "Contract"), ("documents", "Documents")],
        required=True,
        readonly=True,
    )
    version = fields.Integer(readonly=True)
    token_hash = fields.Char(required=True, readonly=True, groups="base.group_system")
    date_expire = fields.Datetime("Good until", required=True, readonly=True)
    date_revoked = fields.Datetime("Withdrawn on", readonly=True)
    user_id = fields.Many2one("res.users", string="Made by", readonly=True)

    _token_uniq = models.UniqueIndex("(token_hash)")

    @api.model
    def _hash(self, token):
        return hashlib.sha256(token.encode()).hexdigest()

    @api.model
    def _make(self, orders, purpose):
        """A new secret for each of these orders: `{order id: token}`, in one insert."""
        documents = self._current_documents(orders, purpose)
        days = int(self.env["ir.config_parameter"].sudo().get_param("sales_process.link_days") or 60)
        tokens = {order.id: secrets.token_urlsafe(32) for order in orders}
        self.sudo().create(
            [
                {
                    "order_id": order.id,
                    "document_id": documents[order.id].id if order.id in documents else False,
                    "purpose": purpose,
                    "version": documents[order.id].version if order.id in documents else 0,
                    "token_hash": self._hash(tokens[order.id]),
                    "date_expire": self.env.cr.now() + timedelta(days=days),
                    "user_id": self.env.uid,
                }
                for order in orders
            ]
        )
        return tokens

    @api.model
    def _current_documents(self, orders, purpose):
        """The paper a link of this purpose leads to: `{order id: document}`."""
        if purpose not in PAPER_PURPOSES:
            return {}
        return {
            document.order_id.id: document for document in self.env["sales.document"]._last(orders, purpose)
        }

    @api.model
    def _find(self, token, purpose=None):
        """The link of this secret, good or not; empty when there is none (sudo)."""
        if not token or len(token) > 128:
            return self.sudo().browse()
        digest = self._hash(token)
        link = self.sudo().search([("token_hash", "=", digest)], limit=1)
        if link and not hmac.compare_digest(link.token_hash, digest):
            return link.browse()
        if purpose and link.purpose != purpose:
            return link.browse()
        return link

    def _is_good(self):
        """Neither withdrawn nor expired, and of the version that was sent last."""
        self.ensure_one()
        if self.date_revoked or self.date_expire < self.env.cr.now():
            return False
        if self.purpose not in PAPER_PURPOSES:
            return True
        last = self.env["sales.document"]._last(self.order_id, self.purpose, sent=True)
        return bool(last) and last == self.document_id

    def _revoke(self):
        self.sudo().filtered(lambda link: not link.date_revoked).date_revoked = self.env.cr.now()

    def action_revoke(self):
        """Withdraw these links: the customer cannot open them any more."""
        self.order_id.check_access("write")
        self._revoke()
