from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .forecast_sql import sql_chance, sql_chance_joins, sql_company_days, sql_day_of_company, sql_landing

# What a question may name, for open deals to be added up before their chances are looked up.
KEYS = frozenset({"team_id", "company_id", "user_id"})
READ = ("id", "stage_id", "team_id", "company_id", "date_deadline", "expected_revenue")


class WithoutOpen:
    """All but open deals; no client can put it into a context."""


class SalesProcessForecast(models.Model):
    """The forecast by month, for whoever wants the sums alone.

    The rows of the report say the same. Here open deals that have one chance and land on one day are added
    up first, from indexes that hold all that is asked.
    """

    _inherit = "sales.process.forecast"

    @api.model
    def _read_months(self, domain, within):
        """{(first day of the month, figure): value}, of no month under False; in two statements at most.

        :param domain: whose figures.
        :param within: which days are wanted; of open deals all are told.
        """
        report = self
        asked_of = domain
        if not self.env.su:
            asked_of &= Domain(self.env["ir.rule"]._compute_domain(self._name, "read"))
        is_known = {leaf.field_expr for leaf in asked_of.iter_conditions()} <= KEYS
        if is_known:
            report = self.with_context(forecast_without=WithoutOpen())
        rows = report._read_group(domain & within, ["date:month", "figure"], ["value:sum"])
        found = {(month, figure): value for month, figure, value in rows}
        if is_known:
            expected = self._read_open_months(asked_of)
            found.update({(month or False, "open"): value for month, value in expected})
        return {key: float(value or 0) for key, value in found.items()}

    @property
    def _table_query(self):
        if isinstance(self.env.context.get("forecast_without"), WithoutOpen):
            return SQL("(%s) UNION ALL %s", self._select_renewals(), self._select_past())
        return super()._table_query

    def _read_open_months(self, domain):
        """[(first day of the month, what is expected)]

        :param domain: of leads.
        """
        Lead = self.env["crm.lead"].sudo().with_context(active_test=False)
        query = Lead._search(domain & Domain("active", "=", True) & Domain("won_status", "=", "pending"))
        return [] if query.is_empty() else self.env.execute_query(self._sql_open_months(query))

    def _sql_open_months(self, query):
        today = SQL("%s::date", fields.Date.context_today(self))
        return SQL(
            """
            WITH clock AS MATERIALIZED (%(clock)s),
            worth AS MATERIALIZED (%(worth)s),
            deal AS MATERIALIZED (
                SELECT lead.stage_id, lead.team_id, lead.company_id, %(entered)s AS day_enter,
                       CASE WHEN lead.date_deadline >= %(today)s THEN lead.date_deadline END AS date_deadline,
                       sum(lead.expected_revenue) AS revenue
                  FROM (%(leads)s) lead
                  JOIN crm_lead_stage_history h
                    ON h.lead_id = lead.id AND h.date_leave IS NULL AND h.won_status = 'pending'
                  LEFT JOIN clock ON clock.company_id = lead.company_id
                 WHERE lead.id NOT IN (
                     SELECT o.renewal_lead_id FROM sale_order o
                      WHERE o.renewal_lead_id IS NOT NULL AND o.contract_state = 'running')
                 GROUP BY 1, 2, 3, 4, 5
            )
            SELECT date_trunc('month', landing::timestamp)::date, sum(value)
              FROM (
                  SELECT %(landing)s AS landing,
                         deal.revenue * (%(rate)s)::numeric * COALESCE(worth.factor, 1) AS value
                    FROM deal
                    LEFT JOIN worth ON worth.company_id = deal.company_id
                    %(chances)s
              ) landed
             GROUP BY 1
            """,
            clock=sql_company_days(today),
            entered=sql_day_of_company(SQL("h.date_enter")),
            today=today,
            leads=query.select(*(SQL.identifier(query.table, name) for name in READ)),
            landing=sql_landing(today, SQL("deal.day_enter"), SQL("deal.date_deadline")),
            rate=sql_chance("rate"),
            worth=self._sql_worth(today),
            chances=sql_chance_joins(
                None, SQL("deal.stage_id"), SQL("deal.team_id"), SQL("deal.company_id"),
                SQL("GREATEST(%s - deal.day_enter, 0)", today),
            ),
        )  # fmt: skip
