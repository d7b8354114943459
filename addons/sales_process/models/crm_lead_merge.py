from odoo import models

from ..engine import transition
from .crm_lead import OPEN_STATES


class CrmLead(models.Model):
    """Merged leads keep the history of all, and one running case."""

    _inherit = "crm.lead"

    def _merge_dependences(self, opportunities):
        """The cases of merged leads go to the one that stays, which keeps one of them running."""
        self._process_take_cases(opportunities.sudo())
        return super()._merge_dependences(opportunities)

    def _process_absorb(self, other):
        """Merge another lead into this one, which is kept whatever their places in the pipeline."""
        self.ensure_one()
        self._merge_dependences(other)
        missing = {
            name: other[name]
            for name in ("phone", "email_from", "contact_name", "partner_name")
            if other[name] and not self[name]
        }
        if missing:
            self.write(missing)
        self._process_log("note", text=self.env._("%s was merged into this lead", other.display_name))
        other.sudo().unlink()
        if not self.sudo().process_case_ids.filtered(lambda case: case.state in OPEN_STATES):
            self._process_autostart()

    def _process_take_cases(self, losers):
        keeper = self.sudo()
        closing = losers.process_case_id
        if not keeper.process_case_id:
            closing = closing.sorted("id")[1:]
        closing._handle({case: transition.Close("merged") for case in closing})
        cases = losers.process_case_ids
        cases.flush_recordset()
        cases.event_ids._repoint(keeper)
        cases.task_ids.write({"lead_id": keeper.id})
        self.env["sales.process.message"].sudo().search([("case_id", "in", cases.ids)]).write(
            {"lead_id": keeper.id}
        )
        cases.write({"lead_id": keeper.id})
