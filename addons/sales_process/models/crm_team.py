from odoo import api, fields, models


class CrmTeam(models.Model):
    """The processes of a team, the hours it works, the channel it reads."""

    _inherit = "crm.team"

    process_ids = fields.Many2many("sales.process", string="Sales Processes", readonly=True)
    process_calendar_id = fields.Many2one(
        "resource.calendar",
        string="Process Working Hours",
        help="Deadlines of the sales process count in these hours; empty: the company's.",
    )
    process_channel_id = fields.Many2one(
        "discuss.channel",
        help="Where the process tells the team what happens.",
    )

    speed_target_hours = fields.Float(
        string="Speed to Lead",
        default=1.0,
        help="Working hours within which a new customer is to be talked to, from when they asked.",
    )

    _speed_target_positive = models.Constraint(
        "CHECK (speed_target_hours > 0)", "The target of the speed to lead is more than nothing."
    )

    @api.model_create_multi
    def create(self, vals_list):
        teams = super().create(vals_list)
        teams._processes_given(teams.process_ids)
        return teams

    def write(self, vals):
        before = self.process_ids if "process_ids" in vals else None
        result = super().write(vals)
        if before is not None:
            self._processes_given(before | self.process_ids)
        if "process_calendar_id" in vals:
            self._process_calendars()._process_hours_changed()
            self.env["sales.process.task.day"]._mark_all()
        if "active" in vals or "company_id" in vals:
            self.env.registry.clear_cache()
        return result

    def unlink(self):
        """The tasks of a team that is gone count in the hours of the company."""
        result = super().unlink()
        self.env["sales.process.task.day"]._mark_all()
        return result

    def _process_calendars(self):
        """The calendars in which the deadlines of these teams count."""
        rest = self.filtered(lambda team: not team.process_calendar_id)
        companies = rest.company_id or self.env.company if rest else rest.company_id
        return self.process_calendar_id | companies.resource_calendar_id

    def _processes_given(self, processes):
        """Who gives a team its processes must be allowed to change these."""
        if processes:
            processes.check_access("write")
            self.env.registry.clear_cache()
            processes._provide_stages()
