from odoo import fields, models
from odoo.exceptions import UserError

from .row_locks import touch_rows
from .sale_order_contract import OFFERED_STATES


class SaleOrder(models.Model):
    """Sending the contract to be signed, and what becomes of it: signed, declined, its links closed."""

    _inherit = "sale.order"

    def action_contract_send(self):
        """Send the customer the link to sign the contract: approved, and made from the values of today.

        A version that lies with the customer already is not sent a second time.
        """
        return self._contract_send()

    def action_contract_send_again(self):
        """Send the link once more, also to a contract that lies with the customer already."""
        return self._contract_send(again=True)

    def _contract_send(self, again=False):
        self.check_access("write")
        self._contract_refuse(lambda order: order._contract_send_obstacles())
        # Of two at the same time one waits here, cannot be serialized, is repeated by Odoo and finds it sent.
        touch_rows(self)
        documents = self.env["sales.document"]._last(self, "contract")
        sent = self.browse() if again else documents._sent_to_customer().order_id
        due = self - sent.filtered(lambda order: order.contract_state == "to_sign")
        if not due:
            return documents._tell_sent_already()
        due._process_mail_link("sales_process.mail_template_contract_sign", "contract")
        due._contract_set({"contract_state": "to_sign"})
        return True

    def _contract_send_obstacles(self):
        """Why the contract cannot be sent, in words; empty: it can."""
        self.ensure_one()
        checks = [
            (self.contract_state in OFFERED_STATES, self.env._("there is no contract to sign")),
            (self.state != "cancel", self.env._("the order is cancelled")),
            (
                self._contract_is_current(),
                self.env._("the order was changed after the contract was made: make it again"),
            ),
            (self._approval_is_valid("contract"), self.env._("it is not approved")),
            (
                not self._contract_lacks_our_first(),
                self.env._("%s has to sign it for us first", self._contract_our_signatory().name),
            ),
            (self.partner_id.email, self.env._("the customer has no e-mail address")),
            (
                not self.validity_date or self.validity_date >= fields.Date.context_today(self),
                self.env._("the offer has expired: make the contract again"),
            ),
        ]
        return [text for fine, text in checks if not fine]

    def _contract_mark_signed(self):
        """The contract is signed: it runs, and the term before it is renewed. Twice is once."""
        orders = self.filtered(lambda order: order.contract_state != "running")
        wrong = orders.filtered(
            lambda order: order.contract_state != "to_sign" or not order._contract_is_current()
        )
        if wrong:
            raise UserError(
                self.env._(
                    "Not a contract that can be signed as it stands: %s.",
                    ", ".join(wrong.mapped("display_name")),
                )
            )
        orders._contract_set({"contract_state": "running"})
        orders._contract_predecessors().filtered(
            lambda order: order.contract_state in ("running", "expired")
        )._contract_set({"contract_state": "renewed"})
        return True

    def _contract_mark_declined(self, reason=None):
        """The customer does not sign: the offer is over, and its links with it."""
        offered = self.filtered(lambda order: order.contract_state in OFFERED_STATES)
        if not offered:
            return
        offered._contract_set({"contract_state": "declined"})
        offered._contract_revoke_links()
        offered._contract_void_signatures()
        for order in offered.filtered(lambda order: reason):
            order.message_post(body=reason)

    def _contract_revoke_links(self):
        """Close the customer's ways to sign these contracts."""
        self.env["sales.paper.link"].sudo().search(
            [
                ("order_id", "in", self.ids),
                ("purpose", "=", "contract"),
                ("date_revoked", "=", False),
            ]
        )._revoke()
