from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..engine import forecast
from ..engine.definition import PERSON_KINDS
from ..models.sales_process_task import OPEN_STATES

PERIODS = (30, 90, 365)
PAST_MONTHS, COMING_MONTHS = 6, 4
WORST, BUSIEST = 5, 6
FIGURES = ("open", "renewal", "then", "true")
COUNTED = ("deadline_kept", "deadline_missed", "escalations")
DEADLINES = (*COUNTED, "overrides", "tasks", "finished", "working_hours", "hours")
BOTTLENECKS = ("deadline_missed", "late_now", "hours_late", "amount_late", "delay")


class SalesProcessDashboard(models.AbstractModel):
    """The figures on one page, a tile at a time: how the money stands, moves, comes, and where it waits.

    Each tile takes at most five statements, and shows what the caller may see: a rep their own figures.
    """

    _name = "sales.process.dashboard"
    _description = "Sales Dashboard"

    @api.model
    def process_dashboard(self):
        """What the page needs before its tiles: `currency_id`, and the `teams` among which a leader chooses.

        Figures that are kept are brought up to date first, so that the tiles agree with one another.

        :raise AccessError: the user has nothing to do with sales.
        """
        self.env["sales.process.dynamics"].check_access("read")
        self.env["sales.process.dynamics.day"].sudo()._catch_up()
        self.env["sales.process.task.day"].sudo()._catch_up()
        self.env["sales.process.forecast.chance"]._ensure()
        self.env["sales.process.working.interval"]._ensure()
        leads = self.env.user.has_group("sales_team.group_sale_salesman_all_leads")
        return {
            "currency_id": self.env.company.currency_id.id,
            "teams": self.env["crm.team"].search_read([], ["name"], limit=200) if leads else [],
            "periods": list(PERIODS),
        }

    @api.model
    @api.readonly
    def process_dashboard_tile(self, tile, days=90, team_id=None):
        """The figures of one tile.

        :param str tile: `funnel`, `dynamics`, `forecast`, `deadlines` or `bottlenecks`.
        :param int days: the period up to today, one of 30, 90 and 365; the forecast has months of its own.
        :param int team_id: of this team only.
        :raise UserError: there is no such tile or period.
        """
        tiles = {
            "funnel": self._tile_funnel,
            "dynamics": self._tile_dynamics,
            "forecast": self._tile_forecast,
            "deadlines": self._tile_deadlines,
            "bottlenecks": self._tile_bottlenecks,
        }
        if tile not in tiles or days not in PERIODS:
            raise UserError(self.env._("There is no tile %(tile)s for %(days)s days.", tile=tile, days=days))
        of_team = Domain("team_id", "=", team_id) if team_id else Domain.TRUE
        begin = fields.Date.context_today(self) - timedelta(days=days - 1)
        return tiles[tile](of_team, begin)

    def _tile_funnel(self, of_team, begin):
        """What stands in each stage, and the velocity with what it is made of: see `process_funnel`."""
        opportunities = of_team & Domain("type", "=", "opportunity")
        return self.env["crm.lead"].process_funnel(list(opportunities), fields.Date.to_string(begin))

    # ------------------------------------------------------------------
    # DYNAMICS
    # ------------------------------------------------------------------

    def _tile_dynamics(self, of_team, begin):
        """What came, was won and was lost, by week or month, and the same of the period before."""
        names = ("entered", "won", "lost", "amount_won")
        today = fields.Date.context_today(self)
        by = "date:month" if (today - begin).days > 100 else "date:week"
        domain = of_team & Domain("date", ">=", begin) & Domain("date", "<=", today)
        rows, [total] = self.env["sales.process.dynamics"]._read_grouping_sets(
            domain,
            [(by,), ()],
            [f"{name}:sum" for name in (*names, *(f"{name}_before" for name in names))],
        )
        return {
            "by": by,
            "buckets": [{"date": bucket, **self._named(names, values)} for bucket, *values in rows],
            "total": self._named(names, total),
            "before": self._named(names, total[len(names) :]),
        }

    @staticmethod
    def _named(names, values):
        return {name: value or 0 for name, value in zip(names, values, strict=False)}

    # ------------------------------------------------------------------
    # FORECAST
    # ------------------------------------------------------------------

    def _tile_forecast(self, of_team, _begin):
        """By month: what was forecast at its beginning, what came true, and what is still to be expected.

        `error` is that of the months that are over, as a share of what came true.
        """
        first = fields.Date.context_today(self).replace(day=1)
        since, until = (forecast.months_before(first, back) for back in (PAST_MONTHS, -COMING_MONTHS))
        within = Domain("date", ">=", since) & Domain("date", "<", until)
        found = self.env["sales.process.forecast"]._read_months(of_team, within | Domain("date", "=", False))
        months = [forecast.months_before(since, -step) for step in range(PAST_MONTHS + COMING_MONTHS)]
        over = [month for month in months if month < first and (month, "then") in found]
        return {
            "months": [
                {
                    "date": month,
                    "is_over": month < first,
                    **{figure: found.get((month, figure), 0) for figure in FIGURES},
                }
                for month in months
            ],
            "no_month": found.get((False, "open"), 0),
            "error": forecast.mean_error(
                (found[month, "then"], found.get((month, "true"), 0)) for month in over
            ),
            "tested": len(over),
        }

    # ------------------------------------------------------------------
    # TIME AND DEADLINES
    # ------------------------------------------------------------------

    def _tile_deadlines(self, of_team, begin):
        """Deadlines of people's tasks, what approvals wait for, and who has how much to do now."""
        people = Domain("kind", "in", tuple(PERSON_KINDS))
        counted = people | Domain("overrides", "=", 1)  # an override is of no kind
        Report = self.env["sales.process.task.report"]
        asked_of = self.env["sales.process.task.day"]._asked_of(of_team)
        rows = Report._read_by_step(of_team, begin, DEADLINES, counted, with_open=asked_of is None)
        if asked_of is None:
            busy = self._busy(of_team & people)
        else:
            in_hand, busy = Report._read_in_hand(asked_of, begin, PERSON_KINDS)
            rows += in_hand
        tasks = [row for row in rows if row["kind"] in PERSON_KINDS]
        approvals = [row for row in tasks if row["kind"] == "approval"]
        return {
            **{name: self._sum(tasks, name) for name in COUNTED},
            "working_hours": self._mean(tasks, "working_hours", "finished"),
            "hours": self._mean(tasks, "hours", "finished"),
            "approvals": self._sum(approvals, "tasks"),
            "approval_hours": self._mean(approvals, "working_hours", "finished"),
            "overrides": self._sum(rows, "overrides"),
            **self._load(busy),
        }

    @staticmethod
    def _sum(rows, name):
        return sum(row.get(name) or 0 for row in rows)

    def _mean(self, rows, name, count):
        """The mean of what was added up and counted; 0 of nothing."""
        counted = self._sum(rows, count)
        return self._sum(rows, name) / counted if counted else 0

    def _busy(self, people):
        """[(user id, name, tasks in hand, late ones)]"""
        rows = self.env["sales.process.task.report"]._read_group(
            people & Domain("state", "in", OPEN_STATES), ["user_id"], ["open_now:sum", "late_now:sum"]
        )
        names = self._names_of(user.id for user, *_figures in rows)
        return [(user.id, names.get(user.id), opened, late) for user, opened, late in rows]

    def _names_of(self, user_ids):
        """{user id: name}, also of colleagues whom the caller may not read; in one statement."""
        Users = self.env["res.users"].sudo().with_context(active_test=False)
        query = Users._search([("id", "in", [user for user in user_ids if user])])
        columns = (Users._field_to_sql(query.table, name, query) for name in ("id", "name"))
        return {} if query.is_empty() else dict(self.env.execute_query(query.select(*columns)))

    def _load(self, busy):
        """Who has how much to do now; shown are the busiest."""
        busy = sorted(busy, key=lambda one: (-one[2], one[1] or "", one[0] or 0))
        return {
            "open_now": sum(opened for _user, _name, opened, _late in busy),
            "late_now": sum(late for _user, _name, _opened, late in busy),
            "load": [
                {"user_id": user or False, "name": name or False, "open": opened, "late": late}
                for user, name, opened, late in busy[:BUSIEST]
            ],
        }

    def _tile_bottlenecks(self, of_team, begin):
        """The steps whose delay costs most: delay x cases x money."""
        Report = self.env["sales.process.task.report"]
        asked_of = self.env["sales.process.task.day"]._asked_of(of_team)
        missed = Domain("deadline_missed", "=", 1)
        rows = Report._read_by_step(of_team, begin, BOTTLENECKS, missed, with_open=asked_of is None)
        if asked_of is not None:
            rows += Report._read_late(asked_of, begin)
        by_step = {}
        for row in rows:
            if row["deadline_missed"]:
                by_step.setdefault(row["step_id"], []).append(row)
        worst = sorted(by_step, key=lambda step: (-self._sum(by_step[step], "delay"), step))[:WORST]
        return {
            "steps": [
                self._bottleneck(step, by_step[step.id])
                for step in self.env["sales.process.step"].browse(worst)
            ]
        }

    def _bottleneck(self, step, rows):
        return {
            "step_id": step.id,
            "name": step.name,
            "cases": self._sum(rows, "deadline_missed"),
            "late_now": self._sum(rows, "late_now"),
            "hours_late": self._mean(rows, "hours_late", "deadline_missed"),
            "amount": float(self._sum(rows, "amount_late")),
            "delay": self._sum(rows, "delay"),
        }
