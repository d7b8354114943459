from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.sql import table_exists

from ..models.sales_process_task import ODD, SETTLED

# What a question may name besides the period, to be answered from here; without a person, from the sums.
TEAMS = frozenset({"company_id", "team_id"})
KEYS = TEAMS | {"user_id", "lead_user_id"}
GROUPS = ("step_id", *sorted(KEYS))
COUNTS = ("tasks", "finished", "deadline_kept", "deadline_missed", "escalations", "overrides")
HOURS = ("hours", "working_hours", "hours_late")
MONEY = ("amount_late", "delay")
FIGURES = (*COUNTS, *HOURS, *MONEY)


class SalesProcessTaskDay(models.Model):
    """What the tasks that began on a day came to, once they were over: kept for the dashboard.

    A roll-up of `sales.process.task.report` by day and step, for each person and (`all`) for all together;
    the gates that were overridden on the day are counted too. Whoever changes a task that is over, or what
    its figures go by, marks its day as `stale`. Until it is made anew it is read from the tasks, as are
    tasks that are not over, so the answer is never behind. Amounts are in the currency of the company.
    Nobody reads it under its own name.
    """

    _name = "sales.process.task.day"
    _inherit = ["sales.process.marked.days"]
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
    overrides = fields.Integer(string="Gates Overridden", readonly=True)
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
        """Where there are tasks but not yet these rows, or one of their figures, as after an update, they
        are to be made."""
        super().init()
        if table_exists(self.env.cr, "sales_process_task") and not self._is_made():
            self._mark_all()

    def _is_made(self):
        [(is_made,)] = self.env.execute_query(
            SQL("SELECT bool_and(level = 'stale' OR overrides IS NOT NULL) FROM sales_process_task_day")
        )
        return bool(is_made)

    # ------------------------------------------------------------------
    # MARKING
    # ------------------------------------------------------------------

    @api.model
    def _mark_tasks(self, task_ids):
        """Mark the days of those of these tasks that are over."""
        if task_ids:
            self._mark(
                SQL(
                    "SELECT date_open::date FROM sales_process_task WHERE id = ANY(%s) AND %s",
                    list(task_ids),
                    SQL(SETTLED),
                )
            )

    @api.model
    def _mark_leads(self, lead_ids):
        """Mark the days of the tasks of these leads, and of their overridden gates."""
        # A colleague may be about to end a task that is open to us, and its day be made anew before we
        # commit; or to open one today, and end it.
        if lead_ids:
            among = SQL("lead_id = ANY(%s)", list(lead_ids))
            self._mark(
                SQL("SELECT date_open::date FROM sales_process_task WHERE %s", among),
                SQL(
                    "SELECT (now() AT TIME ZONE 'UTC')::date"
                    " WHERE EXISTS (SELECT FROM sales_process_task WHERE %s)",
                    among,
                ),
                self._sql_days_of_overrides(among),
            )

    @api.model
    def _mark_cases(self, case_ids):
        """Mark the days on which gates were overridden for these cases."""
        if case_ids:
            self._mark(self._sql_days_of_overrides(SQL("case_id = ANY(%s)", list(case_ids))))

    @api.model
    def _mark_days(self, days):
        """Mark these days."""
        self._mark(SQL("SELECT unnest(%s::date[])", list(days)))

    @api.model
    def _mark_all(self):
        """Mark every day on which a task began or a gate was overridden."""
        self._mark(
            SQL("SELECT date_open::date FROM sales_process_task"),
            self._sql_days_of_overrides(SQL("TRUE")),
        )

    def _mark(self, *days):
        self.env.cr.execute(
            SQL(
                "INSERT INTO sales_process_task_day (level, day)"
                " SELECT DISTINCT 'stale', day FROM (%s) marked(day) WHERE day IS NOT NULL",
                SQL(" UNION ALL ").join(days),
            )
        )

    @staticmethod
    def _sql_days_of_overrides(among):
        return SQL("SELECT date::date FROM sales_process_event WHERE kind = 'override' AND %s", among)

    # ------------------------------------------------------------------
    # MAKING
    # ------------------------------------------------------------------

    def _sql_is_mark(self):
        return SQL("level = 'stale'")

    def _make_days(self, days):
        """Make the rows of these days anew: three statements, however many days."""
        self.env.cr.execute(
            SQL("DELETE FROM sales_process_task_day WHERE day = ANY(%s) AND level != 'stale'", days)
        )
        self.env.cr.execute(self._sql_make(days))
        self.env.cr.execute(self._sql_make_sums(days))
        self.invalidate_model(flush=False)

    def _sql_make(self, days):
        of_days = SQL("SELECT unnest(%s::date[]) AS day", days)
        Report = self.env["sales.process.task.report"]
        return SQL(
            "INSERT INTO sales_process_task_day (level, day, %(groups)s, %(figures)s)"
            " SELECT 'person', date::date, %(groups)s, %(sums)s"
            "   FROM (%(tasks)s UNION ALL %(overrides)s) report"
            "  GROUP BY date::date, %(groups)s",
            groups=self._sql_names(GROUPS),
            figures=self._sql_names(FIGURES),
            sums=SQL(", ").join(
                SQL("count(hours)") if name == "finished" else self._sql_sum(name) for name in FIGURES
            ),
            tasks=Report._select_tasks(SQL("(%s)", self._sql_settled(of_days)), SQL("1")),
            overrides=Report._select_overrides(self._sql_overrides(of_days)),
        )

    @staticmethod
    def _sql_settled(days):
        """The tasks that are over, of these days: a day at a time, by the index."""
        return SQL(
            """
            SELECT task.*
              FROM (%s) of_day
             CROSS JOIN LATERAL (
                  SELECT * FROM sales_process_task
                   WHERE date_open >= of_day.day AND date_open < of_day.day + 1 AND %s
                  OFFSET 0
             ) task
            """,
            days,
            SQL(SETTLED),
        )

    @staticmethod
    def _sql_overrides(days):
        """The gates overridden on these days, in brackets: a day at a time, by the index."""
        return SQL(
            """
            (SELECT event.*
               FROM (%s) of_day
              CROSS JOIN LATERAL (
                  SELECT * FROM sales_process_event
                   WHERE kind = 'override' AND date >= of_day.day AND date < of_day.day + 1
                  OFFSET 0
              ) event)
            """,
            days,
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
        domain, asked = self._asked(domain)
        if not asked <= KEYS:
            return None
        return domain & Domain("level", "=", "all" if asked <= TEAMS else "person")

    @api.model
    def _asked_of(self, domain):
        """The same, of tasks that are not over."""
        return None if self._kept_for(domain) is None else self._asked(domain)[0]

    def _asked(self, domain):
        """(domain with the record rules of the caller, the fields that it names)"""
        if not self.env.su:
            domain &= Domain(self.env["ir.rule"]._compute_domain("sales.process.task.report", "read"))
        return domain, {leaf.field_expr for leaf in domain.iter_conditions()}

    @api.model
    def _read_kept(self, domain, begin, names=FIGURES):
        """[{step_id, kind, and the figures of these names}] of the days since `begin`, by step, without
        those that are stale; amounts in the currency of the current company at today's rate. One statement.

        :param domain: from `_kept_for`.
        """
        query = self.sudo()._search(domain & Domain("day", ">=", begin))
        names = [name for name in FIGURES if name in names]
        rows = self.env.execute_query(self._sql_kept(query.select(f"{query.table}.*"), names))
        return [dict(zip(("step_id", "kind", *names), row, strict=True)) for row in rows]

    def _sql_kept(self, kept, names):
        factor = self.env["sales.process.task.report"]._sql_factor()
        return SQL(
            """
            SELECT summed.step_id, step.kind, %(converted)s
              FROM (
                  SELECT step_id, company_id, %(sums)s FROM (%(kept)s) kept
                   WHERE day NOT IN (SELECT day FROM sales_process_task_day WHERE level = 'stale')
                   GROUP BY step_id, company_id
              ) summed
              LEFT JOIN sales_process_step step ON step.id = summed.step_id
              LEFT JOIN res_company company ON company.id = summed.company_id
             GROUP BY 1, 2
            """,
            converted=SQL(", ").join(
                SQL("sum(%s * %s)", SQL.identifier(name), factor if name in MONEY else SQL("1"))
                for name in names
            ),
            sums=SQL(", ").join(SQL("sum(%s) AS %s", SQL.identifier(n), SQL.identifier(n)) for n in names),
            kept=kept,
        )

    @api.model
    def _sql_not_kept(self, begin, with_open):
        """(tasks, overrides): SQL, in brackets, of those that no row tells of, which are all of the days
        that are stale, and tasks that are not over.

        :param begin: only days since this one are told.
        :param with_open: whether tasks that people have in hand are wanted; some are not over without that.
        """
        stale = SQL(
            "SELECT DISTINCT day FROM sales_process_task_day WHERE level = 'stale' AND day >= %s", begin
        )
        tasks = SQL(
            "(SELECT task.* FROM sales_process_task task WHERE %s UNION ALL %s)",
            SQL("(%s) IS NOT TRUE", SQL(SETTLED)) if with_open else SQL(ODD),
            self._sql_settled(stale),
        )
        return tasks, self._sql_overrides(stale)
