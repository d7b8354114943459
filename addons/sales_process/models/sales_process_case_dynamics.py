from odoo import api, models

# What overridden gates are told apart by.
BEHIND_OVERRIDES = {"team_id", "company_id", "lead_id"}


class SalesProcessCase(models.Model):
    """Tells the roll-ups which process its leads are on now, and whose its overridden gates are."""

    _inherit = "sales.process.case"

    @api.model_create_multi
    def create(self, vals_list):
        """The figures go by the process that a lead is on."""
        cases = super().create(vals_list)
        self.env["sales.process.dynamics.day"]._mark_leads(cases.lead_id.ids)
        return cases

    def write(self, vals):
        """A case may be moved to another version, or to the lead that others were merged into."""
        if vals.keys() & {"process_id", "lead_id"}:
            self.env["sales.process.dynamics.day"]._mark_leads([*self.lead_id.ids, vals.get("lead_id")])
        return super().write(vals)

    def _write_multi(self, vals_list):  # pylint: disable=missing-return
        super()._write_multi(vals_list)
        moved = zip(self, vals_list, strict=True)
        changed = [case.id for case, vals in moved if BEHIND_OVERRIDES & vals.keys()]
        self.env["sales.process.task.day"]._mark_cases(changed)

    def unlink(self):
        """The tasks and the overridden gates go with their cases."""
        self.env["sales.process.task.day"]._mark_tasks(self.task_ids.ids)
        self.env["sales.process.task.day"]._mark_cases(self.ids)
        return super().unlink()
