from odoo import api, fields, models

BATCH = 500
# What says when people work, besides the rows of attendance and the closed days.
HOURS = frozenset({"tz", "hours_per_day", "two_weeks_calendar", "flexible_hours"})


class ResourceCalendar(models.Model):
    """Working hours: when they change, the deadlines that count in them are worked out anew."""

    _inherit = "resource.calendar"

    process_stale = fields.Boolean(
        readonly=True, help="Deadlines of the sales process are to be worked out anew."
    )

    process_stale_after = fields.Integer(
        readonly=True, help="Up to this task the deadlines have been worked out anew already."
    )

    def write(self, vals):
        result = super().write(vals)
        if not HOURS.isdisjoint(vals):
            self._process_hours_changed()
        return result

    def unlink(self):
        """A team without hours of its own counts in the company's, in the past too."""
        result = super().unlink()
        self.env["sales.process.task.day"]._mark_all()
        return result

    def _process_hours_changed(self):
        """Open tasks are rescheduled after commit, in a job: there may be thousands of them."""
        teams = self.env["crm.team"].sudo().with_context(active_test=False)
        used = teams.search([("process_calendar_id", "in", self.ids)]).process_calendar_id
        used |= (
            self.env["res.company"]
            .sudo()
            .search([("resource_calendar_id", "in", self.ids)])
            .resource_calendar_id
        )
        if used and self.env["sales.process.task"].sudo().search_count([("state", "=", "open")], limit=1):
            used.sudo().write({"process_stale": True, "process_stale_after": 0})
            self.env["sales.process.task"]._wake("sales_process.ir_cron_sales_process_reschedule")

    @api.model
    def _cron_process_reschedule(self):
        """Reschedule the open tasks that count in calendars which have changed, a batch a commit; a run
        whose time is up goes on where the one before stopped."""
        self.env["sales.process.task"]._work_off(
            self._process_claim_stale,
            lambda calendar: calendar._process_reschedule(),
            lambda: self.sudo().search_count([("process_stale", "=", True)]),
        )

    @api.model
    def _process_claim_stale(self):
        return self.sudo().search([("process_stale", "=", True)], order="id", limit=1)

    def _process_reschedule(self):
        """The next batch of this calendar's open tasks; without any, it is up to date."""
        tasks = (
            self.env["sales.process.task"]
            .sudo()
            .search(
                [*self._process_task_domain(), ("id", ">", self.process_stale_after)], order="id", limit=BATCH
            )
        )
        tasks._reschedule()
        self.process_stale_after = tasks[-1:].id
        self.process_stale = bool(tasks)

    def _process_task_domain(self):
        return [
            ("state", "=", "open"),
            "|",
            ("team_id.process_calendar_id", "=", self.id),
            "&",
            ("team_id.process_calendar_id", "=", False),
            "|",
            ("company_id.resource_calendar_id", "=", self.id),
            ("company_id", "=", False),
        ]
