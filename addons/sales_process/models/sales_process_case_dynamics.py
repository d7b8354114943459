from odoo import api, models


class SalesProcessCase(models.Model):
    """Tells the roll-up of the deal dynamics which process its leads are on now."""

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

    def unlink(self):
        """The tasks go with their cases."""
        self.env["sales.process.task.day"]._mark_tasks(self.task_ids.ids)
        return super().unlink()
