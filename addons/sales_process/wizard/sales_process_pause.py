from odoo import fields, models


class SalesProcessPause(models.TransientModel):
    """Asks why the process of some leads is paused."""

    _name = "sales.process.pause"
    _description = "Pause the Process"

    lead_ids = fields.Many2many(
        "crm.lead", required=True, default=lambda self: self.env.context.get("active_ids")
    )
    reason = fields.Char(required=True)

    def action_pause(self):
        """Stop timers, letters and automatic steps of these leads."""
        self.ensure_one()
        return self.lead_ids.process_pause(self.reason)
