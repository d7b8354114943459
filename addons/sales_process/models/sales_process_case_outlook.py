from odoo import models

from ..engine import events, outlook


class SalesProcessCase(models.Model):
    """What an act of the customer's would lead to, before it is done."""

    _inherit = "sales.process.case"

    def _is_last_word(self, event, later):
        """Whether this act of the customer's leads, by the decisions as they would be taken now, to where the
        process no longer waits for another act, `later`.

        :param str event: the act, as outcomes name it (`proposal_accepted`).
        :param str later: the act that may follow (`contract_signed`).
        """
        self.ensure_one()
        decisions = self.process_id.step_ids.filtered(lambda step: step.kind == "decision")
        holding = {
            step.code: [code for code, leads in step._holding(self.lead_id).items() if leads]
            for step in decisions
        }
        act, skips = events.Signal(event), self._skips()[self]
        return outlook.is_last_word(
            self.process_id._definition(), self._engine_case(), act, later, holding, skips
        )
