from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime


class SaleOrder(models.Model):
    """What proves a signature: kept with the signed copy, and printed on its last page."""

    _inherit = "sale.order"

    def _process_evidence(self, document, name, origin):
        """The record of a signature, as plain data, in the language of the order's environment.

        :param document: the file that is signed.
        :param str name: as the signer wrote it.
        :param dict origin: `ip` and `agent` of the request.
        :raise UserError: no name.
        """
        name = " ".join((name or "").split())[:200]
        if not name:
            raise UserError(self.env._("Please write your name."))
        now = self.env.cr.now()
        return {
            **self._process_evidence_of(document, now),
            "name": name,
            "local": self._process_evidence_local(now),
            "ip": origin.get("ip") or "",
            "agent": (origin.get("agent") or "")[:300],
            "events": self._process_evidence_events(document, name, now),
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

    def _process_evidence_local(self, moment):
        """The moment on the customer's clock, with the zone it shows."""
        zone = self._process_zone()
        local = format_datetime(self.env, moment, tz=zone, dt_format="yyyy-MM-dd HH:mm:ss")
        return f"{local} ({zone})"

    def _process_evidence_events(self, document, name, now):
        """What became of the file until it was signed: lists of moment (UTC) and words, the first first."""
        answers = self._approval_last("contract").values()
        approved = [row for row in answers if row.state == "approved"]
        made, opened = document.user_id.name or self.user_id.name or "", document.opened_count
        events = [
            (document.date, self.env._("Made by %s", made)),
            *((row.date_decided, self.env._("Approved by %s", row.decided_by_id.name)) for row in approved),
            (document.date_sent, self.env._("Sent to %s", document.sent_to or self.partner_id.email or "")),
            (document.date_opened, self.env._("Opened by the customer (times in all: %s)", opened)),
            (now, self.env._("Signed by %s", name)),
        ]
        happened = sorted((event for event in events if event[0]), key=lambda event: event[0])
        return [(fields.Datetime.to_string(moment), words) for moment, words in happened]
