from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..models.sales_process_task import OPEN_STATES
from .sales_process_working_interval import sql_worked, sql_worked_by_calendar

STEPS = ("step_id", "kind")
COUNTED = ("tasks", "deadline_missed", "escalations", "hours", "working_hours")
LATE = ("deadline_missed", "hours_late", "amount_late", "delay")


class SalesProcessTaskReport(models.Model):
    """What the tasks that people have in hand come to at this moment.

    The rows of the report say the same; here they are added up before anything is looked up for them, from
    indexes that hold all that is asked.
    """

    _inherit = "sales.process.task.report"

    @api.model
    def _read_in_hand(self, domain, begin, kinds):
        """(steps, people), in one statement.

        `steps`: [{step_id, kind, tasks, finished, deadline_missed, escalations, hours, working_hours}] of
        tasks since a day. `people`: [(user id, name, tasks, late ones)] of all.

        :param domain: from `_asked_of` of ``sales.process.task.day``.
        :param kinds: kinds of the steps.
        """
        steps, people = [], []
        for step, kind, user, name, *figures in self.env.execute_query(
            self._sql_in_hand(self._query_in_hand(domain), begin, tuple(kinds))
        ):
            if step:
                counted = dict(zip(COUNTED, figures, strict=True))
                steps.append({"step_id": step, "kind": kind, "finished": counted["tasks"], **counted})
            else:
                people.append((user, name, *figures[:2]))
        return steps, people

    @api.model
    def _read_late(self, domain, begin):
        """[{step_id, kind, deadline_missed, late_now, hours_late, amount_late, delay}] of the late ones of
        the tasks since a day, in one statement; amounts in the currency of the current company.

        :param domain: from `_asked_of` of ``sales.process.task.day``.
        """
        late = Domain("date_deadline", "<", fields.Datetime.now())
        within = Domain("date_open", ">=", fields.Datetime.to_datetime(begin))
        rows = self.env.execute_query(self._sql_late(self._query_in_hand(domain & late & within)))
        found = [dict(zip((*STEPS, *LATE), row, strict=True)) for row in rows]
        return [{**row, "late_now": row["deadline_missed"]} for row in found]

    def _query_in_hand(self, domain):
        domain = domain.map_conditions(
            lambda leaf: (
                Domain("lead_id.user_id", leaf.operator, leaf.value)
                if leaf.field_expr == "lead_user_id"
                else leaf
            )
        )
        in_hand = Domain("state", "in", OPEN_STATES) & Domain("is_passed", "=", False)
        begun = Domain("date_open", "<=", fields.Datetime.now())
        Task = self.env["sales.process.task"].sudo().with_context(active_test=False)
        return Task._search(domain & in_hand & begun)

    def _sql_in_hand(self, query, begin, kinds):
        # The hours worked of tasks are known from those before they began, unless it is for another
        # calendar, or nobody has counted them yet: these are reckoned one by one.
        now = SQL("%s::timestamp", fields.Datetime.now())
        tasks = SQL(
            """
            SELECT step_id, user_id, COALESCE(team_id, 0) AS team_id, COALESCE(company_id, 0) AS company_id,
                   date_open, date_deadline, escalation_count, worked_hours,
                   COALESCE(worked_calendar_id, 0) AS calendar_id, date_open >= %s AS is_within
              FROM (%s) task
            """,
            fields.Datetime.to_datetime(begin),
            query.select(f"{query.table}.*"),
        )
        return SQL(
            """
            WITH clock AS MATERIALIZED (%(clock)s),
            opened AS MATERIALIZED (
                SELECT t.step_id, t.user_id, t.team_id, t.company_id, t.calendar_id, t.is_within,
                       count(*) AS tasks, count(*) FILTER (WHERE t.date_deadline < %(now)s) AS late,
                       sum(t.escalation_count) AS escalations, sum(t.worked_hours) AS worked,
                       sum(date_part('epoch', %(now)s - t.date_open)) / 3600 AS hours
                  FROM (%(tasks)s) t
                 GROUP BY 1, 2, 3, 4, 5, 6
            ), uncounted AS (
                SELECT t.step_id, sum(%(worked)s) AS hours
                  FROM (%(tasks)s) t
                  JOIN (
                      SELECT DISTINCT opened.team_id, opened.company_id, opened.calendar_id AS counted_by,
                             clock.calendar_id, clock.hours
                        FROM opened
                        JOIN clock USING (team_id, company_id)
                       WHERE opened.is_within AND %(is_counted)s IS NOT TRUE
                  ) clock ON clock.team_id = t.team_id AND clock.company_id = t.company_id
                         AND clock.counted_by = t.calendar_id
                 WHERE t.is_within
                 GROUP BY 1
            )
            SELECT step.id, step.kind, NULL::int, NULL, summed.tasks, summed.late, summed.escalations,
                   summed.hours, COALESCE(summed.worked, 0) + COALESCE(uncounted.hours, 0)
              FROM (
                  SELECT opened.step_id, sum(tasks)::int AS tasks, sum(late)::int AS late,
                         sum(escalations)::int AS escalations, sum(opened.hours) AS hours,
                         sum(tasks * clock.hours - worked) FILTER (WHERE %(is_counted)s) AS worked
                    FROM opened
                    JOIN clock USING (team_id, company_id)
                   WHERE opened.is_within
                   GROUP BY 1
              ) summed
              JOIN sales_process_step step ON step.id = summed.step_id
              LEFT JOIN uncounted ON uncounted.step_id = summed.step_id
             WHERE step.kind IN %(kinds)s
             UNION ALL
            SELECT NULL, NULL, users.id, partner.name, sum(opened.tasks)::int, sum(late)::int,
                   NULL, NULL, NULL
              FROM opened
              JOIN sales_process_step step ON step.id = opened.step_id
              LEFT JOIN res_users users ON users.id = opened.user_id
              LEFT JOIN res_partner partner ON partner.id = users.partner_id
             WHERE step.kind IN %(kinds)s
             GROUP BY 3, 4
            """,
            clock=self._sql_clock(now),
            now=now,
            worked=sql_worked(SQL("t.date_open"), now, SQL("clock.hours"), SQL("clock.calendar_id")),
            is_counted=SQL("(opened.calendar_id = clock.calendar_id AND clock.hours IS NOT NULL)"),
            tasks=tasks,
            kinds=kinds,
        )

    def _sql_clock(self, now):
        """Query for the calendar that the deadlines of each team in each company go by, and the `hours`
        worked in it up to now; 0: of no team, of no company."""
        return SQL(
            """
            SELECT team.id AS team_id, company.id AS company_id, calendar.id AS calendar_id, so_far.hours
              FROM (SELECT id, process_calendar_id FROM crm_team UNION ALL SELECT 0, NULL) team
             CROSS JOIN (SELECT id, resource_calendar_id FROM res_company UNION ALL SELECT 0, NULL) company
              LEFT JOIN resource_calendar calendar
                     ON calendar.id = COALESCE(team.process_calendar_id, company.resource_calendar_id)
              LEFT JOIN (%s) so_far ON so_far.calendar_id = calendar.id
            """,
            sql_worked_by_calendar(now),
        )

    def _sql_late(self, query):
        # Deals whose tasks are in hand are mostly in the pipeline: an index holds what those bring.
        return SQL(
            """
            WITH late AS MATERIALIZED (
                SELECT t.step_id, t.lead_id, t.company_id, lead.id AS deal_id, lead.expected_revenue,
                       date_part('epoch', %(now)s - t.date_deadline) / 3600 AS hours
                  FROM (%(tasks)s) t
                  LEFT JOIN crm_lead lead
                         ON lead.id = t.lead_id AND lead.active IS TRUE AND lead.won_status = 'pending'
            )
            SELECT summed.step_id, step.kind, sum(tasks)::int, sum(hours), sum(amount * %(factor)s),
                   sum(delay * %(factor)s)
              FROM (
                  SELECT step_id, company_id, count(*) AS tasks, sum(hours) AS hours,
                         sum(revenue) AS amount, sum(hours * revenue) / 24 AS delay
                    FROM (
                        SELECT step_id, company_id, hours, expected_revenue::float AS revenue
                          FROM late WHERE deal_id IS NOT NULL
                         UNION ALL
                        SELECT late.step_id, late.company_id, late.hours, lead.expected_revenue
                          FROM late JOIN crm_lead lead ON lead.id = late.lead_id WHERE late.deal_id IS NULL
                    ) told
                   GROUP BY step_id, company_id
              ) summed
              JOIN sales_process_step step ON step.id = summed.step_id
              LEFT JOIN res_company company ON company.id = summed.company_id
             GROUP BY 1, 2
            """,
            now=SQL("%s::timestamp", fields.Datetime.now()),
            tasks=query.select(f"{query.table}.*"),
            factor=self._sql_factor(),
        )
