from odoo import models

from ..engine import events
from .crm_lead import OPEN_STATES


class CrmLead(models.Model):
    """Merged leads keep the history of all, and one running case."""

    _inherit = "crm.lead"

    def _merge_dependences(self, opportunities):
        """The cases of merged leads go to the one that stays, which keeps one of them running; so do their
        orders, those of colleagues too, and the meetings and files that whoever merges does not see."""
        self._process_take_cases(opportunities.sudo())
        keeper = self.sudo().with_context(active_test=False)
        keeper._process_take_belongings(opportunities.with_env(keeper.env))
        return super()._merge_dependences(opportunities)

    def _process_take_belongings(self, losers):
        """What Odoo's merge would leave with the leads that are then deleted: it moves orders in a step of
        its own, and all else as far as the user's rights and what is archived let it see."""
        losers.order_ids.write({"opportunity_id": self.id})
        losers.activity_ids.write({"res_id": self.id})
        self._merge_dependences_attachments(losers)
        self._merge_dependences_calendar_events(losers)

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
        closing._handle({case: events.Close("merged") for case in closing})
        cases = losers.process_case_ids
        cases.flush_recordset()
        cases.event_ids._repoint(keeper)
        cases.task_ids.write({"lead_id": keeper.id})
        self.env["sales.process.message"].sudo().search([("case_id", "in", cases.ids)]).write(
            {"lead_id": keeper.id}
        )
        cases.write({"lead_id": keeper.id})
