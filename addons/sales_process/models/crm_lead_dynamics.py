from odoo import models

TOLD_APART = {"source_id", "country_id", "team_id", "type", "company_id", "create_date"}
BEHIND_TASKS = {"user_id", "expected_revenue"}


class CrmLead(models.Model):
    """Tells the roll-ups of the deal dynamics and of tasks which leads' days are to be made anew."""

    _inherit = "crm.lead"

    def _write_multi(self, vals_list):  # pylint: disable=missing-return
        """The figures go by what a lead is told apart by now."""
        super()._write_multi(vals_list)
        Day = self.env["sales.process.dynamics.day"]
        Day._mark_leads(self._ids_with(vals_list, TOLD_APART))
        Day._mark_losses(self._ids_with(vals_list, {"lost_reason_id"}))
        self.env["sales.process.task.day"]._mark_leads(self._ids_with(vals_list, BEHIND_TASKS))

    def _ids_with(self, vals_list, names):
        """Ids of the leads that have values of one of these fields among theirs."""
        return [lead.id for lead, vals in zip(self, vals_list, strict=True) if names & vals.keys()]

    def unlink(self):
        """The stays and the tasks go with their leads."""
        self.env["sales.process.task.day"]._mark_leads(self.ids)
        self.env["sales.process.dynamics.day"]._mark_leads(self.ids)
        return super().unlink()
