from odoo import fields, models
from odoo.tools import format_datetime


class SaleOrder(models.Model):
    """What proves a signature: kept with the signed copy, and printed on its last page."""

    _inherit = "sale.order"

    def _process_evidence(self, document):
        """The record of the signatures under a document, as plain data, in the language of the order's
        environment; of those of the customer also at the top."""
        signatures = document._signatures()
        customer = signatures.filtered(lambda signature: signature.side == "customer")
        return {
            **self._process_evidence_of(document, customer.date),
            **customer._as_evidence(),
            "signatures": [signature._as_evidence() for signature in signatures],
            "events": self._process_evidence_events(document),
        }

    def _process_evidence_on_paper(self, document, user):
        """The record of a signature on paper, whose scan this user has accepted."""
        of_document = self._process_evidence_of(document, self.env.cr.now())
        return {**of_document, "on_paper": True, "accepted_by": user.name}

    def _process_evidence_of(self, document, moment):
        return {
            "document": f"{document.name} (v{document.version})",
            "document_id": document.id,
            "sha256": document.sha256,
            "date": fields.Datetime.to_string(moment),
        }

    def _process_evidence_local(self, moment, zone):
        """The moment on the signer's clock, with the zone it shows."""
        local = format_datetime(self.env, moment, tz=zone, dt_format="yyyy-MM-dd HH:mm:ss")
        return f"{local} ({zone})"

    def _process_evidence_events(self, document):
        """What became of the file until it was signed: lists of moment (UTC) and words, the first first."""
        answers = self._approval_last(document.kind).values()
        approved = [row for row in answers if row.state == "approved"]
        made, opened = document.user_id.name or self.user_id.name or "", document.opened_count
        events = [
            (document.date, self.env._("Made by %s", made)),
            *((row.date_decided, self.env._("Approved by %s", row.decided_by_id.name)) for row in approved),
            (document.date_sent, self.env._("Sent to %s", document.sent_to or self.partner_id.email or "")),
            (document.date_opened, self.env._("Opened by the customer (times in all: %s)", opened)),
            *((one.date, self.env._("Signed by %s", one.name)) for one in document._signatures()),
        ]
        happened = sorted((event for event in events if event[0]), key=lambda event: event[0])
        return [(fields.Datetime.to_string(moment), words) for moment, words in happened]
