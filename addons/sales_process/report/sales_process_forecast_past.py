from odoo import api, fields, models
from odoo.tools import SQL

from ..models.currency_factor import sql_factor, sql_root
from .forecast_sql import sql_chance, sql_chance_joins, sql_day, sql_landing


class SalesProcessForecastPast(models.Model):
    """The back-test: what would have been forecast at the beginning of each past month, and what came true.

    Told from the history alone: stage, salesperson and amount of a deal are those of the stay it was in
    then, the chances those known then. Expected closing dates are not: nobody wrote down what they were,
    so each deal lands after the usual time. Sums, kept in the currency of each company.
    """

    _name = "sales.process.forecast.past"
    _description = "Forecast of a Past Month"
    _log_access = False

    month = fields.Date(required=True, readonly=True)
    figure = fields.Selection(
        [("then", "Forecast at the Beginning"), ("true", "Came True")], required=True, readonly=True
    )
    is_renewal = fields.Boolean(readonly=True)
    user_id = fields.Many2one("res.users", readonly=True, ondelete="set null")
    team_id = fields.Many2one("crm.team", readonly=True, ondelete="set null")
    source_id = fields.Many2one("utm.source", readonly=True, ondelete="set null")
    company_id = fields.Many2one("res.company", readonly=True, ondelete="cascade")
    currency_id = fields.Many2one("res.currency", required=True, readonly=True, ondelete="cascade")
    deals = fields.Integer(readonly=True)
    amount = fields.Monetary(readonly=True)

    _month_idx = models.Index("(currency_id, month)")

    @api.model
    def _make(self, months):
        """Count these months anew, and forget all others. Five statements."""
        currencies = self.env["res.company"].sudo().search([("currency_id", "!=", False)]).currency_id.ids
        self.env.cr.execute(SQL("DELETE FROM sales_process_forecast_past"))
        for part in (self._sql_then, self._sql_true, self._sql_contracts_then, self._sql_contracts_true):
            self.env.cr.execute(
                SQL(
                    """
                    INSERT INTO sales_process_forecast_past (
                        month, figure, is_renewal, user_id, team_id, source_id, company_id,
                        currency_id, deals, amount)
                    %s GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
                    """,
                    part(months, currencies),
                )
            )
        self.invalidate_model(flush=False)

    def _sql_then(self, months, currencies):
        """Deals open at the beginning of a month that were to land in it, times their chance."""
        entered = sql_day(SQL("h.date_enter"))
        return SQL(
            """
            SELECT known.month, 'then', FALSE, known.user_id, known.team_id, lead.source_id, known.company_id,
                   target.id, count(*), sum(known.expected_revenue * %(rate)s * %(factor)s)
              FROM (
                  SELECT m.month, h.*, %(entered)s AS day_enter, company.currency_id AS currency_from,
                         %(root)s AS root_id
                    FROM unnest(%(months)s::date[]) m(month)
                    JOIN crm_lead_stage_history h
                      ON h.date_enter < m.month + interval '14 hours'
                     AND (h.date_leave IS NULL OR h.date_leave > m.month - interval '14 hours')
                    LEFT JOIN res_company company ON company.id = h.company_id
                    LEFT JOIN res_partner address ON address.id = company.partner_id
                   WHERE h.won_status IS DISTINCT FROM 'won' AND h.stage_id IS NOT NULL
                     AND %(entered)s < m.month AND (h.date_leave IS NULL OR %(left)s >= m.month)
              ) known
              JOIN crm_lead lead ON lead.id = known.lead_id
              %(chances)s
             CROSS JOIN unnest(%(currencies)s::int[]) AS target(id)
             WHERE %(landing)s < known.month + interval '1 month'
               AND NOT EXISTS (SELECT FROM sale_order o
                                WHERE o.renewal_lead_id = lead.id AND o.contract_last_day >= known.month)
            """,
            months=months,
            currencies=currencies,
            entered=entered,
            left=sql_day(SQL("h.date_leave")),
            root=sql_root("company"),
            rate=sql_chance("rate"),
            factor=sql_factor(
                SQL("known.currency_from"), SQL("target.id"), SQL("known.root_id"), SQL("known.month")
            ),
            chances=sql_chance_joins(
                SQL("known.month"), SQL("known.stage_id"), SQL("known.team_id"), SQL("known.company_id"),
                SQL("(known.month - known.day_enter)"),
            ),
            landing=sql_landing(SQL("known.month"), SQL("known.day_enter"), SQL("NULL::date")),
        )  # fmt: skip

    def _sql_true(self, months, currencies):
        """Deals won in a month; the one of a contract that was renewed is told of by the contract."""
        return SQL(
            """
            SELECT date_trunc('month', won.day)::date, 'true', FALSE, won.user_id, won.team_id,
                   lead.source_id, won.company_id, target.id, count(*), sum(won.expected_revenue * %(factor)s)
              FROM (
                  SELECT h.*, %(day)s AS day, company.currency_id AS currency_from, %(root)s AS root_id,
                         lag(h.won_status) OVER one AS before
                    FROM crm_lead_stage_history h
                    LEFT JOIN res_company company ON company.id = h.company_id
                    LEFT JOIN res_partner address ON address.id = company.partner_id
                   WHERE EXISTS (SELECT FROM crm_lead_stage_history w
                                  WHERE w.lead_id = h.lead_id AND w.won_status = 'won'
                                    AND w.date_enter >= %(first)s::date - interval '1 day')
                  WINDOW one AS (PARTITION BY h.lead_id ORDER BY h.date_enter, h.id)
              ) won
              JOIN crm_lead lead ON lead.id = won.lead_id
             CROSS JOIN unnest(%(currencies)s::int[]) AS target(id)
             WHERE won.won_status = 'won' AND won.before IS DISTINCT FROM 'won'
               AND date_trunc('month', won.day)::date = ANY(%(months)s::date[])
               AND NOT EXISTS (SELECT FROM sale_order o
                                WHERE o.renewal_lead_id = lead.id AND o.contract_state = 'renewed')
            """,
            months=months,
            first=months[0],
            currencies=currencies,
            day=sql_day(SQL("h.date_enter")),
            root=sql_root("company"),
            factor=sql_factor(
                SQL("won.currency_from"), SQL("target.id"), SQL("won.root_id"), SQL("won.day")
            ),
        )  # fmt: skip

    def _sql_contracts_then(self, months, currencies):
        """Contracts in force at the beginning of the month whose term ended in it, times the renewal rate."""
        return SQL(
            """
            SELECT m.month, 'then', TRUE, o.user_id, o.team_id, o.source_id, o.company_id, target.id,
                   count(*), sum(%(value)s * %(rate)s * %(factor)s)
              FROM unnest(%(months)s::date[]) m(month)
              JOIN sale_order o ON o.contract_last_day >= m.month
                               AND o.contract_last_day < m.month + interval '1 month'
                               AND o.contract_date_start < m.month
                               AND o.contract_state IN ('running', 'renewed', 'expired', 'terminated')
              JOIN res_company company ON company.id = o.company_id
              %(chances)s
             CROSS JOIN unnest(%(currencies)s::int[]) AS target(id)
             WHERE (own.id IS NOT NULL OR others.id IS NOT NULL)
            """,
            months=months,
            currencies=currencies,
            value=self._sql_contract_value("o"),
            rate=sql_chance("rate"),
            factor=sql_factor(
                SQL("company.currency_id"), SQL("target.id"), sql_root("company"), SQL("m.month")
            ),
            chances=sql_chance_joins(
                SQL("m.month"), SQL("NULL::int"), SQL("o.team_id"), SQL("o.company_id"), SQL("0")
            ),
        )

    def _sql_contracts_true(self, months, currencies):
        """Contracts that were renewed, with what the next term brings, in the month their term ended."""
        return SQL(
            """
            SELECT date_trunc('month', o.contract_last_day)::date, 'true', TRUE, o.user_id, o.team_id,
                   o.source_id, o.company_id, target.id, count(*),
                   sum(COALESCE(next.value, %(value)s) * %(factor)s)
              FROM sale_order o
              JOIN res_company company ON company.id = o.company_id
              LEFT JOIN LATERAL (
                  SELECT sum(%(next_value)s) AS value FROM sale_order n
                   WHERE n.renewal_of_id = o.id AND n.state != 'cancel'
                     AND n.contract_state IN ('running', 'renewed', 'expired', 'terminated')
              ) next ON TRUE
             CROSS JOIN unnest(%(currencies)s::int[]) AS target(id)
             WHERE o.contract_state = 'renewed'
               AND date_trunc('month', o.contract_last_day)::date = ANY(%(months)s::date[])
            """,
            months=months,
            currencies=currencies,
            value=self._sql_contract_value("o"),
            next_value=self._sql_contract_value("n"),
            factor=sql_factor(
                SQL("company.currency_id"), SQL("target.id"), sql_root("company"), SQL("o.contract_last_day")
            ),
        )

    @staticmethod
    def _sql_contract_value(alias):
        """What an order brings, in the currency of its company."""
        order = SQL.identifier(alias)
        return SQL("%s.amount_untaxed / COALESCE(NULLIF(%s.currency_rate, 0), 1)", order, order)
