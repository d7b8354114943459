from odoo import fields, models


class CrmTeam(models.Model):
    """The processes of a team, the hours it works, the channel it reads."""

    _inherit = "crm.team"

    process_ids = fields.Many2many("sales.process", string="Sales Processes", readonly=True)
    process_calendar_id = fields.Many2one(
        "resource.calendar", string="Process Working Hours",
        help="Deadlines of the sales process count in these hours; empty: the company's.",
    )
    process_channel_id = fields.Many2one(
        "discuss.channel", string="Process Channel", help="Where the process tells the team what happens.",
    )

    def write(self, vals):
        result = super().write(vals)
        if "process_calendar_id" in vals:
            self.env["sales.process.task"].sudo().search([
                ("team_id", "in", self.ids), ("state", "=", "open"),
            ])._reschedule()
        if "active" in vals or "company_id" in vals:
            self.env.registry.clear_cache()
        return result
