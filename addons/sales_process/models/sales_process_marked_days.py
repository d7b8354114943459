from odoo import api, fields, models
from odoo.tools import SQL

BATCH = 100


class SalesProcessMarkedDays(models.AbstractModel):
    """Days whose figures are to be made anew: marked by whoever changes what they tell of, taken by a job.

    A mark is a row with a `day`. Marks are only ever added, so that those who work never wait for each
    other. The roll-up takes the marks it sees away and makes these days anew, in one snapshot of the
    database: what is committed later has marks of its own. Where it is killed, nothing of that has
    happened. A model says which of its rows are marks (`_sql_is_mark`) and how days are made (`_make_days`).
    """

    _name = "sales.process.marked.days"
    _description = "Days to Be Made Anew"

    def _sql_is_mark(self):
        """SQL of which rows are marks; by default all."""
        return SQL("TRUE")

    def _make_days(self, days):
        """Make the figures of these days anew, in a number of statements that does not depend on theirs."""
        raise NotImplementedError

    @api.model
    def _catch_up(self):
        """Bring the figures up to date for somebody who is about to read them.

        What would keep them waiting, as after an import, is left to the job, which is woken.
        """
        self.env.flush_all()
        if self._count_days() <= BATCH:
            self._roll_up()
        else:
            self.env.ref("sales_process.ir_cron_sales_process_dynamics").sudo()._trigger()

    @api.model
    def _roll_up(self, limit=BATCH):
        """Make some marked days anew, the latest first; how many there were. Marks that somebody else has
        taken meanwhile end in PostgreSQL's serialization failure, as everywhere in Odoo: the later one
        begins again."""
        if days := self._take_days(limit):
            self._make_days(days)
        return len(days)

    def _take_days(self, limit):
        """Take the marks of some days away; these days."""
        self.env.cr.execute(
            SQL(
                "DELETE FROM %(table)s WHERE %(is_mark)s AND day IN ("
                " SELECT DISTINCT day FROM %(table)s WHERE %(is_mark)s ORDER BY day DESC LIMIT %(limit)s"
                ") RETURNING day",
                table=SQL.identifier(self._table),
                is_mark=self._sql_is_mark(),
                limit=limit,
            )
        )
        return sorted({fields.Date.to_date(day) for (day,) in self.env.cr.fetchall()})

    @api.model
    def _count_days(self):
        """How many days are marked."""
        [(count,)] = self.env.execute_query(
            SQL(
                "SELECT count(DISTINCT day) FROM %s WHERE %s",
                SQL.identifier(self._table),
                self._sql_is_mark(),
            )
        )
        return count
