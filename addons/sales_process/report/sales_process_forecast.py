from odoo import api, fields, models
from odoo.tools import SQL

from ..models.currency_factor import sql_factor, sql_root
from .forecast_sql import RENEWAL_RUNS, sql_chance, sql_chance_joins, sql_day, sql_landing


class SalesProcessForecast(models.Model):
    """What is going to come in, month by month, and how good such a forecast was in the past.

    * ``open``: one row for each open deal, as it stands now. Its amount counts with the part of such deals
      that were won: deals of the stage, that had stood there as long, of the same team in the last twelve
      months where enough were decided, else of the company (see `engine.forecast`). It lands on the
      expected closing date, or where that is missing or past after the usual time; on no day if none like
      it was ever won so late.
    * ``renewal``: one row for each running contract whose term ends: its value times the part of such
      contracts that were renewed. Its renewal deal does not count beside it.
    * ``then`` and ``true``: the back-test, see ``sales.process.forecast.past``.

    Amounts are in the currency of the current company, converted at today's rate; of the past at the rate
    of the month's beginning, and at that of the day it came true. `error` is forecast less what came true,
    of months that are over.
    """

    _name = "sales.process.forecast"
    _description = "Sales Forecast"
    _auto = False
    _order = "date, figure, id"
    _rec_name = "figure"
    _depends = {
        "crm.lead": [
            "stage_id", "user_id", "team_id", "source_id", "company_id", "active", "won_status",
            "expected_revenue", "date_deadline", "partner_id",
        ],
        "crm.lead.stage.history": ["lead_id", "date_enter", "date_leave"],
        "sale.order": [
            "contract_state", "contract_last_day", "contract_terminated_date", "contract_value_at_risk",
            "renewal_lead_id", "user_id", "team_id", "source_id", "company_id", "partner_id",
        ],
        "sales.process.forecast.chance": ["rate"],
        "sales.process.forecast.past": ["amount"],
    }  # fmt: skip

    date = fields.Date(string="Expected On", readonly=True, help="Empty: none like it was ever won so late.")
    figure = fields.Selection(
        [
            ("open", "Open Deals"),
            ("renewal", "Renewals Due"),
            ("then", "Forecast at the Beginning"),
            ("true", "Came True"),
        ],
        readonly=True,
    )
    is_renewal = fields.Boolean(string="Renewal", readonly=True)
    lead_id = fields.Many2one("crm.lead", string="Deal", readonly=True)
    order_id = fields.Many2one("sale.order", string="Contract", readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    stage_id = fields.Many2one("crm.stage", readonly=True)
    user_id = fields.Many2one("res.users", string="Salesperson", readonly=True)
    team_id = fields.Many2one("crm.team", string="Sales Team", readonly=True)
    source_id = fields.Many2one("utm.source", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    deals = fields.Integer(readonly=True)
    amount = fields.Monetary(readonly=True, help="What they would bring if all came true.")
    rate = fields.Float(
        string="Chance", readonly=True, aggregator="avg", help="The part of such deals that were won."
    )
    basis = fields.Selection(
        lambda self: self.env["sales.process.forecast.chance"]._fields["basis"].selection,
        string="Told From",
        readonly=True,
    )
    is_guess = fields.Boolean(
        string="Usual Time",
        readonly=True,
        help="The salesperson gave no date, or one that is past: it lands after the usual time.",
    )
    expected = fields.Monetary(readonly=True, help="Amount times chance.")
    forecast_then = fields.Monetary(
        string="Forecast at the Beginning",
        readonly=True,
        help="What was to be expected for the month on its first day, as this report would have told.",
    )
    came_true = fields.Monetary(readonly=True)
    error = fields.Monetary(readonly=True, help="Forecast less what came true, in months that are over.")
    value = fields.Monetary(
        string="Forecast and Real", readonly=True, help="The one figure of each row: to be grouped by figure."
    )

    @api.model
    def action_open(self):
        """Open the report, with figures of the past."""
        self.browse().check_access("read")
        self.env["sales.process.forecast.chance"]._ensure()
        return self.env["ir.actions.act_window"]._for_xml_id("sales_process.action_sales_process_forecast")

    def action_open_record(self):
        """The deal or the contract behind a row; a row of the past stands for many."""
        self.ensure_one()
        record = self.lead_id or self.order_id
        if not record:
            return False
        return record.get_formview_action()

    @property
    def _table_query(self):
        return SQL(
            "(%s) UNION ALL (%s) UNION ALL %s",
            self._select_open(), self._select_renewals(), self._select_past(),
        )  # fmt: skip

    def _select_open(self):
        today = SQL("%s::date", fields.Date.context_today(self))
        entered = sql_day(SQL("h.date_enter"))
        landing = sql_landing(today, SQL("deal.day_enter"), SQL("deal.date_deadline"))
        return SQL(
            """
            WITH worth AS MATERIALIZED (%(worth)s)
            SELECT deal.id::bigint * 3 AS id, %(landing)s AS date, 'open' AS figure, FALSE AS is_renewal,
                   deal.id AS lead_id, NULL::int AS order_id, deal.partner_id, deal.stage_id, deal.user_id,
                   deal.team_id, deal.source_id, deal.company_id, %(currency)s AS currency_id, 1 AS deals,
                   deal.amount, %(rate)s AS rate, %(basis)s AS basis,
                   deal.date_deadline IS NULL OR deal.date_deadline < %(today)s AS is_guess,
                   deal.amount * %(rate)s AS expected, NULL::numeric AS forecast_then,
                   NULL::numeric AS came_true, NULL::numeric AS error, deal.amount * %(rate)s AS value
              FROM (
                  SELECT lead.*, %(entered)s AS day_enter,
                         COALESCE(lead.expected_revenue, 0) * COALESCE(worth.factor, 1) AS amount
                    FROM crm_lead lead
                    JOIN crm_lead_stage_history h ON h.lead_id = lead.id AND h.date_leave IS NULL
                    LEFT JOIN worth ON worth.company_id = lead.company_id
                    LEFT JOIN res_company company ON company.id = lead.company_id
                    LEFT JOIN res_partner address ON address.id = company.partner_id
                   WHERE lead.active AND lead.won_status = 'pending' AND NOT %(renewal)s
              ) deal
              %(chances)s
            """,
            landing=landing,
            currency=self.env.company.currency_id.id,
            rate=SQL("(%s)::numeric", sql_chance("rate")),
            basis=sql_chance("basis"),
            today=today,
            entered=entered,
            worth=self._sql_worth(today),
            renewal=RENEWAL_RUNS,
            chances=sql_chance_joins(
                None, SQL("deal.stage_id"), SQL("deal.team_id"), SQL("deal.company_id"),
                SQL("GREATEST(%s - deal.day_enter, 0)", today),
            ),
        )  # fmt: skip

    def _select_renewals(self):
        today = SQL("%s::date", fields.Date.context_today(self))
        rate = SQL("(%s)::numeric", sql_chance("rate"))
        return SQL(
            """
            WITH worth AS MATERIALIZED (%(worth)s)
            SELECT o.id::bigint * 3 + 1 AS id, GREATEST(o.contract_last_day, %(today)s) AS date,
                   'renewal' AS figure, TRUE AS is_renewal, NULL::int AS lead_id, o.id AS order_id,
                   o.partner_id, NULL::int AS stage_id, o.user_id, o.team_id, o.source_id, o.company_id,
                   %(currency)s AS currency_id, 1 AS deals, %(amount)s AS amount, %(rate)s AS rate,
                   %(basis)s AS basis, FALSE AS is_guess, %(amount)s * %(rate)s AS expected,
                   NULL::numeric AS forecast_then, NULL::numeric AS came_true, NULL::numeric AS error,
                   %(amount)s * %(rate)s AS value
              FROM sale_order o
              JOIN worth ON worth.company_id = o.company_id
              %(chances)s
             WHERE o.contract_state = 'running' AND o.contract_last_day IS NOT NULL
               AND o.contract_terminated_date IS NULL
            """,
            today=today,
            currency=self.env.company.currency_id.id,
            amount=SQL("o.contract_value_at_risk::numeric * worth.factor"),
            worth=self._sql_worth(today),
            rate=rate,
            basis=sql_chance("basis"),
            chances=sql_chance_joins(
                None, SQL("NULL::int"), SQL("o.team_id"), SQL("o.company_id"), SQL("0")
            ),
        )  # fmt: skip

    def _select_past(self):
        this_month = fields.Date.context_today(self).replace(day=1)
        return SQL(
            """
            SELECT p.id::bigint * 3 + 2, p.month, p.figure, p.is_renewal, NULL::int, NULL::int, NULL::int,
                   NULL::int, p.user_id, p.team_id, p.source_id, p.company_id, p.currency_id, p.deals,
                   NULL::numeric, NULL::numeric, NULL, FALSE, NULL::numeric,
                   CASE WHEN p.figure = 'then' THEN p.amount END,
                   CASE WHEN p.figure = 'true' THEN p.amount END,
                   CASE WHEN p.month < %(this_month)s
                        THEN CASE p.figure WHEN 'then' THEN p.amount ELSE -p.amount END END,
                   p.amount
              FROM sales_process_forecast_past p
             WHERE p.currency_id = %(currency)s
            """,
            this_month=this_month,
            currency=self.env.company.currency_id.id,
        )

    def _sql_worth(self, day):
        """Query for what amounts of each company are multiplied by, once for all of its deals."""
        return SQL(
            "SELECT company.id AS company_id, (%s)::numeric AS factor FROM res_company company",
            sql_factor(
                SQL("company.currency_id"),
                SQL("%s", self.env.company.currency_id.id),
                sql_root("company"),
                day,
            ),
        )
