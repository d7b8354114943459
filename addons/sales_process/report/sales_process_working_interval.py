from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL
from odoo.tools.misc import split_every

from ..models.working_time import WorkingTime

AHEAD = timedelta(days=60)
BATCH = 5000


class SalesProcessWorkingInterval(models.Model):
    """When people work, by the calendars that deadlines go by: what SQL counts working hours with.

    Each interval knows the hours worked before it, so that the working hours between two moments are a
    difference of two rows, however far apart they are. Made anew once a day, from the first task on. What
    was worked for a task that is done is then written on the task, with the calendar it was counted by.
    """

    _name = "sales.process.working.interval"
    _description = "Working Interval of a Calendar"
    _log_access = False

    calendar_id = fields.Many2one("resource.calendar", required=True, readonly=True, ondelete="cascade")
    date_start = fields.Datetime(required=True, readonly=True)
    date_stop = fields.Datetime(required=True, readonly=True)
    hours_before = fields.Float(readonly=True, digits=(16, 6))

    _calendar_idx = models.Index("(calendar_id, date_start)")

    @api.model
    def _cron_refresh(self):
        """Make the intervals of all calendars in use anew."""
        self.env.flush_all()
        self.env.cr.execute(SQL("DELETE FROM sales_process_working_interval"))
        [(begin,)] = self.env.execute_query(SQL("SELECT min(date_open) FROM sales_process_task"))
        begin = (begin or fields.Datetime.now()) - timedelta(days=1)
        for calendar in self._calendars():
            self._insert(calendar, begin, fields.Datetime.now() + AHEAD)
        self.env.cr.execute(self._sql_settle())
        self.invalidate_model(flush=False)
        self.env["sales.process.task"].invalidate_model(["worked_hours", "worked_calendar_id"], flush=False)

    @staticmethod
    def _sql_settle():
        """Write down what was worked for each task that is done, where that is not what stands there, and
        mark the days of these; for one that goes on, what was worked before it began."""
        return SQL(
            """
            WITH settled AS (
            UPDATE sales_process_task task
               SET worked_hours = worked.hours, worked_calendar_id = worked.calendar_id
              FROM (
                  SELECT t.id, %(calendar)s AS calendar_id, %(hours)s AS hours
                    FROM sales_process_task t
                    LEFT JOIN crm_team team ON team.id = t.team_id
                    LEFT JOIN res_company company ON company.id = t.company_id
                   WHERE t.date_open IS NOT NULL
                     AND CASE WHEN t.date_done IS NULL THEN t.state != 'cancelled' ELSE t.state = 'done' END
              ) worked
             WHERE worked.id = task.id AND worked.calendar_id IS NOT NULL
               AND ((abs(task.worked_hours - worked.hours) < 0.000001) IS NOT TRUE
                    OR task.worked_calendar_id IS DISTINCT FROM worked.calendar_id)
            RETURNING task.date_open, task.date_done
            )
            INSERT INTO sales_process_task_day (level, day)
            SELECT DISTINCT 'stale', date_open::date FROM settled WHERE date_done IS NOT NULL
            """,
            calendar=sql_calendar(),
            hours=SQL(
                "CASE WHEN t.date_done IS NULL THEN COALESCE(%s, 0) ELSE %s END",
                _sql_worked_up_to(SQL("t.date_open")),
                sql_worked(SQL("t.date_open"), SQL("t.date_done")),
            ),
        )

    @api.model
    def _ensure(self):
        """Make them for the first time, for somebody who is about to read; later the job does it."""
        if not self.sudo().search_count([], limit=1):
            self.sudo()._cron_refresh()

    def _calendars(self):
        # pylint: disable=no-search-all  # few rows, and all of them count
        teams = self.env["crm.team"].sudo().with_context(active_test=False).search([])
        companies = self.env["res.company"].sudo().with_context(active_test=False).search([])
        return teams.process_calendar_id | companies.resource_calendar_id

    def _insert(self, calendar, begin, end):
        worked, rows = 0.0, []
        for start, stop in WorkingTime()._fetch(calendar, begin, end):
            rows.append((calendar.id, start, stop, worked))
            worked += (stop - start) / timedelta(hours=1)
        for batch in split_every(BATCH, rows):
            self.env.cr.execute(
                SQL(
                    "INSERT INTO sales_process_working_interval"
                    " (calendar_id, date_start, date_stop, hours_before) VALUES %s",
                    SQL(", ").join(SQL("%s", row) for row in batch),
                )
            )


def sql_calendar():
    """The calendar that the deadlines of a task go by, whose `team` and `company` are joined."""
    return SQL("COALESCE(team.process_calendar_id, company.resource_calendar_id)")


def sql_worked_by_calendar(moment):
    """Query for the `hours` worked up to one moment, by `calendar_id`: looked up once, not for each task."""
    return SQL(
        """
        SELECT DISTINCT ON (i.calendar_id) i.calendar_id,
               i.hours_before + date_part('epoch', LEAST(%(moment)s, i.date_stop) - i.date_start) / 3600
               AS hours
          FROM sales_process_working_interval i
         WHERE i.date_start <= %(moment)s
         ORDER BY i.calendar_id, i.date_start DESC
        """,
        moment=moment,
    )


def sql_worked(begin, end, up_to_end=None, calendar=None):
    """Hours worked between two moments of such a task; by the clock where no working time is known.

    :param up_to_end: SQL of the hours worked up to the end, where they are known.
    :param calendar: SQL of the calendar; by default that of `sql_calendar`.
    """
    return SQL(
        "GREATEST(COALESCE(%s - COALESCE(%s, 0), date_part('epoch', %s - %s) / 3600), 0)",
        up_to_end or _sql_worked_up_to(end, calendar),
        _sql_worked_up_to(begin, calendar),
        end,
        begin,
    )


def _sql_worked_up_to(moment, calendar=None):
    """What was worked up to a moment, NULL before the first interval."""
    return SQL(
        """
        (SELECT i.hours_before + date_part('epoch', LEAST(%(moment)s, i.date_stop) - i.date_start) / 3600
           FROM sales_process_working_interval i
          WHERE i.calendar_id = %(calendar)s AND i.date_start <= %(moment)s
          ORDER BY i.date_start DESC LIMIT 1)
        """,
        calendar=calendar or sql_calendar(),
        moment=moment,
    )
