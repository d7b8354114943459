from odoo import api, fields, models
from odoo.tools import SQL
from odoo.tools.misc import split_every

from ..engine import forecast
from .forecast_sql import sql_day

PAST_MONTHS = 12
BATCH = 5000


class SalesProcessForecastChance(models.Model):
    """What became of deals in a stage, by how long they had stood there: see `engine.forecast`.

    Made anew from ``crm.lead.stage.history`` once a day, for now and for the beginnings of the last months,
    as it could have been known then. Without a stage: of contracts, how many were renewed. Only sums of
    many deals are here, so they may stand behind the forecast of everybody.
    """

    _name = "sales.process.forecast.chance"
    _description = "Chance of a Deal in a Stage"
    _log_access = False

    month = fields.Date(readonly=True, help="As known at the beginning of this month. Empty: as known now.")
    company_id = fields.Many2one("res.company", readonly=True, ondelete="cascade")
    team_id = fields.Many2one("crm.team", readonly=True, ondelete="cascade")
    stage_id = fields.Many2one("crm.stage", readonly=True, ondelete="cascade")
    age_from = fields.Integer(readonly=True, help="Days in the stage from which on this counts.")
    age_to = fields.Integer(readonly=True, help="Days up to which it counts, themselves excluded.")
    won = fields.Integer(readonly=True)
    decided = fields.Integer(readonly=True)
    rate = fields.Float(readonly=True, digits=(12, 6))
    days = fields.Integer(
        readonly=True, help="Half of the won deals took no longer, from entering the stage."
    )
    longest = fields.Integer(readonly=True, help="What the slowest won deal took.")
    basis = fields.Selection(
        [
            ("team", "The team's last twelve months"),
            ("company", "The company's last twelve months"),
            ("ever", "All the company ever decided"),
        ],
        readonly=True,
    )

    _key_idx = models.Index("(month, stage_id, team_id)")

    # ------------------------------------------------------------------
    # MAKING
    # ------------------------------------------------------------------

    @api.model
    def _cron_refresh(self):
        """Count chances and past months anew. A constant number of statements for each past month."""
        self.env.flush_all()
        months = self._past_months()
        cases = [*self._read_cases(), *self._read_contract_cases()]
        self.env.cr.execute(SQL("DELETE FROM sales_process_forecast_chance"))
        today = fields.Date.context_today(self)
        # What was decided today is known now, also on the first day of a month.
        self._insert(None, forecast.chances(cases, fields.Date.add(today, days=1)))
        for month in months:
            self._insert(month, forecast.chances(cases, month))
        self.invalidate_model(flush=False)
        self.env["sales.process.forecast.past"]._make(months)

    @api.model
    def _past_months(self):
        """The beginnings of the months that are told of: the last ones, and this."""
        today = fields.Date.context_today(self)
        return [forecast.months_before(today, back) for back in range(PAST_MONTHS, -1, -1)]

    @api.model
    def _ensure(self):
        """Count for the first time, for somebody who is about to read; later the job does it."""
        if not self.sudo().search_count([], limit=1):
            self.sudo()._cron_refresh()

    def _insert(self, month, table):
        rows = ((month, *key, *self._columns(chance)) for key, chances in table.items() for chance in chances)
        for batch in split_every(BATCH, rows):
            self.env.cr.execute(
                SQL(
                    """
                    INSERT INTO sales_process_forecast_chance (
                        month, company_id, team_id, stage_id,
                        age_from, age_to, won, decided, rate, days, longest, basis
                    ) VALUES %s
                    """,
                    SQL(", ").join(SQL("%s", row) for row in batch),
                )
            )

    @staticmethod
    def _columns(chance):
        days = None if chance.days is None else int(chance.days)
        return (
            chance.age, chance.until, chance.won, chance.decided, chance.rate,
            days, chance.longest, chance.basis,
        )  # fmt: skip

    # ------------------------------------------------------------------
    # READING THE PAST
    # ------------------------------------------------------------------

    def _read_cases(self):
        """Stays of deals that are decided; those that went alike together."""
        # What follows a stay, up to the next decision, has as many decisions after it as that decision:
        # so they form a group. What was no business at all (spam, a vacancy) tells nothing.
        rows = self.env.execute_query(
            SQL(
                """
                WITH stay AS (
                    SELECT h.lead_id, h.stage_id, h.team_id, h.company_id, h.won_status,
                           %(enter)s AS day_enter,
                           CASE h.won_status WHEN 'won' THEN %(enter)s
                                             WHEN 'lost' THEN %(leave)s END AS day_end,
                           count(*) FILTER (WHERE h.won_status IN ('won', 'lost')) OVER (
                               PARTITION BY h.lead_id ORDER BY h.date_enter DESC, h.id DESC) AS decision
                      FROM crm_lead_stage_history h
                      LEFT JOIN res_company company ON company.id = h.company_id
                      LEFT JOIN res_partner address ON address.id = company.partner_id
                ), decided AS (
                    SELECT stay.*, max(day_end) OVER one AS day_decided,
                           bool_or(won_status = 'won') OVER one AS won
                      FROM stay
                     WHERE decision > 0
                    WINDOW one AS (PARTITION BY lead_id, decision)
                )
                SELECT d.company_id, d.team_id, d.stage_id, date_trunc('month', d.day_decided)::date,
                       GREATEST(d.day_decided - d.day_enter, 0), d.won, count(*)
                  FROM decided d
                  JOIN crm_lead lead ON lead.id = d.lead_id
                  LEFT JOIN crm_lost_reason reason ON reason.id = lead.lost_reason_id
                 WHERE d.won_status IS DISTINCT FROM 'won' AND d.stage_id IS NOT NULL
                   AND (d.won OR reason.process_not_sales IS NOT TRUE)
                 GROUP BY 1, 2, 3, 4, 5, 6
                """,
                enter=sql_day(SQL("h.date_enter")),
                leave=sql_day(SQL("h.date_leave")),
            )
        )
        return [forecast.Case(*row) for row in rows]

    def _read_contract_cases(self):
        """Contracts whose term is over: renewed or not. They are in no stage, and took no time."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT company_id, team_id, NULL, date_trunc('month', contract_last_day)::date,
                       0, contract_state = 'renewed', count(*)
                  FROM sale_order
                 WHERE contract_state IN ('renewed', 'expired', 'terminated')
                   AND contract_last_day IS NOT NULL
                 GROUP BY 1, 2, 4, 6
                """
            )
        )
        return [forecast.Case(*row) for row in rows]
