from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..models.currency_factor import sql_factor, sql_root
from ..models.sales_process_task import OPEN_STATES
from .sales_process_working_interval import sql_calendar, sql_worked, sql_worked_by_calendar


class NotKept:
    """Only what no row of ``sales.process.task.day`` tells of; no client can put it into a context."""

    def __init__(self, begin, with_open=True):
        self.begin, self.with_open = begin, with_open


class SalesProcessTaskReport(models.Model):
    """Time and deadlines: one row for each task of a process, and for each gate that was overridden.

    Times are given by the clock, and in the working hours of the calendar that the deadlines go by (see
    ``sales.process.working.interval``). A task that is still open counts up to now. A deadline is
    kept by a task done in time, missed by one done late or still open after it; a cancelled task is
    neither. Whoever is responsible now has the task; an override is of whoever made it.

    A bottleneck is where much money waits long beyond the deadline: `delay` adds up, over the late tasks,
    the days late times the expected revenue of the deal, which is delay x cases x money of a step.
    Amounts are in the currency of the current company, at today's rate.
    """

    _name = "sales.process.task.report"
    _description = "Time and Deadlines"
    _auto = False
    _order = "date desc, id desc"
    _rec_name = "step_id"
    _depends = {
        "sales.process.task": [
            "case_id", "lead_id", "process_id", "step_id", "state", "user_id", "team_id", "company_id",
            "date_open", "date_deadline", "date_done", "outcome_id", "escalation_count", "is_passed",
            "worked_hours", "worked_calendar_id",
        ],
        "sales.process.step": ["kind"],
        "crm.lead": ["expected_revenue", "company_id", "user_id"],
        "crm.team": ["process_calendar_id"],
        "sales.process.working.interval": ["hours_before"],
    }  # fmt: skip

    date = fields.Datetime(string="From", readonly=True)
    lead_id = fields.Many2one("crm.lead", readonly=True)
    process_id = fields.Many2one("sales.process", string="Process Version", readonly=True)
    step_id = fields.Many2one("sales.process.step", readonly=True)
    kind = fields.Selection(
        lambda self: self.env["sales.process.step"]._fields["kind"].selection, readonly=True
    )
    state = fields.Selection(
        lambda self: self.env["sales.process.task"]._fields["state"].selection, readonly=True
    )
    outcome_id = fields.Many2one("sales.process.outcome", readonly=True)
    user_id = fields.Many2one("res.users", string="Responsible", readonly=True)
    lead_user_id = fields.Many2one("res.users", string="Salesperson", readonly=True)
    team_id = fields.Many2one("crm.team", string="Sales Team", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    tasks = fields.Integer(readonly=True)
    open_now = fields.Integer(readonly=True)
    late_now = fields.Integer(readonly=True)
    hours = fields.Float(string="Hours (Mean)", readonly=True, aggregator="avg", help="By the clock.")
    working_hours = fields.Float(
        string="Working Hours (Mean)",
        readonly=True,
        aggregator="avg",
        help="Of the calendar that deadlines go by; by the clock where there is none.",
    )
    hours_late = fields.Float(string="Hours Late (Mean)", readonly=True, aggregator="avg")
    deadline_kept = fields.Integer(string="Deadlines Kept", readonly=True)
    deadline_missed = fields.Integer(string="Deadlines Missed", readonly=True)
    escalations = fields.Integer(readonly=True)
    overrides = fields.Integer(string="Gates Overridden", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    amount_late = fields.Monetary(
        string="Money That Waits", readonly=True, help="Expected revenue of the deals whose task is late."
    )
    delay = fields.Float(
        string="Delay × Money",
        readonly=True,
        digits=(16, 0),
        help="Days after the deadline times the expected revenue of the deal: what late steps cost most.",
    )

    @api.model
    def action_open(self, xmlid="sales_process.action_sales_process_task_report"):
        """Open the report, or another view of it, with its working hours."""
        self.browse().check_access("read")
        self.env["sales.process.working.interval"]._ensure()
        return self.env["ir.actions.act_window"]._for_xml_id(xmlid)

    @api.model
    def _read_by_step(self, domain, begin, names, among=Domain.TRUE, with_open=True):
        """[{step_id, kind, and the sum of each of `names`}] of the tasks since a day, in two statements.

        Of tasks that are over it tells what is kept (see ``sales.process.task.day``), where this answers
        the question, and of all others what they say themselves: a step may come twice, and in the rows
        kept there is nothing but what is kept.

        :param domain: whose tasks.
        :param among: which of those not kept can have a part in the sums; it names what it likes.
        :param with_open: False: without those in hand, where what is kept answers the question.
        """
        Kept = self.env["sales.process.task.day"]
        kept = Kept._kept_for(domain)
        report = self.with_context(tasks_not_kept=None if kept is None else NotKept(begin, with_open))
        rows = report._read_group(
            domain & among & Domain("date", ">=", fields.Datetime.to_datetime(begin)),
            ["step_id", "kind"],
            ["hours:count" if name == "finished" else f"{name}:sum" for name in names],
        )
        told = [
            dict(zip(("step_id", "kind", *names), (step.id, *values), strict=True)) for step, *values in rows
        ]
        return told if kept is None else told + Kept._read_kept(kept, begin, names)

    @property
    def _table_query(self):
        tasks, overrides = SQL("sales_process_task"), SQL("sales_process_event")
        wanted = self.env.context.get("tasks_not_kept")
        if isinstance(wanted, NotKept):
            Kept = self.env["sales.process.task.day"]
            tasks, overrides = Kept._sql_not_kept(wanted.begin, wanted.with_open)
        return SQL("%s UNION ALL %s", self._select_tasks(tasks), self._select_overrides(overrides))

    def _select_tasks(self, tasks, factor=None):
        """The rows of tasks.

        :param tasks: SQL of the table, or of a query in brackets, that they are in.
        :param factor: SQL of what to multiply amounts by; by default they are converted.
        """
        # What is not asked for is not worked out: joins of at most one row, and subqueries, fall away.
        until, late = self._sql_until(), self._sql_days_late()
        factor = factor or self._sql_factor()
        return SQL(
            """
            SELECT t.id, t.date_open AS date, t.lead_id, t.process_id, t.step_id, s.kind, t.state,
                   t.outcome_id, t.user_id, lead.user_id AS lead_user_id, t.team_id, t.company_id, 1 AS tasks,
                   (t.state IN %(open)s)::int AS open_now,
                   (t.state IN %(open)s AND t.date_deadline < %(now)s)::int AS late_now,
                   CASE WHEN t.state != 'cancelled' THEN
                       GREATEST(date_part('epoch', COALESCE(t.date_done, %(now)s) - t.date_open), 0) / 3600
                   END AS hours,
                   CASE WHEN t.state = 'cancelled' THEN NULL
                        WHEN t.worked_calendar_id = %(calendar)s AND t.date_done IS NOT NULL
                        THEN t.worked_hours
                        WHEN t.worked_calendar_id = %(calendar)s AND so_far.hours IS NOT NULL
                        THEN GREATEST(so_far.hours - t.worked_hours, 0)
                        WHEN t.date_done IS NULL THEN %(worked_so_far)s
                        ELSE %(worked)s
                   END AS working_hours,
                   CASE WHEN t.state != 'cancelled' AND COALESCE(t.date_done, %(now)s) > t.date_deadline THEN
                       date_part('epoch', COALESCE(t.date_done, %(now)s) - t.date_deadline) / 3600
                   END AS hours_late,
                   (t.state = 'done' AND t.date_done <= t.date_deadline)::int AS deadline_kept,
                   (t.state != 'cancelled'
                    AND COALESCE(t.date_done, %(now)s) > t.date_deadline)::int AS deadline_missed,
                   COALESCE(t.escalation_count, 0) AS escalations, 0 AS overrides,
                   %(currency)s AS currency_id,
                   (CASE WHEN %(late)s > 0
                         THEN lead.expected_revenue * %(factor)s END)::numeric AS amount_late,
                   (GREATEST(%(late)s, 0) * lead.expected_revenue * %(factor)s)::float AS delay
              FROM %(tasks)s t
              LEFT JOIN sales_process_step s ON s.id = t.step_id
              LEFT JOIN crm_lead lead ON lead.id = t.lead_id
              LEFT JOIN crm_team team ON team.id = t.team_id
              LEFT JOIN res_company company ON company.id = t.company_id
              LEFT JOIN (%(by_calendar)s) so_far ON so_far.calendar_id = %(calendar)s
             WHERE t.is_passed IS NOT TRUE AND t.date_open <= %(now)s
            """,
            tasks=tasks,
            open=OPEN_STATES,
            now=fields.Datetime.now(),
            calendar=sql_calendar(),
            worked=sql_worked(SQL("t.date_open"), until),
            worked_so_far=sql_worked(SQL("t.date_open"), until, SQL("so_far.hours")),
            by_calendar=sql_worked_by_calendar(SQL("%s::timestamp", fields.Datetime.now())),
            late=late,
            factor=factor,
            currency=self.env.company.currency_id.id,
        )

    def _sql_factor(self):
        """From the currency of a joined `company` to that of the current one, at today's rate."""
        return sql_factor(
            SQL("company.currency_id"), SQL("%s", self.env.company.currency_id.id), sql_root("company"),
            SQL("%s::date", fields.Date.context_today(self)),
        )  # fmt: skip

    def _sql_until(self):
        """When a task was over; one that is open counts up to now."""
        return SQL("COALESCE(t.date_done, %s)", fields.Datetime.now())

    def _sql_days_late(self):
        """Days after the deadline; NULL where there is none, or nobody waits for the task any more."""
        return SQL(
            "CASE WHEN t.state != 'cancelled' THEN"
            " date_part('epoch', %s - t.date_deadline)::numeric / 86400 END",
            self._sql_until(),
        )

    def _select_overrides(self, events):
        """Below zero, as ids of their own beside those of tasks.

        :param events: SQL of the table, or of a query in brackets, that they are in.
        """
        return SQL(
            """
            SELECT -e.id, e.date, e.lead_id, c.process_id, e.step_id, NULL, NULL, NULL::int,
                   e.user_id, lead.user_id, c.team_id, c.company_id, 0, 0, 0,
                   NULL::float, NULL::float, NULL::float, 0, 0, 0, 1, NULL::int, NULL::numeric, NULL::float
              FROM %s e
              JOIN sales_process_case c ON c.id = e.case_id
              LEFT JOIN crm_lead lead ON lead.id = e.lead_id
             WHERE e.kind = 'override'
            """,
            events,
        )
