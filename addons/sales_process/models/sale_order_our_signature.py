from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .row_locks import lock_rows
from .sale_order_contract import OFFERED_STATES
from .sales_document import INTERNAL

# The process has decided this itself: it need not be told.
TOLD_KEY = "sales_process_told"
SIGNING = [
    ("customer", "The customer alone"),
    ("ours_first", "We sign first"),
    ("ours_last", "We sign last"),
]


class SaleOrder(models.Model):
    """Our own signature under a contract: before the customer's, or after it, where the company wants one.

    Both what the order of signing is and who signs for us are terms of the contract: they are approved
    with it, and whoever changes them makes a new version.
    """

    _inherit = "sale.order"

    contract_signing = fields.Selection(
        SIGNING,
        string="Signing Order",
        compute="_compute_contract_signing",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        copy=True,
        help="Who signs on a page of their own, and in which order. Where the customer signs alone, our "
        "approval and our sending it is our yes.",
    )
    contract_our_signatory_id = fields.Many2one(
        "res.users",
        string="Signs for Us",
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        help="The only one who can sign it for us. Empty: the salesperson.",
    )
    contract_is_my_turn = fields.Boolean(compute="_compute_contract_is_my_turn")

    @api.depends("company_id")
    def _compute_contract_signing(self):
        """What the company wants of its contracts; what was chosen for one contract stays."""
        for order in self:
            if not order.contract_signing or order.contract_state == "none":
                order.contract_signing = order.company_id.contract_signing or "customer"

    @api.depends("contract_state", "contract_signing", "contract_our_signatory_id", "user_id")
    @api.depends_context("uid")
    def _compute_contract_is_my_turn(self):
        for order in self:
            waits = order.contract_signing != "customer" and order.contract_state in OFFERED_STATES
            mine = order._contract_our_signatory() == self.env.user
            order.contract_is_my_turn = bool(waits and mine and order._contract_waits_for_us())

    def _contract_our_signatory(self):
        """Who signs for us."""
        self.ensure_one()
        return self.contract_our_signatory_id or self.user_id

    def _contract_waits_for_us(self):
        """The version of the contract that it is our turn to sign (sudo); empty: there is none."""
        self.ensure_one()
        order = self.sudo()
        document = self.env["sales.document"]._last(order, "contract")
        if order.contract_signing == "customer" or not document or document._signature("ours"):
            return document.browse()
        if order.contract_signing == "ours_first":
            is_turn = order.contract_state in ("draft", "approval") and order._approval_is_valid("contract")
        else:
            is_turn = order.contract_state == "to_sign" and document._signature("customer")
        is_turn = is_turn and document._is_current() and order._contract_is_current()
        return document if is_turn and order.state != "cancel" else document.browse()

    def _contract_expects_us(self):
        """Whether the next to sign the contract are we, as its terms say, whatever else it still needs."""
        open_states = {"ours_first": OFFERED_STATES, "ours_last": ("to_sign",)}.get(self.contract_signing, ())
        if not self or self.contract_state not in open_states:
            return False
        return not self.env["sales.document"]._last(self, "contract")._signature("ours")

    def _contract_lacks_our_first(self):
        """Whether we are to sign before the customer, and have not."""
        self.ensure_one()
        document = self.env["sales.document"]._last(self, "contract")
        return self.contract_signing == "ours_first" and not document._signature("ours")

    def action_contract_sign(self):
        """Open the page on which the contract is signed for us.

        :raise UserError: it is not our turn.
        :raise AccessError: somebody else signs it for us.
        """
        self.ensure_one()
        self.check_access("read")
        self._contract_check_may_sign()
        if not self._contract_waits_for_us():
            raise UserError(self.env._("%s does not wait for our signature.", self.display_name))
        return {"type": "ir.actions.act_url", "url": self._contract_sign_url(), "target": "self"}

    def _contract_sign_url(self):
        return f"/sales_process/countersign/{self.id}"

    def _contract_check_may_sign(self):
        signatory = self.sudo()._contract_our_signatory()
        if signatory != self.env.user:
            raise AccessError(
                self.env._(
                    "This contract is signed for us by %(name)s, and by nobody else.",
                    name=signatory.name or self.env._("nobody yet"),
                )
            )

    def _contract_sign_for_us(self, sha256, picture, origin):
        """Sign the version that waits for us, once, as the current user.

        :param str sha256: of the file they had before their eyes
        :param str picture: base64 of what they drew
        :param dict origin: `ip` and `agent` of the request
        """
        self.ensure_one()
        self._contract_check_may_sign()
        lock_rows(self)
        self.invalidate_recordset(["contract_state", "state"])
        document = self._contract_waits_for_us()
        if not document or document.sha256 != sha256:
            raise UserError(
                self.env._("This contract does not wait for our signature any more: load the page again.")
            )
        user = self.env.user
        order = self._process_for_signing()
        order._process_keep_signature(document, "ours", user.name, picture, origin, user)
        order._message_log(body=order.env._("Signed for us by %s.", user.name), author_id=user.partner_id.id)
        if order.contract_signing == "ours_last":
            order._process_finish_signing(document)
        order._process_signal("we_signed", {"version": document.version})

    # ------------------------------------------------------------
    # Taking it back
    # ------------------------------------------------------------

    def action_contract_withdraw(self):
        """Take a contract back that lies with the customer: it is changed, or not offered any more.

        Its links are closed and its signatures void; the process goes back to making the contract.
        """
        self.check_access("write")
        lying = self.filtered(lambda order: order.contract_state == "to_sign")
        if lying != self:
            names = ", ".join((self - lying).mapped("display_name"))
            raise UserError(self.env._("Not with the customer to be signed: %s.", names))
        self._contract_take_back(self.env._("The contract was taken back by %s.", self.env.user.name))
        return True

    def _contract_take_back(self, text):
        """These offers hold no more: neither their paper, nor their links, nor who has signed them."""
        lying = self.filtered(lambda order: order.contract_state == "to_sign")
        self._contract_set({"contract_state": "draft", "contract_digest": False})
        self._contract_revoke_links()
        self._contract_void_signatures()
        for order in self:
            order.message_post(body=text)
        if self.env.context.get(TOLD_KEY) is not INTERNAL:
            lying.opportunity_id._process_signal("contract_withdrawn")

    def _contract_void_signatures(self):
        """Whoever has signed these contracts so far has signed something that is not offered any more."""
        self.sudo().sales_document_ids.signature_ids._void()

    def _contract_follow_change(self):
        """Of those that wait to be signed, take back what says something else than the order says now."""
        outdated = self.filtered(
            lambda order: order.contract_state == "to_sign" and not order._contract_is_current()
        )
        outdated._contract_reopen()
