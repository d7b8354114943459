from collections import defaultdict
from datetime import datetime, time, timedelta

import pytz
from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .currency_factor import sql_factor, sql_root

TOP_REASONS = 3
SHORTEST_CYCLE = 1 / 24  # days
EMPTY = {"count": 0, "amount": 0.0, "age_mean": False, "age_median": False}


class CrmLead(models.Model):
    _inherit = "crm.lead"

    @api.model
    @api.readonly
    def process_funnel(self, domain=None, date_from=None, date_to=None):
        """What stands in each stage now, how it got on in a period, and what dropped out and why.

        Of the leads that a domain finds and the caller may see. What left is counted with its stage
        history (``crm.lead.stage.history``), lost leads included.

        * ``count``, ``amount``: leads standing in the stage now, and their expected revenue. In a won
          stage: those won in the period. Archived leads do not stand anywhere, as on the board.
        * ``age_mean``, ``age_median``: days since they came into the stage; False in a won stage.
        * ``moved_on``: how often a deal left the stage in the period for a later one or a won one;
          ``moved_back``: for an earlier one; ``dropped``, ``dropped_amount``: was lost from it.
        * ``conversion``: of what left the stage *before* in the period, on or lost, the share that went
          on; what went back is no decision and does not count. False where nothing was decided, and in
          the first stage.
        * ``reasons``: the three reasons for which most was lost, ``id`` (False: none given), ``name``,
          ``count``.

        Amounts are in the currency of the current company: those of other currencies converted at
        today's rate where the deal stands, at that of the day it left otherwise.

        :param domain: as the board has it, but for what it says of the stage; None: all leads.
        :param date_from: first day of the period, None: since ever.
        :param date_to: last day, None: up to now. Days are those of the caller's time zone.
        Velocity is what the pipeline brings in a day: ``deals standing x win_rate x mean amount won /
        cycle_days``, where the win rate is won of won and lost, and the cycle the mean time from creation to
        the win, both of the period. False where nothing was won, or within an hour: what is only written
        down says nothing of how long selling takes.

        :return: ``{'stages': [...], 'currency_id', 'won', 'won_amount', 'lost', 'lost_amount', 'win_rate',
            'cycle_days', 'velocity'}``; stages in the order of the board, each with ``id``, ``name``,
            ``is_won``, ``fold`` and the figures above.
        """
        self.browse().check_access("read")
        domain = self._funnel_without(Domain(domain or Domain.TRUE), "stage_id")
        standing = self._funnel_standing(domain)
        left = self._funnel_left(domain, self._funnel_begin(date_from), self._funnel_begin(date_to, days=1))
        stages = self.env["crm.stage"].browse(sorted({*standing, *left}))
        stages = self._read_group_stage_ids(stages, domain).sorted()
        return self._funnel_figures(stages, standing, left)

    @api.model
    @api.readonly
    def process_stages_now(self, domain=None):
        """What stands in each stage now: the part of `process_funnel` that needs no history.

        :param domain: leads, but for what it says of the stage; None: all the caller may see.
        :return: ``{'stages': [...], 'currency_id'}``; stages in the order of the board, won ones left out,
            each with ``id``, ``name``, ``count``, ``amount``, ``age_mean`` and ``age_median``.
        """
        self.browse().check_access("read")
        domain = self._funnel_without(Domain(domain or Domain.TRUE), "stage_id")
        standing = self._funnel_standing(domain)
        stages = self._read_group_stage_ids(self.env["crm.stage"].browse(sorted(standing)), domain).sorted()
        return {
            "currency_id": self.env.company.currency_id.id,
            "stages": [
                {"id": stage.id, "name": stage.name, **standing.get(stage.id, EMPTY)}
                for stage in stages
                if not stage.is_won and (stage.id in standing or not stage.fold)
            ],
        }

    def _funnel_begin(self, day, days=0):
        """The moment at which a day of the caller begins, or one some days later; None: no day."""
        if not day:
            return None
        midnight = datetime.combine(fields.Date.to_date(day), time.min) + timedelta(days=days)
        return self.env.tz.localize(midnight).astimezone(pytz.utc).replace(tzinfo=None)

    # ------------------------------------------------------------------
    # FIGURES
    # ------------------------------------------------------------------

    def _funnel_figures(self, stages, standing, left):
        """The answer of `process_funnel`, put together from what was read."""
        names = self._funnel_reason_names(left)
        rows, before = [], None
        for stage in stages:
            ways = left.get(stage.id, {})
            rows.append(
                {
                    "id": stage.id,
                    "name": stage.name,
                    "is_won": stage.is_won,
                    "fold": stage.fold,
                    **standing.get(stage.id, EMPTY),
                    "moved_on": self._funnel_sum(ways, "moved_on")[0] + self._funnel_sum(ways, "won")[0],
                    "moved_back": self._funnel_sum(ways, "moved_back")[0],
                    "dropped": self._funnel_sum(ways, "lost")[0],
                    "dropped_amount": self._funnel_sum(ways, "lost")[1],
                    "reasons": self._funnel_reasons(ways, names),
                    "conversion": self._funnel_conversion(before),
                }
            )
            before = rows[-1]
        return {"stages": rows, **self._funnel_totals(rows, left)}

    def _funnel_totals(self, rows, left):
        """What was won and lost in the period, all stages together; a won stage shows what was won."""
        won, lost = (self._funnel_add_up(self._funnel_sum(ways, way) for ways in left.values())
                     for way in ("won", "lost"))  # fmt: skip
        for row in rows:
            if row["is_won"]:
                row["count"], row["amount"], _days = self._funnel_sum(left.get(row["id"], {}), "arrived")
        standing = sum(row["count"] for row in rows if not row["is_won"])
        totals = {
            "currency_id": self.env.company.currency_id.id,
            "won": won[0],
            "won_amount": won[1],
            "lost": lost[0],
            "lost_amount": lost[1],
        }
        return {**totals, **self._funnel_velocity(standing, *won, lost[0])}

    @staticmethod
    def _funnel_velocity(standing, won, amount, days, lost):
        """Win rate, cycle and what the pipeline brings a day; `days`: those of all cycles together."""
        if not won:
            return {"win_rate": 0.0 if lost else False, "cycle_days": False, "velocity": False}
        win_rate, cycle = won / (won + lost), days / won
        velocity = standing * win_rate * (amount / won) / cycle if cycle >= SHORTEST_CYCLE else False
        return {"win_rate": win_rate, "cycle_days": cycle, "velocity": velocity}

    @staticmethod
    def _funnel_sum(ways, way):
        """[count, amount, days of cycles] of what left a stage that way, for whatever reason."""
        found = [figures for (one, _reason), figures in ways.items() if one == way]
        return CrmLead._funnel_add_up(found)

    @staticmethod
    def _funnel_add_up(figures):
        return [sum(column) for column in zip(*figures, strict=True)] or [0, 0, 0]

    @staticmethod
    def _funnel_conversion(before):
        decided = before and before["moved_on"] + before["dropped"]
        return before["moved_on"] / decided if decided else False

    def _funnel_reason_names(self, left):
        """{lost reason: name} of all that matter; False is no reason given."""
        ids = {reason for ways in left.values() for way, reason in ways if way == "lost" and reason}
        reasons = self.env["crm.lost.reason"].sudo().browse(sorted(ids))
        return {False: self.env._("No reason given"), **{reason.id: reason.name for reason in reasons}}

    @staticmethod
    def _funnel_reasons(ways, names):
        lost = [
            {"id": reason, "name": names[reason], "count": count}
            for (way, reason), (count, _amount, _days) in ways.items()
            if way == "lost"
        ]
        return sorted(lost, key=lambda one: (-one["count"], one["name"]))[:TOP_REASONS]

    # ------------------------------------------------------------------
    # READING
    # ------------------------------------------------------------------

    def _funnel_standing(self, domain):
        """{stage: its figures now}"""
        query = self._search(domain & Domain("won_status", "=", "pending"))
        if query.is_empty():
            return {}
        rows = self.env.execute_query(
            SQL(
                """
                SELECT stage_id, count(*), sum(amount), avg(age),
                       percentile_cont(0.5) WITHIN GROUP (ORDER BY age)
                  FROM (
                      SELECT lead.stage_id, COALESCE(lead.expected_revenue, 0) * %(factor)s AS amount,
                             GREATEST(extract(epoch FROM %(now)s - COALESCE(
                                 lead.date_last_stage_update, lead.create_date))::float / 86400, 0) AS age
                        FROM crm_lead lead
                        LEFT JOIN res_company company ON company.id = lead.company_id
                       WHERE lead.id IN %(leads)s AND lead.stage_id IS NOT NULL
                  ) standing
                 GROUP BY stage_id
                """,
                leads=query.subselect(),
                now=self.env.cr.now().replace(tzinfo=None),
                factor=self._funnel_factor(SQL("%s::date", fields.Date.context_today(self))),
            )
        )
        return {
            stage: {"count": count, "amount": float(amount), "age_mean": mean, "age_median": median}
            for stage, count, amount, mean, median in rows
        }

    def _funnel_left(self, domain, begin, end):
        """{stage: {(way, lost reason or False): (count, amount, days)}} of the stays that ended in the
        period; days are those since the leads were created, together.

        `arrived`, under a won stage: what came to be won there.
        """
        every = self._funnel_without(domain, "active", "won_status")
        query = self.with_context(active_test=False)._search(every)
        if query.is_empty():
            return {}
        result = defaultdict(lambda: defaultdict(lambda: (0, 0, 0)))
        for stage, arrived_in, way, reason, *figures in self.env.execute_query(
            self._sql_funnel_left(query, begin, end)
        ):
            self._funnel_add(result[stage], (way, reason or False), figures)
            if arrived_in:
                self._funnel_add(result[arrived_in], ("arrived", False), figures)
        return result

    @staticmethod
    def _funnel_add(ways, key, figures):
        pairs = zip(ways[key], figures, strict=True)
        ways[key] = tuple(old + (new if isinstance(new, int) else float(new)) for old, new in pairs)

    @staticmethod
    def _funnel_without(domain, *names):
        """The domain without what it says of these fields."""
        return domain.map_conditions(
            lambda leaf: Domain.TRUE if leaf.field_expr.partition(".")[0] in names else leaf
        )

    def _sql_funnel_left(self, query, begin, end):
        # A deal that is won where it begins has left no stage: it has none before, and counts in its own.
        return SQL(
            """
            WITH stay AS (
                SELECT h.*, CASE WHEN h.won_status = 'won' THEN h.date_enter ELSE h.date_leave END AS date_end
                  FROM crm_lead_stage_history h
                 WHERE h.lead_id IN %(leads)s AND h.stage_id IS NOT NULL
                   AND (%(left)s OR h.won_status = 'won' AND %(entered)s)
            ), gone AS (
                SELECT stay.stage_id, stay.lead_id, stay.company_id, stay.date_end,
                       COALESCE(next.expected_revenue, stay.expected_revenue, 0) AS amount,
                       CASE WHEN stay.won_status IN ('lost', 'won') THEN stay.won_status
                            WHEN next.won_status = 'won' THEN 'won'
                            WHEN (next_stage.sequence, next_stage.id) < (stage.sequence, stage.id)
                            THEN 'moved_back'
                            ELSE 'moved_on'
                       END AS way,
                       CASE WHEN stay.won_status = 'won' THEN stay.stage_id
                            WHEN stay.won_status != 'lost' AND next.won_status = 'won' THEN next.stage_id
                       END AS arrived_in
                  FROM stay
                  JOIN crm_stage stage ON stage.id = stay.stage_id
                  LEFT JOIN LATERAL (
                      SELECT n.won_status, n.stage_id, n.expected_revenue
                        FROM crm_lead_stage_history n
                       WHERE stay.won_status = 'pending' AND n.lead_id = stay.lead_id
                         AND (n.date_enter, n.id) > (stay.date_enter, stay.id)
                       ORDER BY n.date_enter, n.id LIMIT 1
                  ) next ON TRUE
                  LEFT JOIN crm_stage next_stage ON next_stage.id = next.stage_id
                  LEFT JOIN LATERAL (
                      SELECT p.won_status FROM crm_lead_stage_history p
                       WHERE stay.won_status = 'won' AND p.lead_id = stay.lead_id
                         AND (p.date_enter, p.id) < (stay.date_enter, stay.id)
                       ORDER BY p.date_enter DESC, p.id DESC LIMIT 1
                  ) before ON TRUE
                 WHERE stay.won_status != 'won' OR COALESCE(before.won_status, 'lost') = 'lost'
            )
            SELECT gone.stage_id, gone.arrived_in, gone.way,
                   CASE WHEN gone.way = 'lost' THEN lead.lost_reason_id END,
                   count(*), sum(gone.amount * %(factor)s),
                   sum(GREATEST(extract(epoch FROM gone.date_end - lead.create_date), 0)) / 86400
              FROM gone
              JOIN crm_lead lead ON lead.id = gone.lead_id
              LEFT JOIN res_company company ON company.id = gone.company_id
             GROUP BY 1, 2, 3, 4
            """,
            leads=query.subselect(),
            left=self._sql_funnel_within(SQL("h.date_leave"), begin, end),
            entered=self._sql_funnel_within(SQL("h.date_enter"), begin, end),
            factor=self._funnel_factor(SQL("gone.date_end::date")),
        )

    @staticmethod
    def _sql_funnel_within(moment, begin, end):
        """Whether a moment is within the period; an open end still demands a moment."""
        conditions = [SQL("%s IS NOT NULL", moment)]
        if begin:
            conditions.append(SQL("%s >= %s", moment, begin))
        if end:
            conditions.append(SQL("%s < %s", moment, end))
        return SQL("(%s)", SQL(" AND ").join(conditions))

    def _funnel_factor(self, day):
        """From the currency of a joined `company` to that of the current one."""
        target = SQL("%s", self.env.company.currency_id.id)
        return sql_factor(SQL("company.currency_id"), target, sql_root("company"), day)
