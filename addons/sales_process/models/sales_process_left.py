from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.sql import table_exists

from .funnel_sql import sql_gone, sql_left_figures, sql_lost_reason, sql_stays_of_days
from .sales_process_dynamics_day import NEIGHBOURS

# What a question may name besides the period, to be answered from here.
KEYS = frozenset({"company_id", "team_id", "type"})
GROUPS = ("stage_id", "arrived_id", "way", "reason_id")
FIGURES = ("deals", "amount", "days")


class SalesProcessLeft(models.Model):
    """What left each stage on each day, on which way and why: kept for the funnel.

    A roll-up of ``crm.lead.stage.history`` by day, stage and what all leads of a company are told apart by.
    Team, type and reason are the lead's today. It is made anew with the days of the deal dynamics (see
    ``sales.process.dynamics.day``); days that wait for that are read from the stays, so the answer is
    never behind. Nobody reads it under its own name.
    """

    _name = "sales.process.left"
    _description = "What Left the Stages"
    _log_access = False

    day = fields.Date(required=True, readonly=True)
    stage_id = fields.Many2one("crm.stage", ondelete="set null", readonly=True)
    arrived_id = fields.Many2one("crm.stage", string="Won In", ondelete="set null", readonly=True)
    way = fields.Char(required=True, readonly=True)
    reason_id = fields.Many2one("crm.lost.reason", ondelete="set null", readonly=True)
    company_id = fields.Many2one("res.company", ondelete="cascade", readonly=True)
    team_id = fields.Many2one("crm.team", ondelete="set null", readonly=True)
    type = fields.Char(readonly=True)
    currency_id = fields.Many2one("res.currency", required=True, ondelete="cascade", readonly=True)
    deals = fields.Integer(readonly=True)
    amount = fields.Float(readonly=True, digits=(16, 2))
    days = fields.Float(readonly=True, help="Since the deals were created, together.")

    _day_idx = models.Index("(day)")

    def init(self):
        """Where the figures of the past are known but not yet these, as after an update, they are made."""
        result = super().init()
        if table_exists(self.env.cr, "sales_process_dynamics_total"):
            self.env.cr.execute(
                SQL(
                    "INSERT INTO sales_process_dynamics_day (day) SELECT NULL"
                    " WHERE EXISTS (SELECT FROM sales_process_dynamics_total)"
                    "   AND NOT EXISTS (SELECT FROM sales_process_left)"
                )
            )
        return result

    @api.model
    def _make(self, days):
        """Make the rows of these days anew from the stays: two statements, however many days."""
        currencies = self.env["res.company"].sudo().search([("currency_id", "!=", False)]).currency_id
        self.env.cr.execute(SQL("DELETE FROM sales_process_left WHERE day = ANY(%s)", days))
        self.env.cr.execute(self._sql_make(days, currencies.ids))
        self.invalidate_model(flush=False)

    def _sql_make(self, days, currency_ids):
        return SQL(
            """
            INSERT INTO sales_process_left (
                day, stage_id, arrived_id, way, reason_id, company_id, team_id, type, currency_id,
                deals, amount, days)
            SELECT gone.day, gone.stage_id, gone.arrived_id, gone.way, %(reason)s,
                   lead.company_id, lead.team_id, lead.type, target.id, %(figures)s
              FROM (%(gone)s) gone
              JOIN crm_lead lead ON lead.id = gone.lead_id
             CROSS JOIN unnest(%(currencies)s::int[]) AS target(id)
             WHERE gone.day = ANY(%(days)s::date[])
             GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
            """,
            reason=sql_lost_reason(),
            figures=sql_left_figures(SQL("target.id")),
            gone=sql_gone(sql_stays_of_days(SQL("SELECT unnest(%s::date[]) AS day", days))),
            days=days,
            currencies=currency_ids,
        )

    # ------------------------------------------------------------------
    # READING
    # ------------------------------------------------------------------

    @api.model
    def _kept_for(self, domain):
        """What is asked about leads, the record rules of the caller included; None: it names what is not
        kept here."""
        if not self.env.su:
            domain &= Domain(self.env["ir.rule"]._compute_domain("crm.lead", "read"))
        asked = {leaf.field_expr.partition(".")[0] for leaf in domain.iter_conditions()}
        return domain if asked <= KEYS else None

    @api.model
    def _read_kept(self, domain, first, last):
        """(rows, days): what is kept of a period, and which of its days wait to be made anew and are left
        out. One statement.

        :param domain: from `_kept_for`.
        """
        query = self.sudo()._search(
            domain
            & Domain("currency_id", "=", self.env.company.currency_id.id)
            & Domain("stage_id", "!=", False)
            & (Domain("day", ">=", first) if first else Domain.TRUE)
            & (Domain("day", "<=", last) if last else Domain.TRUE)
        )
        kept = query.select(*(SQL.identifier(query.table, name) for name in ("day", *GROUPS, *FIGURES)))
        rows, dirty = [], []
        for day, *row in self.env.execute_query(self._sql_kept(kept, self._sql_dirty(first, last))):
            if day:
                dirty.append(day)
            else:
                rows.append(row)
        return rows, dirty

    def _sql_kept(self, kept, dirty):
        """The sums without the days that are dirty, and a row for each of these."""
        return SQL(
            """
            WITH dirty AS MATERIALIZED (%(dirty)s)
            SELECT NULL::date, stage_id, arrived_id, way, reason_id, %(name)s,
                   sum(deals)::int, sum(amount), sum(days)
              FROM (%(kept)s) kept
              LEFT JOIN crm_lost_reason reason ON reason.id = kept.reason_id
             WHERE NOT EXISTS (SELECT FROM dirty WHERE dirty.day = kept.day)
             GROUP BY 2, 3, 4, 5, 6
             UNION ALL
            SELECT day, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM dirty
            """,
            dirty=dirty,
            name=self._sql_reason_name(),
            kept=kept,
        )

    @api.model
    def _read_stays(self, stays, within):
        """The same rows told from the stays themselves.

        :param stays: SQL of a query for stays, see `funnel_sql`.
        :param within: SQL of which of what is `gone` counts.
        """
        return self.env.execute_query(
            SQL(
                """
                SELECT gone.stage_id, gone.arrived_id, gone.way, reason.id, %(name)s, %(figures)s
                  FROM (%(gone)s) gone
                  JOIN crm_lead lead ON lead.id = gone.lead_id
                  LEFT JOIN crm_lost_reason reason ON reason.id = %(reason)s
                 WHERE %(within)s
                 GROUP BY 1, 2, 3, 4, 5
                """,
                name=self._sql_reason_name(),
                figures=sql_left_figures(SQL("%s", self.env.company.currency_id.id)),
                gone=sql_gone(stays),
                reason=sql_lost_reason(),
                within=within,
            )
        )

    def _sql_reason_name(self):
        return self.env["crm.lost.reason"]._field_to_sql("reason", "name")

    @api.model
    def _sql_dirty(self, first, last):
        """The days of a period whose rows are to be made anew; all of them where every day is marked."""
        begin = SQL("%s::date", first) if first else SQL("date_enter::date - 1")
        end = SQL("%s::date", last) if last else SQL("(now() AT TIME ZONE 'UTC')::date + 1")
        return SQL(
            """
            SELECT day FROM (
                SELECT marked.day + near AS day
                  FROM sales_process_dynamics_day marked, unnest(%(near)s::int[]) near
                 UNION
                SELECT generate_series(%(begin)s, %(end)s, '1 day')::date
                  FROM (SELECT min(date_enter) AS date_enter FROM crm_lead_stage_history) known
                 WHERE EXISTS (SELECT FROM sales_process_dynamics_day WHERE day IS NULL)
            ) found
             WHERE %(within)s
            """,
            near=list(NEIGHBOURS),
            begin=begin,
            end=end,
            within=SQL(" AND ").join(
                [
                    SQL("day >= %s::date", first) if first else SQL("day IS NOT NULL"),
                    SQL("day <= %s::date", last) if last else SQL("day IS NOT NULL"),
                ]
            ),
        )
