from odoo import api, fields, models
from odoo.tools import SQL


class CrmLeadStageHistory(models.Model):
    """One row for each stay of a lead in a stage, for all leads of the database.

    A stay begins when the lead is created in a stage, moved to it or restored
    in it. It ends when the lead moves on, and when it is lost; the stay in a
    won stage goes on, as does that of a lead that is archived but not lost.
    Salesperson, team, company and expected revenue are those at the beginning.

    Rows are written by :meth:`_sync` alone, in SQL, a batch of leads at a time. Whatever writes
    them says which days' figures are to be made anew: see ``sales.process.dynamics.day``.
    """

    _name = "crm.lead.stage.history"
    _description = "Stay of a Lead in a Stage"
    _order = "date_enter desc, id desc"
    _rec_name = "stage_id"
    _log_access = False
    # Pending changes of leads are not in the table yet: flush them before reading it.
    _depends = {"crm.lead": ["stage_id", "won_status"]}

    lead_id = fields.Many2one("crm.lead", required=True, readonly=True, ondelete="cascade")
    stage_id = fields.Many2one("crm.stage", readonly=True, ondelete="set null")
    date_enter = fields.Datetime("Entered On", required=True, readonly=True)
    date_leave = fields.Datetime("Left On", readonly=True, help="Empty while the lead stands in the stage.")
    won_status = fields.Selection(
        [("won", "Won"), ("lost", "Lost"), ("pending", "Pending")],
        string="Won/Lost",
        readonly=True,
        help="Won: the lead was won in this stage. Lost: it was lost from this stage. "
        "Pending: it moved on, or still stands there.",
    )
    user_id = fields.Many2one("res.users", "Salesperson", readonly=True, ondelete="set null")
    team_id = fields.Many2one("crm.team", "Sales Team", readonly=True, ondelete="set null")
    company_id = fields.Many2one("res.company", readonly=True, ondelete="set null")
    company_currency = fields.Many2one(related="company_id.currency_id", string="Currency")
    expected_revenue = fields.Monetary(currency_field="company_currency", readonly=True)

    _lead_idx = models.Index("(lead_id, date_enter, id)")
    _stage_idx = models.Index("(stage_id, date_enter)")
    _enter_idx = models.Index("(date_enter)")
    _leave_idx = models.Index("(date_leave) WHERE date_leave IS NOT NULL")
    _one_open_stay = models.UniqueIndex(
        "(lead_id) INCLUDE (date_enter) WHERE date_leave IS NULL",
        "A lead stands in one stage at a time.",
    )

    _pending_idx = models.Index(
        "(lead_id) INCLUDE (date_enter) WHERE date_leave IS NULL AND won_status = 'pending'"
    )

    @api.model
    def _sync(self, lead_ids):
        """Bring the stays of these leads in line with their rows in the database.

        Running it again changes nothing. One statement, however many leads.
        """
        self.env.cr.execute(self._sql_sync(list(lead_ids), self.env.cr.now().replace(microsecond=0)))
        self._invalidate_cache()

    def _sql_sync(self, ids, now):
        # First what the lead has left is ended, and the status of the rest kept in step;
        # then who stands in a stage without a stay gets one. A lead that was created lost
        # has a stay of no length: it did drop out there.
        return SQL(
            """
            WITH kept AS (
                UPDATE crm_lead_stage_history h
                   SET date_leave = CASE
                           WHEN h.stage_id IS DISTINCT FROM l.stage_id OR l.won_status = 'lost'
                           THEN GREATEST(%(now)s, h.date_enter)
                       END,
                       won_status = CASE
                           WHEN h.stage_id IS DISTINCT FROM l.stage_id
                            AND l.won_status IS DISTINCT FROM 'lost'
                           THEN h.won_status
                           ELSE l.won_status
                       END
                  FROM crm_lead l
                 WHERE l.id = ANY(%(ids)s)
                   AND h.lead_id = l.id
                   AND h.date_leave IS NULL
                   AND (h.stage_id IS DISTINCT FROM l.stage_id OR h.won_status IS DISTINCT FROM l.won_status)
             RETURNING h.lead_id, h.date_enter, h.date_leave
            ), begun AS (
                INSERT INTO crm_lead_stage_history
                       (lead_id, stage_id, date_enter, date_leave, won_status,
                        user_id, team_id, company_id, expected_revenue)
                SELECT l.id, l.stage_id, %(now)s, CASE WHEN l.won_status = 'lost' THEN %(now)s END,
                       COALESCE(l.won_status, 'pending'),
                       l.user_id, l.team_id, l.company_id, l.expected_revenue
                  FROM crm_lead l
                  LEFT JOIN kept ON kept.lead_id = l.id
                 WHERE l.id = ANY(%(ids)s)
                   AND l.stage_id IS NOT NULL
                   AND CASE
                           WHEN l.won_status = 'lost'
                           THEN NOT EXISTS (SELECT FROM crm_lead_stage_history h WHERE h.lead_id = l.id)
                           ELSE kept.date_leave IS NOT NULL OR NOT EXISTS (
                               SELECT FROM crm_lead_stage_history h
                                WHERE h.lead_id = l.id AND h.date_leave IS NULL
                           )
                       END
                 ORDER BY l.id
             RETURNING date_enter
            )
            INSERT INTO sales_process_dynamics_day (day)
            SELECT date_enter::date FROM kept UNION
            SELECT date_leave::date FROM kept WHERE date_leave IS NOT NULL UNION
            SELECT date_enter::date FROM begun
            """,
            ids=ids,
            now=now,
        )

    @api.model
    def _replace(self, lead_ids, stays):
        """Put true stays, brought from elsewhere, in the place of those these leads have.

        Leads without any among them keep theirs, from their creation to their end.
        """
        told = {stay["lead_id"] for stay in stays}
        Day = self.env["sales.process.dynamics.day"]
        Day._mark_leads(lead_ids)
        untold = [lead_id for lead_id in lead_ids if lead_id not in told]
        if untold:
            self.env.cr.execute(self._sql_date_stays(untold))
        if stays:
            self.env.cr.execute(SQL("DELETE FROM crm_lead_stage_history WHERE lead_id = ANY(%s)", list(told)))
            self.env.cr.execute(self._sql_insert_stays(stays))
        Day._mark_leads(lead_ids)
        self._invalidate_cache()

    def _sql_date_stays(self, ids):
        return SQL(
            """
            UPDATE crm_lead_stage_history h
               SET date_enter = l.create_date,
                   date_leave = CASE
                       WHEN h.date_leave IS NOT NULL THEN COALESCE(l.date_closed, h.date_leave)
                   END
              FROM crm_lead l
             WHERE h.lead_id = l.id AND l.id = ANY(%s)
            """,
            ids,
        )

    def _sql_insert_stays(self, stays):
        """Insert these stays in their order; team and company are the lead's."""
        rows = SQL(", ").join(
            SQL(
                "(%s, %s, %s, %s::timestamp, %s::timestamp, %s, %s::int, %s::numeric)",
                position, stay["lead_id"], stay["stage_id"], stay["date_enter"], stay["date_leave"],
                stay["won_status"], stay["user_id"], stay["expected_revenue"],
            )
            for position, stay in enumerate(stays)
        )  # fmt: skip
        return SQL(
            """
            INSERT INTO crm_lead_stage_history
                   (lead_id, stage_id, date_enter, date_leave, won_status,
                    user_id, expected_revenue, team_id, company_id)
            SELECT l.id, v.stage_id, v.date_enter, v.date_leave, v.won_status,
                   v.user_id, v.expected_revenue, l.team_id, l.company_id
              FROM (VALUES %s) v (
                       position, lead_id, stage_id, date_enter, date_leave,
                       won_status, user_id, expected_revenue
                   )
              JOIN crm_lead l ON l.id = v.lead_id
             ORDER BY v.position
            """,
            rows,
        )

    @api.model
    def _fill_from_past(self):
        """Give the leads that have no stays yet those that the database tells of.

        Stage changes and losses are read from the tracked values of the timeline;
        what was never tracked begins at the last stage update. Who had the lead
        then, and its amount, are not known: today's are taken. Leads are not
        written to. Timelines of merged leads were put together by Odoo: their
        changes count as those of the lead that remained.
        """
        self.env.flush_all()
        get_field = self.env["ir.model.fields"]._get
        self.env.cr.execute(
            self._sql_past_stays(
                stage_field=get_field("crm.lead", "stage_id").id,
                status_field=get_field("crm.lead", "won_status").id,
            )
        )
        count = self.env.cr.rowcount
        self.env["sales.process.dynamics.day"]._mark_all()
        self._invalidate_cache()
        return count

    def _sql_past_stays(self, stage_field, status_field):
        # Tracking keeps a selection by its label, in the language of that day.
        # A lead's states, in order: the first known, each tracked change, today's.
        return SQL(
            """
            WITH lost_label AS (
                SELECT label.value
                  FROM ir_model_fields_selection s, jsonb_each_text(s.name) label
                 WHERE s.field_id = %(status_field)s AND s.value = 'lost'
            ), change AS (
                SELECT m.res_id AS lead_id, m.id AS seq, m.date,
                       min(t.old_value_integer) FILTER (WHERE t.field_id = %(stage_field)s) AS stage_from,
                       min(t.new_value_integer) FILTER (WHERE t.field_id = %(stage_field)s) AS stage_id,
                       bool_or(t.new_value_char IN (SELECT value FROM lost_label))
                           FILTER (WHERE t.field_id = %(status_field)s) AS lost
                  FROM mail_tracking_value t
                  JOIN mail_message m ON m.id = t.mail_message_id
                 WHERE t.field_id IN (%(stage_field)s, %(status_field)s)
                   AND m.model = 'crm.lead'
                 GROUP BY m.id
            ), first_move AS (
                SELECT DISTINCT ON (lead_id) lead_id, stage_from
                  FROM change
                 WHERE stage_id IS NOT NULL
                 ORDER BY lead_id, seq
            ), todo AS (
                SELECT l.*, COALESCE(l.date_last_stage_update, l.create_date) AS date_stage
                  FROM crm_lead l
                 WHERE NOT EXISTS (SELECT FROM crm_lead_stage_history h WHERE h.lead_id = l.id)
            ), state AS (
                SELECT l.id AS lead_id, 0 AS seq, COALESCE(f.stage_from, l.stage_id) AS stage_id,
                       CASE WHEN f.lead_id IS NULL THEN l.date_stage ELSE l.create_date END AS date,
                       false AS lost
                  FROM todo l LEFT JOIN first_move f ON f.lead_id = l.id
                 UNION ALL
                SELECT c.lead_id, c.seq, c.stage_id, c.date, c.lost
                  FROM change c JOIN todo l ON l.id = c.lead_id
                 UNION ALL
                SELECT id, 2147483646, stage_id, date_stage, NULL
                  FROM todo
                 UNION ALL
                SELECT id, 2147483647, NULL, COALESCE(date_closed, date_stage), won_status = 'lost'
                  FROM todo
            ), numbered AS (
                SELECT lead_id, seq, stage_id, lost,
                       max(date) OVER w AS date,
                       count(stage_id) OVER w AS nth_stage, count(lost) OVER w AS nth_lost
                  FROM state
                WINDOW w AS (PARTITION BY lead_id ORDER BY seq)
            ), carried AS (
                SELECT lead_id, seq, date,
                       max(stage_id) OVER (PARTITION BY lead_id, nth_stage) AS stage_id,
                       bool_or(lost) OVER (PARTITION BY lead_id, nth_lost) AS lost
                  FROM numbered
            ), compared AS (
                SELECT *, lag(stage_id) OVER w AS last_stage_id, lag(lost) OVER w AS last_lost
                  FROM carried
                WINDOW w AS (PARTITION BY lead_id ORDER BY seq)
            ), stay AS (
                SELECT *, lead(date) OVER w AS date_leave, lead(lost) OVER w AS then_lost
                  FROM compared
                 WHERE stage_id IS DISTINCT FROM last_stage_id OR lost IS DISTINCT FROM last_lost
                WINDOW w AS (PARTITION BY lead_id ORDER BY seq)
            )
            INSERT INTO crm_lead_stage_history
                   (lead_id, stage_id, date_enter, date_leave, won_status,
                    user_id, team_id, company_id, expected_revenue)
            SELECT l.id, s.id, date_trunc('second', stay.date), date_trunc('second', stay.date_leave),
                   CASE WHEN stay.date_leave IS NULL THEN COALESCE(l.won_status, 'pending')
                        WHEN stay.then_lost THEN 'lost'
                        WHEN s.is_won THEN 'won'
                        ELSE 'pending'
                   END,
                   l.user_id, l.team_id, l.company_id, l.expected_revenue
              FROM stay
              JOIN todo l ON l.id = stay.lead_id
              LEFT JOIN crm_stage s ON s.id = stay.stage_id
             WHERE NOT stay.lost AND stay.stage_id IS NOT NULL
             ORDER BY l.id, stay.seq
            """,
            stage_field=stage_field,
            status_field=status_field,
        )
