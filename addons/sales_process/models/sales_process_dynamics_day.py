from odoo import api, fields, models
from odoo.tools import SQL

# A stay of a day in UTC belongs to that day, the one before or the one after on the company's clock.
NEIGHBOURS = (-1, 0, 1)


class SalesProcessDynamicsDay(models.Model):
    """A day whose figures in `sales.process.dynamics` are to be made anew, because a stay changed.

    Each row is a mark; no `day` means every day there is.
    """

    _name = "sales.process.dynamics.day"
    _inherit = ["sales.process.marked.days"]
    _description = "Day to Be Rolled Up"
    _log_access = False

    day = fields.Date(readonly=True, index=True, help="In UTC. Empty: every day.")

    # ------------------------------------------------------------------
    # MARKING
    # ------------------------------------------------------------------

    @api.model
    def _mark_leads(self, lead_ids):
        """Mark the days on which stays of these leads began or ended; one statement."""
        if lead_ids:
            self.env.cr.execute(
                SQL(
                    """
                    INSERT INTO sales_process_dynamics_day (day)
                    SELECT date_enter::date FROM crm_lead_stage_history WHERE lead_id = ANY(%(ids)s) UNION
                    SELECT date_leave::date FROM crm_lead_stage_history
                     WHERE lead_id = ANY(%(ids)s) AND date_leave IS NOT NULL
                    """,
                    ids=list(lead_ids),
                )
            )

    @api.model
    def _mark_losses(self, lead_ids):
        """Mark the days on which these leads were lost."""
        if lead_ids:
            self.env.cr.execute(
                SQL(
                    "INSERT INTO sales_process_dynamics_day (day)"
                    " SELECT DISTINCT date_leave::date FROM crm_lead_stage_history"
                    "  WHERE lead_id = ANY(%s) AND won_status = 'lost' AND date_leave IS NOT NULL",
                    list(lead_ids),
                )
            )

    @api.model
    def _mark_since(self, day):
        """Mark a day and all after it, up to today."""
        self.env.cr.execute(
            SQL(
                "INSERT INTO sales_process_dynamics_day (day)"
                " SELECT generate_series(GREATEST(%s::date, min(date_enter)::date), %s::date, '1 day')::date"
                " FROM crm_lead_stage_history",
                day,
                self.env.cr.now(),
            )
        )

    @api.model
    def _mark_all(self):
        """Mark every day: the figures are made anew from the stays."""
        self.env.cr.execute(SQL("INSERT INTO sales_process_dynamics_day (day) VALUES (NULL)"))

    # ------------------------------------------------------------------
    # TAKING
    # ------------------------------------------------------------------

    @api.model
    def _cron_roll_up(self):
        """Make the marked days anew, of tasks too; some of them a commit, the latest first."""
        cron, both = self.env["ir.cron"], (self, self.env["sales.process.task.day"])
        while taken := sum(days._roll_up() for days in both):
            if not cron._commit_progress(taken, remaining=sum(days._count_days() for days in both)):
                break

    @api.model
    def _catch_up(self):
        """Every day that there is may be what is marked."""
        self.env.flush_all()
        self._spread_all()
        return super()._catch_up()

    def _take_days(self, limit):
        self._spread_all()
        return super()._take_days(limit)

    def _make_days(self, days):
        around = {fields.Date.add(day, days=offset) for day in days for offset in NEIGHBOURS}
        self.env["sales.process.dynamics"]._make(sorted(around))
        self.env["sales.process.left"]._make(sorted(around))

    @api.model
    def _spread_all(self):
        """Put the single days in the place of “every day”: those of the stays, and those with figures."""
        self.env.cr.execute(SQL("DELETE FROM sales_process_dynamics_day WHERE day IS NULL"))
        if self.env.cr.rowcount:
            self.env.cr.execute(
                SQL(
                    """
                    INSERT INTO sales_process_dynamics_day (day)
                    SELECT date_enter::date FROM crm_lead_stage_history UNION
                    SELECT date_leave::date FROM crm_lead_stage_history WHERE date_leave IS NOT NULL UNION
                    SELECT date FROM sales_process_dynamics_total
                    """
                )
            )
