from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.sql import table_exists

from ..models.currency_factor import sql_factor, sql_root
from ..models.sales_process_task import SETTLED

BATCH = 100
# What a question may name besides the period, to be answered from here; without a person, from the sums.
TEAMS = frozenset({"company_id", "team_id"})
KEYS = TEAMS | {"user_id", "lead_user_id"}
GROUPS = ("step_id", *sorted(KEYS))
COUNTS = ("tasks", "finished", "deadline_kept", "deadline_missed", "escalations")
HOURS = ("hours", "working_hours", "hours_late")
MONEY = ("amount_late", "delay")
FIGURES = (*COUNTS, *HOURS, *MONEY)


class SalesProcessTaskDay(models.Model):
    """What the tasks that began on a day came to, once they were over: kept for the dashboard.

    A roll-up of `sales.process.task.report` by day and step, for each person and (`all`) for all together.
    Whoever changes a task that is over, or what its figures go by, adds a row that says that its day is
    `stale`: rows are only added, so nobody waits. `_roll_up` makes such days anew. Until then they are
    read from the tasks, as are tasks that are not over, so the answer is never behind. Amounts are in the
    currency of the company. Nobody reads it under its own name.
    """

    _name = "sales.process.task.day"
    _description = "Tasks That Are Over, by Day"
    _log_access = False

    level = fields.Selection(
        [("stale", "Day to Be Made Anew"), ("person", "Of a Person"), ("all", "Of All")],
        required=True,
        readonly=True,
    )
    day = fields.Date(required=True, readonly=True, help="On which the tasks began, in UTC.")
    step_id = fields.Many2one("sales.process.step", ondelete="cascade", readonly=True)
    user_id = fields.Many2one("res.users", ondelete="set null", readonly=True)
    lead_user_id = fields.Many2one("res.users", string="Salesperson", ondelete="set null", readonly=True)
    team_id = fields.Many2one("crm.team", ondelete="set null", readonly=True)
    company_id = fields.Many2one("res.company", ondelete="cascade", readonly=True)
    tasks = fields.Integer(readonly=True)
    finished = fields.Integer(readonly=True, help="Without those that were cancelled.")
    deadline_kept = fields.Integer(readonly=True)
    deadline_missed = fields.Integer(readonly=True)
    escalations = fields.Integer(readonly=True)
    hours = fields.Float(readonly=True)
    working_hours = fields.Float(readonly=True)
    hours_late = fields.Float(readonly=True)
    amount_late = fields.Float(readonly=True)
    delay = fields.Float(readonly=True, help="Days after the deadline times the expected revenue.")

    _stale_idx = models.Index("(day) WHERE level = 'stale'")
    _all_idx = models.Index("(day) WHERE level = 'all'")
    _day_idx = models.Index("(day)")
    _user_idx = models.Index("(user_id, day) WHERE level = 'person'")
    _lead_user_idx = models.Index("(lead_user_id, day) WHERE level = 'person'")

    def init(self):  # pylint: disable=missing-return
        """Where there are tasks but not yet these rows, as after an update, they are to be made."""
        super().init()
        if table_exists(self.env.cr, "sales_process_task") and not self.sudo().search_count([], limit=1):
            self._mark_all()

    # ------------------------------------------------------------------
    # MARKING
    # ------------------------------------------------------------------

    @api.model
    def _mark_tasks(self, task_ids):
        """Mark the days of those of these tasks that are over."""
        self._mark(SQL("task.id = ANY(%s)", list(task_ids)) if task_ids else None)

    @api.model
    def _mark_leads(self, lead_ids):
        """Mark the days of those tasks of these leads that are over."""
        self._mark(SQL("task.lead_id = ANY(%s)", list(lead_ids)) if lead_ids else None)

    def _mark(self, among):
        if among:
            self.env.cr.execute(
                SQL(
                    "INSERT INTO sales_process_task_day (level, day)"
                    " SELECT DISTINCT 'stale', task.date_open::date FROM sales_process_task task"
                    "  WHERE %s AND %s",
                    among,
                    SQL(SETTLED),
                )
            )

    @api.model
    def _mark_all(self):
        """Mark every day on which a task began."""
        self.env.cr.execute(
            SQL(
                "INSERT INTO sales_process_task_day (level, day)"
                " SELECT 'stale', generate_series(min(date_open)::date, max(date_open)::date, '1 day')"
                "   FROM sales_process_task"
            )
        )

    # ------------------------------------------------------------------
    # MAKING
    # ------------------------------------------------------------------

    @api.model
    def _catch_up(self):
        """Bring the rows up to date for somebody who is about to read them.

        What would keep them waiting is left to the job, which is woken.
        """
        self.env.flush_all()
        if self._count_days() <= BATCH:
            self._roll_up()
        else:
            self.env.ref("sales_process.ir_cron_sales_process_dynamics").sudo()._trigger()

    @api.model
    def _roll_up(self, limit=BATCH):
        """Make some days anew, the latest first; how many there were. As with those of the dynamics, what
        is committed by others meanwhile has marks of its own."""
        days = [
            day
            for (day,) in self.env.execute_query(
                SQL(
                    "SELECT DISTINCT day FROM sales_process_task_day WHERE level = 'stale'"
                    " ORDER BY day DESC LIMIT %s",
                    limit,
                )
            )
        ]
        if days:
            self._make(days)
        return len(days)

    @api.model
    def _count_days(self):
        """How many days are marked."""
        [(count,)] = self.env.execute_query(
            SQL("SELECT count(DISTINCT day) FROM sales_process_task_day WHERE level = 'stale'")
        )
        return count

    def _make(self, days):
        """Make the rows of these days anew, their marks taken away: three statements, however many days."""
        self.env.cr.execute(SQL("DELETE FROM sales_process_task_day WHERE day = ANY(%s)", days))
        self.env.cr.execute(self._sql_make(days))
        self.env.cr.execute(self._sql_make_sums(days))
        self.invalidate_model(flush=False)

    def _sql_make(self, days):
        settled = SQL(
            """
            (SELECT task.* FROM unnest(%s::date[]) AS day
               JOIN sales_process_task task ON task.date_open >= day AND task.date_open < day + 1
              WHERE %s)
            """,
            days,
            SQL(SETTLED),
        )
        return SQL(
            "INSERT INTO sales_process_task_day (level, day, %(groups)s, %(figures)s)"
            " SELECT 'person', date::date, %(groups)s, %(sums)s FROM (%(tasks)s) report"
            "  GROUP BY date::date, %(groups)s",
            groups=self._sql_names(GROUPS),
            figures=self._sql_names(FIGURES),
            sums=SQL(", ").join(
                SQL("count(hours)") if name == "finished" else self._sql_sum(name) for name in FIGURES
            ),
            tasks=self.env["sales.process.task.report"]._select_tasks(settled, SQL("1")),
        )

    def _sql_make_sums(self, days):
        groups = SQL("step_id, team_id, company_id")
        return SQL(
            "INSERT INTO sales_process_task_day (level, day, %(groups)s, %(figures)s)"
            " SELECT 'all', day, %(groups)s, %(sums)s FROM sales_process_task_day"
            "  WHERE level = 'person' AND day = ANY(%(days)s) GROUP BY day, %(groups)s",
            groups=groups,
            figures=self._sql_names(FIGURES),
            sums=SQL(", ").join(self._sql_sum(name) for name in FIGURES),
            days=days,
        )

    @staticmethod
    def _sql_names(names):
        return SQL(", ").join(SQL.identifier(name) for name in names)

    @staticmethod
    def _sql_sum(name):
        return SQL("COALESCE(sum(%s), 0)", SQL.identifier(name))

    # ------------------------------------------------------------------
    # READING
    # ------------------------------------------------------------------

    @api.model
    def _kept_for(self, domain):
        """What is asked about tasks, the record rules of the caller included; None: it names what is not
        kept here.

        :param domain: for `sales.process.task.report`.
        """
        if not self.env.su:
            domain &= Domain(self.env["ir.rule"]._compute_domain("sales.process.task.report", "read"))
        asked = {leaf.field_expr for leaf in domain.iter_conditions()}
        if not asked <= KEYS:
            return None
        return domain & Domain("level", "=", "all" if asked <= TEAMS else "person")

    @api.model
    def _read_kept(self, domain, begin):
        """[{step_id, kind, and each of the figures}] of the days since `begin`, by step, without those that
        are stale; amounts in the currency of the current company at today's rate. One statement.

        :param domain: from `_kept_for`.
        """
        query = self.sudo()._search(domain & Domain("day", ">=", begin))
        rows = self.env.execute_query(self._sql_kept(query.select(f"{query.table}.*")))
        return [dict(zip(("step_id", "kind", *FIGURES), row, strict=True)) for row in rows]

    def _sql_kept(self, kept):
        factor = sql_factor(
            SQL("company.currency_id"), SQL("%s", self.env.company.currency_id.id), sql_root("company"),
            SQL("%s::date", fields.Date.context_today(self)),
        )  # fmt: skip
        return SQL(
            """
            SELECT summed.step_id, step.kind, %(plain)s, %(money)s
              FROM (
                  SELECT step_id, company_id, %(sums)s FROM (%(kept)s) kept
                   WHERE day NOT IN (SELECT day FROM sales_process_task_day WHERE level = 'stale')
                   GROUP BY step_id, company_id
              ) summed
              LEFT JOIN sales_process_step step ON step.id = summed.step_id
              LEFT JOIN res_company company ON company.id = summed.company_id
             GROUP BY 1, 2
            """,
            plain=SQL(", ").join(SQL("sum(%s)", SQL.identifier(name)) for name in (*COUNTS, *HOURS)),
            money=SQL(", ").join(SQL("sum(%s * %s)", SQL.identifier(name), factor) for name in MONEY),
            sums=SQL(", ").join(SQL("sum(%s) AS %s", SQL.identifier(n), SQL.identifier(n)) for n in FIGURES),
            kept=kept,
        )

    @api.model
    def _sql_not_kept(self, begin):
        """The tasks that no row tells of: those that are not over, and all of the days that are stale.

        :param begin: only days since this one are told.
        """
        return SQL(
            """
            (SELECT task.* FROM sales_process_task task WHERE (%(settled)s) IS NOT TRUE
              UNION ALL
             SELECT task.*
               FROM (SELECT DISTINCT day FROM sales_process_task_day
                      WHERE level = 'stale' AND day >= %(begin)s) stale
              CROSS JOIN LATERAL (
                  SELECT * FROM sales_process_task
                   WHERE date_open >= stale.day AND date_open < stale.day + 1 AND %(settled)s
                  OFFSET 0  -- a day at a time, by the index
              ) task)
            """,
            begin=begin,
            settled=SQL(SETTLED),
        )
