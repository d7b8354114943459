from odoo import api, fields, models
from odoo.tools import SQL

# A stay of a day in UTC belongs to that day, the one before or the one after on the company's clock.
NEIGHBOURS = (-1, 0, 1)
BATCH = 100


class SalesProcessDynamicsDay(models.Model):
    """A day whose figures in `sales.process.dynamics` are to be made anew, because a stay changed.

    Rows are only ever added, so that those who move leads never wait for each other. The roll-up takes
    the rows it sees away and makes these days anew, in one snapshot of the database: what is committed
    later has rows of its own. No `day` means every day there is.
    """

    _name = "sales.process.dynamics.day"
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
        """Bring the figures up to date for somebody who is about to read them.

        What would keep them waiting, as after an import, is left to the job, which is woken.
        """
        self.env.flush_all()
        self._spread_all()
        if self._count_days() <= BATCH:
            self._roll_up()
        else:
            self.env.ref("sales_process.ir_cron_sales_process_dynamics").sudo()._trigger()

    @api.model
    def _roll_up(self, limit=BATCH):
        """Make some marked days anew; how many there were. Rows that somebody else has taken meanwhile
        end in PostgreSQL's serialization failure, as everywhere in Odoo: the later one begins again."""
        self._spread_all()
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM sales_process_dynamics_day
                 WHERE day IN (SELECT DISTINCT day FROM sales_process_dynamics_day ORDER BY day DESC LIMIT %s)
             RETURNING day
                """,
                limit,
            )
        )
        days = {fields.Date.to_date(day) for (day,) in self.env.cr.fetchall()}
        if days:
            around = {fields.Date.add(day, days=offset) for day in days for offset in NEIGHBOURS}
            self.env["sales.process.dynamics"]._make(sorted(around))
            self.env["sales.process.left"]._make(sorted(around))
        return len(days)

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

    @api.model
    def _count_days(self):
        """How many days are marked."""
        [(count,)] = self.env.execute_query(SQL("SELECT count(DISTINCT day) FROM sales_process_dynamics_day"))
        return count
