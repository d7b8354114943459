from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .currency_factor import sql_factor, sql_root
from .funnel_sql import sql_stays_of_days, sql_stays_of_period

TOP_REASONS = 3
SHORTEST_CYCLE = 1 / 24  # days
# Wins from which on their mean cycle and amount say something: of ten, one odd deal moves them by a tenth or
# so; of three, a single quick one is most of the speed.
ENOUGH_WINS = 10
EMPTY = {"count": 0, "amount": 0.0, "age_mean": False, "age_median": False}


class CrmLead(models.Model):
    _inherit = "crm.lead"

    # All that is read of the deals that stand somewhere: their table need not be.
    _standing_idx = models.Index(
        "(stage_id, date_last_stage_update)"
        " INCLUDE (company_id, team_id, user_id, type, expected_revenue, create_date)"
        " WHERE active IS TRUE AND won_status = 'pending'"
    )

    # The same by lead, for who has a list of these: tasks in hand, stays that go on.
    _in_pipeline_idx = models.Index(
        "(id) INCLUDE (stage_id, team_id, company_id, user_id, expected_revenue, date_deadline)"
        " WHERE active IS TRUE AND won_status = 'pending'"
    )

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
          on; what went back is no decision and does not count. Stages that no deal stood in or left are
          passed over; a stage of one team has none of another team before it. False where nothing was
          decided, in the first stage, and, on a board with stages of several teams, where what left the
          stage before may as well have gone to a stage of others. A won stage that all share has the last
          stages of several teams before it, together. ``conversion_from``: the id of that stage before,
          False where there is none to compare with, or more than one.
        * ``reasons``: the three reasons for which most was lost, ``id`` (False: none given), ``name``,
          ``count``.

        Amounts are in the currency of the current company: those of other currencies converted at
        today's rate where the deal stands, at that of the day it left otherwise.

        :param domain: as the board has it, but for what it says of the stage; None: all leads.
        :param date_from: first day of the period, None: since ever.
        :param date_to: last day, None: up to now. Days are those of each company's time zone, as in the deal
            dynamics.

        Velocity is what the pipeline brings in a day: ``deals standing x win_rate x mean amount won /
        cycle_days``, where the win rate is won of won and lost, and the cycle the mean time from creation to
        the win, both of the period. False where fewer than ``enough_wins`` were won, for then a single deal
        decides; or all within an hour: what is only written down says nothing of how long selling takes.

        :return: ``{'stages': [...], 'currency_id', 'won', 'won_amount', 'lost', 'lost_amount', 'win_rate',
            'cycle_days', 'velocity', 'enough_wins'}``; stages in the order of the board, each with ``id``,
            ``name``, ``team_ids`` (none: all teams share it), ``is_won``, ``fold`` and the figures above.
        """
        self.browse().check_access("read")
        domain = self._funnel_without(Domain(domain or Domain.TRUE), "stage_id")
        every = self._funnel_without(domain, "active", "won_status")
        seen = self.with_context(active_test=False)._search(every)
        kept = self.env["sales.process.left"]._kept_for(every)
        first, last = (fields.Date.to_date(day or None) for day in (date_from, date_to))
        standing = self._funnel_standing(domain, seen if kept is None else None)
        left = self._funnel_left(seen, kept, first, last)
        return self._funnel_figures(self._funnel_stages({*standing, *left}, domain), standing, left)

    @api.model
    @api.readonly
    def process_stages_now(self, domain=None):
        """What stands in each stage now: the part of `process_funnel` that needs no history.

        :param domain: leads, but for what it says of the stage; None: all the caller may see.
        :return: ``{'stages': [...], 'currency_id'}``; stages in the order of the board, won ones left out,
            each with ``id``, ``name``, ``team_ids``, ``count``, ``amount``, ``age_mean`` and ``age_median``.
        """
        self.browse().check_access("read")
        domain = self._funnel_without(Domain(domain or Domain.TRUE), "stage_id")
        standing = self._funnel_standing(domain)
        stages = self._funnel_stages(standing, domain)
        return {
            "currency_id": self.env.company.currency_id.id,
            "stages": [
                {
                    **{name: stage[name] for name in ("id", "name", "team_ids")},
                    **standing.get(stage["id"], EMPTY),
                }
                for stage in stages
                if not stage["is_won"] and (stage["id"] in standing or not stage["fold"])
            ],
        }

    # ------------------------------------------------------------------
    # FIGURES
    # ------------------------------------------------------------------

    def _funnel_figures(self, stages, standing, left):
        """The answer of `process_funnel`, put together from what was read."""
        rows = {stage["id"]: self._funnel_row(stage, standing, left) for stage in stages}
        used = [row for row in stages if row["id"] in {*standing, *left}]
        before = self._funnel_stages_before(used, left)
        for stage, row in rows.items():
            sources = before.get(stage, ())
            row["conversion_from"] = sources[0] if len(sources) == 1 else False
            row["conversion"] = self._funnel_conversion([rows[source] for source in sources])
        figures = list(rows.values())
        return {"stages": figures, **self._funnel_totals(figures, left)}

    def _funnel_row(self, stage, standing, left):
        """The figures of one stage, but for its conversion."""
        ways = left.get(stage["id"], {})
        dropped, dropped_amount, _days = self._funnel_sum(ways, "lost")
        return {
            **stage,
            **standing.get(stage["id"], EMPTY),
            "moved_on": self._funnel_sum(ways, "moved_on")[0] + self._funnel_sum(ways, "won")[0],
            "moved_back": self._funnel_sum(ways, "moved_back")[0],
            "dropped": dropped,
            "dropped_amount": dropped_amount,
            "reasons": self._funnel_reasons(ways),
        }

    def _funnel_stages_before(self, stages, left):
        """{stage: those that its deals come from}, of stages that deals go through, in their order.

        With stages of different teams on the board only those that are the same teams' are compared: what
        left a stage that all share may have gone to a stage of any of them. It is one stage but for a won
        one that all share, where several ways end.
        """
        teams = [frozenset(stage["team_ids"]) for stage in stages]
        are_several = len({mine for mine in teams if mine}) > 1
        before = {}
        for place, mine in enumerate(teams):
            met = (at for at in reversed(range(place)) if not mine or not teams[at] or mine & teams[at])
            nearest = next(met, None)
            if are_several and not mine and stages[place]["is_won"]:
                before[stages[place]["id"]] = self._funnel_last_stages(stages, place, left)
            elif nearest is not None and (not are_several or teams[nearest] == mine):
                before[stages[place]["id"]] = [stages[nearest]["id"]]
        return before

    def _funnel_last_stages(self, stages, place, left):
        """The last stages of the ways that end in the won stage at a place, which all teams share.

        Teams with a won stage of their own end there. A last stage that all share as well belongs to teams
        without their own if most of what went on from it was won; else it only leads to those of others.
        """
        ends = {frozenset(stage["team_ids"]) for stage in stages if stage["is_won"] and stage["team_ids"]}
        last = {frozenset(stage["team_ids"]): stage["id"] for stage in stages[:place] if not stage["is_won"]}
        return [
            stage
            for teams, stage in last.items()
            if teams not in ends and (teams or self._funnel_is_mostly_won(left.get(stage, {})))
        ]

    def _funnel_is_mostly_won(self, ways):
        return self._funnel_sum(ways, "won")[0] > self._funnel_sum(ways, "moved_on")[0]

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
            "enough_wins": ENOUGH_WINS,
        }
        return {**totals, **self._funnel_velocity(standing, *won, lost[0])}

    @staticmethod
    def _funnel_velocity(standing, won, amount, days, lost):
        """Win rate, cycle and what the pipeline brings a day; `days`: those of all cycles together."""
        if not won:
            return {"win_rate": 0.0 if lost else False, "cycle_days": False, "velocity": False}
        win_rate, cycle = won / (won + lost), days / won
        says_something = won >= ENOUGH_WINS and cycle >= SHORTEST_CYCLE
        velocity = standing * win_rate * (amount / won) / cycle if says_something else False
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
    def _funnel_conversion(sources):
        went_on = sum(row["moved_on"] for row in sources)
        decided = went_on + sum(row["dropped"] for row in sources)
        return went_on / decided if decided else False

    def _funnel_reasons(self, ways):
        lost = [
            {"id": reason and reason[0], "name": reason[1] if reason else self.env._("No reason given"),
             "count": count}
            for (way, reason), (count, _amount, _days) in ways.items()
            if way == "lost"
        ]  # fmt: skip
        return sorted(lost, key=lambda one: (-one["count"], one["name"]))[:TOP_REASONS]

    # ------------------------------------------------------------------
    # READING
    # ------------------------------------------------------------------

    def _funnel_stages(self, ids, domain):
        """The columns of the board, those of these ids among them, in their order: `id`, `name`, `is_won`,
        `fold` and `team_ids`, all of it in one statement."""
        stages = self._read_group_stage_ids(self.env["crm.stage"].browse(sorted(ids)), domain)
        query = stages._search([("id", "in", stages._ids)], order=stages._order)
        names = ("id", "name", "is_won", "fold")
        columns = [stages._field_to_sql(query.table, name, query) for name in names]
        rows = self.env.execute_query(query.select(*columns, self._sql_funnel_teams(query.table)))
        return [dict(zip((*names, "team_ids"), row, strict=True)) for row in rows]

    def _sql_funnel_teams(self, stage):
        """The teams whose own a stage is, those that the caller may not see included."""
        field = self.env["crm.stage"]._fields["team_ids"]
        return SQL(
            "ARRAY(SELECT %(team)s FROM %(relation)s WHERE %(stage)s = %(id)s ORDER BY 1)",
            team=SQL.identifier(field.relation, field.column2),
            relation=SQL.identifier(field.relation),
            stage=SQL.identifier(field.relation, field.column1),
            id=SQL.identifier(stage, "id"),
        )

    def _funnel_standing(self, domain, seen=None):
        """{stage: its figures now}

        :param seen: query of leads that the caller may see, worked out before: record rules that look into
            other tables then need not be asked again.
        """
        domain &= Domain("won_status", "=", "pending")
        if seen is None:
            query = self._search(domain)
        else:
            query = self._search(domain & Domain("id", "in", seen), bypass_access=True)
        if query.is_empty():
            return {}
        # Ages are put in order from the longest on: so they come from the index.
        today = SQL("%s::date", fields.Date.context_today(self))
        rows = self.env.execute_query(
            SQL(
                """
                WITH factor AS MATERIALIZED (
                    SELECT company.id, (%(factor)s)::numeric AS factor FROM res_company company
                )
                SELECT stage_id, count(*), COALESCE(sum(amount), 0)::float, avg(age) / 86400,
                       - percentile_cont(0.5) WITHIN GROUP (ORDER BY - age) / 86400
                  FROM (
                      SELECT standing.stage_id,
                             CASE WHEN COALESCE(factor.factor, 1) = 1 THEN standing.revenue
                                  ELSE standing.revenue * factor.factor END AS amount,
                             date_part('epoch', %(now)s - LEAST(standing.since, %(now)s)) AS age
                        FROM (%(standing)s) standing
                        LEFT JOIN factor ON factor.id = standing.company_id
                       WHERE standing.stage_id IS NOT NULL
                  ) standing
                 GROUP BY stage_id
                """,
                standing=self._sql_funnel_standing(query),
                now=fields.Datetime.now(),
                factor=self._funnel_factor(today),
            )
        )
        return {
            stage: {"count": count, "amount": amount, "age_mean": mean, "age_median": median}
            for stage, count, amount, mean, median in rows
        }

    @staticmethod
    def _sql_funnel_standing(query):
        """What is read of the leads, all of it in an index."""
        lead = SQL.identifier(query.table)
        return query.select(
            SQL("%s.stage_id", lead),
            SQL("%s.company_id", lead),
            SQL("%s.expected_revenue AS revenue", lead),
            SQL("COALESCE(%s.date_last_stage_update, %s.create_date) AS since", lead, lead),
        )

    def _funnel_left(self, seen, kept, first, last):
        """{stage: {(way, lost reason (id, name) or False): (count, amount, days)}} of the stays that ended
        in the period; days are those since the leads were created, together.

        `arrived`, under a won stage: what came to be won there.

        :param seen: query of the leads.
        :param kept: their domain, where what is kept answers the question; else None.
        """
        result = defaultdict(lambda: defaultdict(lambda: (0, 0, 0)))
        if seen.is_empty():
            return result
        for stage, arrived_in, way, reason, name, *figures in self._funnel_rows(seen, kept, first, last):
            self._funnel_add(result[stage], (way, (reason, name) if reason else False), figures)
            if arrived_in:
                self._funnel_add(result[arrived_in], ("arrived", False), figures)
        return result

    def _funnel_rows(self, seen, kept, first, last):
        """(stage, stage it was won in, way, lost reason, its name, count, amount, days) of what left."""
        Left = self.env["sales.process.left"]
        if kept is None:
            stays = sql_stays_of_period(first, last, seen.subselect())
            return Left._read_stays(stays, self._sql_funnel_within(first, last))
        rows, dirty = Left._read_kept(kept, first, last)
        if dirty:
            stays = sql_stays_of_days(SQL("SELECT unnest(%s::date[]) AS day", dirty))
            stays = SQL("SELECT * FROM (%s) stay WHERE lead_id IN %s", stays, seen.subselect())
            rows += Left._read_stays(stays, SQL("gone.day = ANY(%s::date[])", dirty))
        return rows

    @staticmethod
    def _sql_funnel_within(first, last):
        """Whether something is gone on a day of the period; None: without bound."""
        begin = SQL("gone.day >= %s::date", first) if first else SQL("TRUE")
        return SQL("%s AND gone.day <= %s::date", begin, last) if last else begin

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

    def _funnel_factor(self, day):
        """From the currency of a joined `company` to that of the current one."""
        target = SQL("%s", self.env.company.currency_id.id)
        return sql_factor(SQL("company.currency_id"), target, sql_root("company"), day)
