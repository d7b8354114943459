from odoo import api, fields, models
from odoo.fields import Domain, parse_field_expr
from odoo.tools import SQL

from ..models.currency_factor import sql_factor, sql_root
from .dynamics_stock import WORKED_OUT, StockReader
from .sales_process_dynamics_figures import FIGURES, MOVES

# A question that names no other fields than these is answered from the totals.
TOTAL_FIELDS = frozenset({"date", "stage_id", "company_id", "currency_id"})
FROM_TOTALS = object()  # no client can put it into a context


class SalesProcessDynamics(models.Model):
    """Deal dynamics: what entered each stage on each day, moved on, moved back, was won or lost there.

    A roll-up of ``crm.lead.stage.history``: one row for a day, a stage and what a stay is told apart by.
    ``opening + entered - moved_on - moved_back - won - lost = closing`` for every period and every way to
    group; so it is in amounts, where what the deals were worth more when they left than when they came
    is added: ``amount_revalued``.

    * A day is one of the company's time zone (that of its address), UTC where it has none.
    * Salesperson, team and company are those at the beginning of the stay; source and country are the
      lead's today; the process is the version that the lead was on last before the stay ended.
    * Won counts in the stage from which a deal was won. A won deal is no stock; one that is won where it
      begins enters the won stage and is won there on one day. Reopened, it enters a stage anew.
    * Lost counts in the stage it was lost from, on the day of the loss. Restored, it enters anew.
    * An amount is the expected revenue on that day: what leaves a stage is what enters the next one, or what
      was won; what was lost is worth what it was when it came. It is kept in the currency of each company,
      converted at the rate of that day.

    Stock is no sum over days: `opening`, `closing` and the figures of the period before are worked out
    when groups are read. They say nothing on a single row.
    """

    _name = "sales.process.dynamics"
    _inherit = "sales.process.dynamics.figures"
    _description = "Deal Dynamics"
    _order = "date desc, stage_id, id"
    _rec_name = "stage_id"
    _log_access = False

    user_id = fields.Many2one("res.users", string="Salesperson", ondelete="set null", readonly=True)
    team_id = fields.Many2one("crm.team", string="Sales Team", ondelete="set null", readonly=True)
    source_id = fields.Many2one("utm.source", ondelete="set null", readonly=True)
    process_id = fields.Many2one(
        "sales.process", string="Process Version", ondelete="set null", readonly=True
    )
    country_id = fields.Many2one("res.country", ondelete="set null", readonly=True)

    opening = fields.Integer(string="Opening Stock", store=False, help="Deals in the stage at the beginning.")
    closing = fields.Integer(string="Closing Stock", store=False, help="Deals in the stage at the end.")
    amount_opening = fields.Monetary(string="Amount of Opening Stock", store=False)
    amount_closing = fields.Monetary(string="Amount of Closing Stock", store=False)
    entered_before = fields.Integer(string="Entered, Period Before", store=False)
    won_before = fields.Integer(string="Won, Period Before", store=False)
    lost_before = fields.Integer(string="Lost, Period Before", store=False)
    amount_entered_before = fields.Monetary(string="Amount Entered, Period Before", store=False)
    amount_won_before = fields.Monetary(string="Amount Won, Period Before", store=False)
    amount_lost_before = fields.Monetary(string="Amount Lost, Period Before", store=False)

    _day_idx = models.Index("(date)")
    _user_idx = models.Index("(user_id, date)")
    _team_idx = models.Index("(team_id, date)")
    _source_idx = models.Index("(source_id, date)")
    _process_idx = models.Index("(process_id, date)")
    _country_idx = models.Index("(country_id, date)")

    @api.model
    def action_open(self):
        """Open the report, brought up to date."""
        self.browse().check_access("read")
        self.env["sales.process.dynamics.day"].sudo()._catch_up()
        return self.env["ir.actions.act_window"]._for_xml_id("sales_process.action_sales_process_dynamics")

    # ------------------------------------------------------------------
    # READING
    # ------------------------------------------------------------------

    @property
    def _table_sql(self):
        """The totals in the place of the rows, for a question that they answer."""
        if self.env.context.get("dynamics_from_totals") is FROM_TOTALS:
            return SQL.identifier(self.env["sales.process.dynamics.total"]._table)
        return super()._table_sql

    def _search(self, domain, *args, **kwargs):
        """Amounts are kept in several currencies; one reads them in that of the current company."""
        currency = Domain("currency_id", "=", self.env.company.currency_id.id)
        return super()._search(Domain(domain) & currency, *args, **kwargs)

    def _read_group_select(self, aggregate_spec, query):
        """What is worked out afterwards can be asked for, but is not in the table."""
        if aggregate_spec.partition(":")[0] in WORKED_OUT:
            return SQL("NULL")
        return super()._read_group_select(aggregate_spec, query)

    def _read_group(
        self, domain, groupby=(), aggregates=(), having=(), offset=0, limit=None, order=None
    ):  # fmt: skip
        if not self._asks_for_stock(aggregates):
            reader = self._reader(domain, groupby)
            return super(SalesProcessDynamics, reader)._read_group(
                domain, groupby, aggregates, having, offset, limit, order
            )
        [rows] = self._read_grouping_sets(domain, [tuple(groupby)], aggregates, order)
        offset = offset or 0
        return rows[offset : offset + limit if limit else None]

    def _read_grouping_sets(self, domain, grouping_sets, aggregates=(), order=None):
        """Also the stock at the beginning and the end, and the figures of the period before.

        At most four statements, however many groupings there are.
        """
        if not self._asks_for_stock(aggregates):
            return self._read_stored_sets(domain, grouping_sets, aggregates, order)
        return StockReader(self, domain, grouping_sets, tuple(aggregates), order).read()

    def _read_stored_sets(self, domain, grouping_sets, aggregates, order=None):
        """As Odoo reads it, from the smallest table that holds the answer."""
        reader = self._reader(domain, [spec for groupby in grouping_sets for spec in groupby])
        return super(SalesProcessDynamics, reader)._read_grouping_sets(  # pylint: disable=super-method-mismatch
            domain, grouping_sets, aggregates, order
        )

    @staticmethod
    def _asks_for_stock(aggregates):
        return any(spec.partition(":")[0] in WORKED_OUT for spec in aggregates)

    def _reader(self, domain, groupby):
        """Self, reading from the totals if they answer the question for the current user."""
        rules = Domain.TRUE if self.env.su else self.env["ir.rule"]._compute_domain(self._name, "read")
        asked = {parse_field_expr(spec.partition(":")[0])[0] for spec in groupby}
        for leaf in (Domain(domain) & Domain(rules)).iter_conditions():
            asked.add(parse_field_expr(leaf.field_expr)[0])
        return self.with_context(dynamics_from_totals=FROM_TOTALS if asked <= TOTAL_FIELDS else None)

    # ------------------------------------------------------------------
    # ROLLING UP
    # ------------------------------------------------------------------

    @api.model
    def _make(self, days):
        """Make the rows of these days anew from the stays. A batch of statements, however many days."""
        currencies = self.env["res.company"].sudo().search([("currency_id", "!=", False)]).currency_id
        Total = self.env["sales.process.dynamics.total"]
        self.env.cr.execute(SQL("DELETE FROM sales_process_dynamics WHERE date = ANY(%s)", days))
        self.env.cr.execute(SQL("DELETE FROM sales_process_dynamics_total WHERE date = ANY(%s)", days))
        self.env.cr.execute(self._sql_make(days, currencies.ids))
        self.env.cr.execute(self._sql_make_totals(days))
        self.invalidate_model(flush=False)
        Total.invalidate_model(flush=False)

    def _sql_make(self, days, currency_ids):
        # `near` is what may begin or end on the days, whatever the time zone; `stay` says on which day
        # each does and which way it left; `figure` is one row for each thing that happened to it.
        return SQL(
            """
            INSERT INTO sales_process_dynamics (
                date, stage_id, user_id, team_id, company_id, source_id, country_id, process_id, currency_id,
                entered, moved_on, moved_back, won, lost, change,
                amount_entered, amount_moved_on, amount_moved_back, amount_won, amount_lost, amount_change,
                amount_revalued)
            WITH dirty AS (
                SELECT unnest(%(days)s::date[]) AS day
            ), near AS (
                SELECT h.* FROM dirty d JOIN crm_lead_stage_history h
                    ON h.date_enter >= d.day - interval '14 hours'
                   AND h.date_enter < d.day + interval '36 hours'
                 UNION
                SELECT h.* FROM dirty d JOIN crm_lead_stage_history h
                    ON h.date_leave >= d.day - interval '14 hours'
                   AND h.date_leave < d.day + interval '36 hours'
            ), stay AS (
                SELECT h.*, company.currency_id AS currency_from,
                       %(root)s AS root_id,
                       %(enter_day)s AS day_enter, %(leave_day)s AS day_leave,
                       h.won_status IS DISTINCT FROM 'won' AS is_stock,
                       h.won_status = 'won' AND COALESCE(before.won_status, 'lost') = 'lost' AS is_won_here,
                       COALESCE(h.expected_revenue, 0) AS amount_begin,
                       COALESCE(CASE WHEN h.won_status = 'pending' THEN next.expected_revenue END,
                                h.expected_revenue, 0) AS amount_end,
                       CASE WHEN h.date_leave IS NULL THEN NULL
                            WHEN h.won_status = 'lost' THEN 'lost'
                            WHEN next.won_status = 'won' THEN 'won'
                            WHEN (next_stage.sequence, next_stage.id) < (stage.sequence, stage.id)
                            THEN 'moved_back'
                            ELSE 'moved_on'
                       END AS way
                  FROM near h
                  LEFT JOIN res_company company ON company.id = h.company_id
                  LEFT JOIN res_partner address ON address.id = company.partner_id
                  LEFT JOIN crm_stage stage ON stage.id = h.stage_id
                  LEFT JOIN LATERAL (
                      SELECT n.won_status, n.stage_id, n.expected_revenue FROM crm_lead_stage_history n
                       WHERE n.lead_id = h.lead_id AND (n.date_enter, n.id) > (h.date_enter, h.id)
                         AND h.date_leave IS NOT NULL
                       ORDER BY n.date_enter, n.id LIMIT 1
                  ) next ON TRUE
                  LEFT JOIN crm_stage next_stage ON next_stage.id = next.stage_id
                  LEFT JOIN LATERAL (
                      SELECT p.won_status FROM crm_lead_stage_history p
                       WHERE h.won_status = 'won'
                         AND p.lead_id = h.lead_id AND (p.date_enter, p.id) < (h.date_enter, h.id)
                       ORDER BY p.date_enter DESC, p.id DESC LIMIT 1
                  ) before ON TRUE
            ), figure AS (
                SELECT move.day, move.what, stay.stage_id, stay.user_id, stay.team_id, stay.company_id,
                       lead.source_id, lead.country_id, version.process_id, target.id AS currency_id,
                       stay.amount_begin * %(factor_begin)s AS amount_come,
                       CASE WHEN move.what = 'entered' THEN stay.amount_begin * %(factor_begin)s
                            ELSE stay.amount_end * %(factor_end)s END AS amount
                  FROM stay
                 CROSS JOIN LATERAL (VALUES
                      (stay.day_enter, 'entered', stay.is_stock OR stay.is_won_here),
                      (stay.day_enter, 'won', stay.is_won_here),
                      (stay.day_leave, stay.way, stay.is_stock AND stay.day_leave IS NOT NULL)
                  ) AS move(day, what, happened)
                  JOIN crm_lead lead ON lead.id = stay.lead_id
                 CROSS JOIN unnest(%(currencies)s::int[]) AS target(id)
                  LEFT JOIN LATERAL (
                      SELECT c.process_id FROM sales_process_case c
                       WHERE c.lead_id = stay.lead_id
                         AND (stay.date_leave IS NULL OR c.date_start <= stay.date_leave)
                       ORDER BY c.id DESC LIMIT 1
                  ) version ON TRUE
                 WHERE move.happened AND move.day = ANY(%(days)s::date[])
            )
            SELECT %(groups)s,
                   %(counts)s,
                   sum(CASE WHEN what = 'entered' THEN 1 ELSE -1 END),
                   %(amounts)s,
                   sum(CASE WHEN what = 'entered' THEN amount_come ELSE -amount_come END),
                   sum(amount - amount_come)
              FROM figure
             GROUP BY %(groups)s
            """,
            groups=SQL(
                "day, stage_id, user_id, team_id, company_id, source_id, country_id, process_id, currency_id"
            ),
            days=days,
            currencies=currency_ids,
            enter_day=self._sql_day(SQL("h.date_enter")),
            leave_day=self._sql_day(SQL("h.date_leave")),
            root=sql_root("company"),
            factor_begin=self._sql_factor(SQL("stay.day_enter")),
            factor_end=self._sql_factor(SQL("move.day")),
            counts=SQL(", ").join(SQL("count(*) FILTER (WHERE what = %s)", move) for move in MOVES),
            amounts=SQL(", ").join(
                SQL("COALESCE(sum(amount) FILTER (WHERE what = %s), 0)", move) for move in MOVES
            ),
        )

    def _sql_day(self, moment):
        """The day of a moment on the clock of the company."""
        return SQL("timezone(COALESCE(NULLIF(address.tz, ''), 'UTC'), timezone('UTC', %s))::date", moment)

    def _sql_factor(self, day):
        return sql_factor(SQL("stay.currency_from"), SQL("target.id"), SQL("stay.root_id"), day)

    def _sql_make_totals(self, days):
        names = [SQL.identifier(name) for name in FIGURES]
        figures = SQL(", ").join(names)
        sums = SQL(", ").join(SQL("sum(%s)", name) for name in names)
        return SQL(
            "INSERT INTO sales_process_dynamics_total (date, stage_id, company_id, currency_id, %s)"
            " SELECT date, stage_id, company_id, currency_id, %s FROM sales_process_dynamics"
            " WHERE date = ANY(%s) GROUP BY date, stage_id, company_id, currency_id",
            figures,
            sums,
            days,
        )
