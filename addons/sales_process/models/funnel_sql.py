"""SQL of what left the stages of a pipeline: read for the funnel, and kept day by day."""

from odoo.tools import SQL

from .currency_factor import sql_factor, sql_root

# A deal that is won stays where it was won: what counts is that it came there. All others leave.
ENDS = ((SQL("h.date_leave"), SQL("h.won_status IS DISTINCT FROM 'won'")),
        (SQL("h.date_enter"), SQL("h.won_status = 'won'")))  # fmt: skip


def sql_stays_of_days(days):
    """The stays that may have ended on some days, whatever the time zone, each once.

    :param days: SQL of a query for the days, in its column `day`.
    """
    return SQL(" UNION ").join(
        SQL(
            """
            SELECT h.*, %(moment)s AS moment FROM (%(days)s) d JOIN crm_lead_stage_history h
                ON %(moment)s >= d.day - interval '14 hours' AND %(moment)s < d.day + interval '36 hours'
             WHERE %(kind)s
            """,
            moment=moment,
            kind=kind,
            days=days,
        )
        for moment, kind in ENDS
    )


def sql_stays_of_period(first, last, leads):
    """The stays of leads that may have ended in a period, whatever the time zone; None: without bound.

    :param leads: SQL of a query for the ids of the leads.
    """
    ended = SQL(" OR ").join(
        SQL("(%s AND %s)", kind, _sql_within(moment, first, last)) for moment, kind in ENDS
    )
    return SQL(
        """
        SELECT h.*, CASE WHEN h.won_status = 'won' THEN h.date_enter ELSE h.date_leave END AS moment
          FROM crm_lead_stage_history h
         WHERE h.lead_id IN %s AND (%s)
        """,
        leads,
        ended,
    )


def _sql_within(moment, first, last):
    conditions = [SQL("%s IS NOT NULL", moment)]
    if first:
        conditions.append(SQL("%s >= %s::date - interval '14 hours'", moment, first))
    if last:
        conditions.append(SQL("%s < %s::date + interval '36 hours'", moment, last))
    return SQL(" AND ").join(conditions)


def sql_gone(stays):
    """What stays ended with: `lead_id`, `stage_id`, `way`, `arrived_id` (the stage it was won in), `amount`
    in the currency `currency_from`, the `moment`, and the `day` on the clock of the company.

    A deal that is won where it begins has left no stage: it has none before, and counts in its own.
    """
    return SQL(
        """
        SELECT h.lead_id, h.stage_id, h.moment,
               timezone(COALESCE(NULLIF(address.tz, ''), 'UTC'), timezone('UTC', h.moment))::date AS day,
               company.currency_id AS currency_from, %(root)s AS root_id,
               COALESCE(next.expected_revenue, h.expected_revenue, 0) AS amount,
               CASE WHEN h.won_status IN ('lost', 'won') THEN h.won_status
                    WHEN next.won_status = 'won' THEN 'won'
                    WHEN (next_stage.sequence, next_stage.id) < (stage.sequence, stage.id) THEN 'moved_back'
                    ELSE 'moved_on'
               END AS way,
               CASE WHEN h.won_status = 'won' THEN h.stage_id
                    WHEN h.won_status != 'lost' AND next.won_status = 'won' THEN next.stage_id
               END AS arrived_id
          FROM (%(stays)s) h
          JOIN crm_stage stage ON stage.id = h.stage_id
          LEFT JOIN res_company company ON company.id = h.company_id
          LEFT JOIN res_partner address ON address.id = company.partner_id
          LEFT JOIN LATERAL (
              SELECT n.won_status, n.stage_id, n.expected_revenue
                FROM crm_lead_stage_history n
               WHERE h.won_status = 'pending' AND n.lead_id = h.lead_id
                 AND (n.date_enter, n.id) > (h.date_enter, h.id)
               ORDER BY n.date_enter, n.id LIMIT 1
          ) next ON TRUE
          LEFT JOIN crm_stage next_stage ON next_stage.id = next.stage_id
          LEFT JOIN LATERAL (
              SELECT p.won_status FROM crm_lead_stage_history p
               WHERE h.won_status = 'won' AND p.lead_id = h.lead_id
                 AND (p.date_enter, p.id) < (h.date_enter, h.id)
               ORDER BY p.date_enter DESC, p.id DESC LIMIT 1
          ) before ON TRUE
         WHERE h.won_status != 'won' OR COALESCE(before.won_status, 'lost') = 'lost'
        """,
        stays=stays,
        root=sql_root("company"),
    )


def sql_left_figures(target):
    """`deals`, `amount` and the `days` since they were created, of rows `gone` and their `lead`, grouped.

    :param target: SQL of the id of the currency that amounts are wanted in, at the rate of the day.
    """
    factor = sql_factor(SQL("gone.currency_from"), target, SQL("gone.root_id"), SQL("gone.day"))
    return SQL(
        "count(*)::int AS deals, sum(gone.amount * %s)::float AS amount,"
        " (sum(GREATEST(date_part('epoch', gone.moment - lead.create_date), 0)) / 86400)::float AS days",
        factor,
    )


def sql_lost_reason():
    """Why a `lead` that is `gone` was lost; NULL of what got on."""
    return SQL("CASE WHEN gone.way = 'lost' THEN lead.lost_reason_id END")
