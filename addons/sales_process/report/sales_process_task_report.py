from odoo import fields, models
from odoo.tools import SQL


class SalesProcessTaskReport(models.Model):
    """Time and deadlines: one row for each task of a process, and for each gate that was overridden.

    Times are clock hours: working hours would need the calendars of the day, which a query does not know;
    deadlines themselves are set in working hours. A task that is still open counts up to now. A deadline is
    kept by a task done in time, missed by one done late or still open after it; a cancelled task is
    neither. Whoever is responsible now has the task; an override is of whoever made it.
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
        ],
        "sales.process.step": ["kind"],
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
    team_id = fields.Many2one("crm.team", string="Sales Team", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    tasks = fields.Integer(readonly=True)
    open_now = fields.Integer(readonly=True)
    late_now = fields.Integer(readonly=True)
    hours = fields.Float(string="Hours (Mean)", readonly=True, aggregator="avg", help="By the clock.")
    hours_late = fields.Float(string="Hours Late (Mean)", readonly=True, aggregator="avg")
    deadline_kept = fields.Integer(string="Deadlines Kept", readonly=True)
    deadline_missed = fields.Integer(string="Deadlines Missed", readonly=True)
    escalations = fields.Integer(readonly=True)
    overrides = fields.Integer(string="Gates Overridden", readonly=True)

    @property
    def _table_query(self):
        return SQL("%s UNION ALL %s", self._select_tasks(), self._select_overrides())

    def _select_tasks(self):
        return SQL(
            """
            SELECT t.id, t.date_open AS date, t.lead_id, t.process_id, t.step_id, s.kind, t.state,
                   t.outcome_id, t.user_id, t.team_id, t.company_id, 1 AS tasks,
                   (t.state IN %(open)s)::int AS open_now,
                   (t.state IN %(open)s AND t.date_deadline < %(now)s)::int AS late_now,
                   CASE WHEN t.state != 'cancelled' THEN
                       GREATEST(extract(epoch FROM COALESCE(t.date_done, %(now)s) - t.date_open), 0)::float
                       / 3600
                   END AS hours,
                   CASE WHEN t.state != 'cancelled' AND COALESCE(t.date_done, %(now)s) > t.date_deadline THEN
                       extract(epoch FROM COALESCE(t.date_done, %(now)s) - t.date_deadline)::float / 3600
                   END AS hours_late,
                   (t.state = 'done' AND t.date_done <= t.date_deadline)::int AS deadline_kept,
                   (t.state != 'cancelled'
                    AND COALESCE(t.date_done, %(now)s) > t.date_deadline)::int AS deadline_missed,
                   COALESCE(t.escalation_count, 0) AS escalations, 0 AS overrides
              FROM sales_process_task t
              JOIN sales_process_step s ON s.id = t.step_id
             WHERE t.is_passed IS NOT TRUE AND t.date_open <= %(now)s
            """,
            open=("queued", "open", "failed"),
            now=fields.Datetime.now(),
        )

    def _select_overrides(self):
        """Below zero, as ids of their own beside those of tasks."""
        return SQL(
            """
            SELECT -e.id, e.date, e.lead_id, c.process_id, e.step_id, NULL, NULL, NULL::int,
                   e.user_id, c.team_id, c.company_id, 0, 0, 0, NULL::float, NULL::float, 0, 0, 0, 1
              FROM sales_process_event e
              JOIN sales_process_case c ON c.id = e.case_id
             WHERE e.kind = 'override'
            """
        )
