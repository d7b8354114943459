from odoo import models
from odoo.exceptions import UserError

from .row_locks import lock_rows


class SaleOrder(models.Model):
    """The customer's yes to a proposal that no contract follows: it binds both sides, so they sign it."""

    _inherit = "sale.order"

    def _process_acceptance_binds(self):
        """Whether accepting the proposal is the customer's last word: the order is confirmed by it."""
        self.ensure_one()
        case = self.sudo().opportunity_id.process_case_id
        return bool(case) and case._is_last_word("proposal_accepted", "contract_signed")

    def _process_accept_signed(self, document, sha256, name, signature, origin):
        """Accept that very file with a signature, once: the signed copy with its record is kept.

        :param str sha256: of the file the customer had before their eyes.
        :param str signature: base64 of the picture.
        :param dict origin: `ip` and `agent` of the request.
        :return: the signed copy, the first one where it was accepted before.
        :raise UserError: another file, no name, or nothing drawn, in the customer's words.
        """
        self.ensure_one()
        lock_rows(self)
        self.invalidate_recordset(["process_decision", "process_decision_version", "state"])
        if self._process_decided(document):
            return self._process_signed_document(document)
        document._content()
        if sha256 != document.sha256:
            raise UserError(
                self.env._("The proposal was changed while you read it. Please load the page again.")
            )
        order = self._process_for_signing()
        mine = order._process_keep_signature(document, "customer", name, signature, origin)
        copy = order._process_keep_signed(document)
        order._process_decide(document, "accepted", name=mine.name)
        return copy
