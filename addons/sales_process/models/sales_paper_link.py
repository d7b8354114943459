import hashlib
import hmac
import re
import secrets
from datetime import timedelta
from urllib.parse import quote

from odoo import api, fields, models

# Links that lead to a document; the checklist has a page, but no document.
PAPER_PURPOSES = ("proposal", "contract")

# The address of a customer's page with its secret, also as a parameter in another address, as mail scanners
# write it; the "preview" of a look at a letter is shorter.
SLASH = "(?:/|%2[Ff])"
PAGE = re.compile(f"{SLASH}sales_process{SLASH}(?:paper|documents){SLASH}([\\w-]{{32,}})")
# What stands for it where colleagues read: it leads them to the order, and tells which page is meant.
STAND_IN = re.compile(
    r"(?:https?://[^\s\"'<>?]*)?/mail/view\?model=sale\.order&(?:amp;)?res_id=(\d+)&(?:amp;)?customer_page=(\w+)"
)


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

    # -- in texts ---------------------------------------------------------------------------------

    @api.model
    def _stand_in(self, order_id, purpose):
        """The address that colleagues read instead of the customer's, relative to the server's."""
        return f"/mail/view?model=sale.order&res_id={order_id}&customer_page={purpose}"

    @api.model
    def _without_secrets(self, text, model=None, res_id=None):
        """A text that colleagues may read: whoever has the customer's link could sign with it.

        :param text: HTML.
        :param model: with `res_id`, where a link leads whose secret nobody knows any more.
        """
        harmless, count = PAGE.subn(lambda found: self._harmless(found, model, res_id), text)
        return type(text)(harmless) if count else text

    @api.model
    def _harmless(self, found, model, res_id):
        link = self._find(found[1])
        if link:
            address = self._stand_in(link.order_id.id, link.purpose)
        else:
            address = f"/mail/view?model={model or ''}&res_id={res_id or ''}"
        if "%" in found[0]:
            return quote(address, safe="")
        return address.replace("&", "&amp;")

    @api.model
    def _with_secrets(self, text, record, sender):
        """A text as the customer gets it: each stand-in gives way to a fresh link.

        Only of the order that the mail is about, or of the lead's, and only where the sender works on that
        order: anybody can write down a stand-in, and send themselves the mail.

        :param record: what the mail is about.
        :param sender: the user who sends it.
        """
        if not STAND_IN.search(text):
            return text
        if record._name == "crm.lead":
            orders = record.sudo().order_ids
        else:
            orders = record if record._name == "sale.order" else self.env["sale.order"]
        known = {
            order.id: order.sudo() for order in orders.exists() if order.with_user(sender).has_access("write")
        }
        purposes = self._fields["purpose"].get_values(self.env)

        def fresh(found):
            order = known.get(int(found[1]))
            return order._process_link_url(found[2]) if order and found[2] in purposes else found[0]

        return STAND_IN.sub(fresh, text)

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
