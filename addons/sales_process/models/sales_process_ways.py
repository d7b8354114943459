from datetime import datetime, time, timedelta

import pytz
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..engine.definition import PERSON_KINDS, REFUSED
from ..engine.ways import Hop, Walk, collapse, simplify, tally
from .currency_factor import sql_factor, sql_root

FILTERS = frozenset({"team_id", "date_from", "date_to", "version_id", "result", "outcomes", "automatic"})
RESULTS = {"won": ("won",), "lost": ("lost",), "ended": ("won", "lost"), "open": ("new", "running", "paused")}
SHOWN = 100
FLAGS = 3  # of a key: told with outcomes, with automatic steps, deals that go on among them
READ = ("id", "lead_id", "state", "date_start", "date_end", "way_text")
KEPT_KINDS = frozenset({*PERSON_KINDS, "wait"})


class SalesProcess(models.Model):
    """The ways that deals really took, read off their tasks (see `engine.ways`)."""

    _inherit = "sales.process"

    @api.model
    @api.readonly
    def process_ways(self, code, filters=None):
        """The ways that the deals of a process took, the most frequent first.

        Of the deals that the caller may see, over all versions of the process: steps with the same code are
        the same step. A part that was repeated is told once. A deal counts in ``win_rate`` when it was won
        or lost; for a reason that says it was no sales case (spam, a supplier) it does not.

        :param code: of the process.
        :param dict filters: ``version_id`` (one version alone); ``team_id``; ``date_from`` and ``date_to``:
            days of the caller's time zone in which deals were started; ``result``: `ended` (won or lost,
            where nothing is said), `won`, `lost`, `open` or `all`; ``outcomes``: whether ways that differ by
            an outcome alone are different ones; ``automatic``: whether steps that need nobody are told too.
        :return: dict with `ways` (the first 100: ``key``, ``hops``, ``loops`` (begin, length), ``count``,
            ``share``, ``won``, ``lost``, ``win_rate``, ``hours``: the median from start to end by the clock,
            ``amount``), `total` (``ways`` and the same figures of all of them), `currency_id`. False where
            there is nothing to divide or to take the middle of.
        :raise UserError: a filter that is not known, or not of its kind.
        """
        versions = self._ways_versions(code)
        view = self._ways_filters(filters)
        walks = self._ways_walks(versions, self._ways_domain(versions, view))
        found = tally(walks, self._ways_kept(versions, view), view["outcomes"])
        total = tally([walk._replace(hops=()) for walk in walks])
        deals = sum(one.count for one in found)
        names = self._ways_names(versions)
        return {
            "ways": [
                {
                    **self._ways_figures(one, deals),
                    "key": self._ways_key(code, view, one.way),
                    "hops": [names.told(hop) for hop in one.way.hops],
                    "loops": one.way.loops,
                }
                for one in found[:SHOWN]
            ],
            "total": {**(self._ways_figures(total[0], deals) if total else {"count": 0}), "ways": len(found)},
            "currency_id": self.env.company.currency_id.id,
        }

    @api.model
    def _ways_figures(self, one, deals):
        return {
            "count": one.count,
            "share": one.count / deals,
            "won": one.won,
            "lost": one.lost,
            "win_rate": False if one.win_rate is None else one.win_rate,
            "hours": False if one.median_hours is None else one.median_hours,
            "amount": one.amount,
        }

    @api.model
    @api.readonly
    def action_ways_open(self, key, filters=None):
        """Open the deals that took a way.

        :param key: as `process_ways` gave it.
        :param filters: those it was asked with.
        """
        code, flags, way = self._ways_split(key)
        view = self._ways_filters(filters)
        key = f"{code}:{flags[:2]}{self._ways_goes_on(view)}:{way}"
        cases = Domain("way_key", "=", key) & self._ways_domain(self._ways_versions(code), view)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Deals of one way"),
            "res_model": "crm.lead",
            "views": [[False, "list"], [False, "kanban"], [False, "form"]],
            "domain": [("process_case_ids", "any", list(cases))],
            "context": {"active_test": False, "create": False},
        }

    # ------------------------------------------------------------------
    # WHAT IS LOOKED AT
    # ------------------------------------------------------------------

    @api.model
    def _ways_versions(self, code):
        """All versions of a process, those that the caller may read."""
        if not isinstance(code, str) or not code:
            raise UserError(self.env._("Choose a process."))
        return self.search([("code", "=", code)])

    @api.model
    def _ways_filters(self, filters):
        """The filters a caller gives, checked."""
        given = filters or {}
        unknown = set(given) - FILTERS
        if unknown:
            names = ", ".join(sorted(str(key) for key in unknown))
            raise UserError(self.env._("There is no filter %s for ways.", names))
        result = given.get("result") or "ended"
        if result != "all" and result not in RESULTS:
            raise UserError(self.env._("“%s” is no result of a deal.", result))
        return {
            "version_id": self._map_number(given.get("version_id"), 0),
            "team_id": self._map_number(given.get("team_id"), 0),
            "date_from": self._ways_begin(given.get("date_from")),
            "date_to": self._ways_begin(given.get("date_to"), days=1),
            "result": result,
            "outcomes": bool(given.get("outcomes")),
            "automatic": bool(given.get("automatic")),
        }

    @api.model
    def _ways_begin(self, day, days=0):
        """When a day of the caller begins, or one some days later, UTC as text; None: no day."""
        try:
            midnight = day and datetime.combine(fields.Date.to_date(day), time.min) + timedelta(days=days)
        except (ValueError, TypeError) as error:
            raise UserError(self.env._("“%s” is not a date.", day)) from error
        if not midnight:
            return None
        return fields.Datetime.to_string(self.env.tz.localize(midnight).astimezone(pytz.utc))

    @api.model
    def _ways_domain(self, versions, view):
        """The cases that are looked at."""
        chosen = versions.ids if not view["version_id"] else [view["version_id"]]
        domain = Domain("process_id", "in", chosen) & Domain("process_id", "in", versions.ids)
        if view["team_id"]:
            domain &= Domain("team_id", "=", view["team_id"])
        if view["date_from"]:
            domain &= Domain("date_start", ">=", view["date_from"])
        if view["date_to"]:
            domain &= Domain("date_start", "<", view["date_to"])
        if view["result"] != "all":
            domain &= Domain("state", "in", RESULTS[view["result"]])
        return domain

    @api.model
    def _ways_query(self, domain):
        """The cases of a domain, of deals that the caller may see."""
        leads = self.env["crm.lead"].with_context(active_test=False)._search(Domain.TRUE)
        return self.env["sales.process.case"]._search(domain & Domain("lead_id", "any", leads))

    def _ways_kept(self, versions, view):
        """The steps that are told; None: all."""
        if view["automatic"]:
            return None
        return frozenset(step.code for step in versions.step_ids if step.kind in KEPT_KINDS)

    # ------------------------------------------------------------------
    # KEYS
    # ------------------------------------------------------------------

    @api.model
    def _ways_key(self, code, view, way):
        """Whose way it is, how it is told, whether deals that go on are among them, and which it is: all that
        finding its deals needs."""
        return f"{code}:{int(view['outcomes'])}{int(view['automatic'])}{self._ways_goes_on(view)}:{way.key}"

    @api.model
    def _ways_goes_on(self, view):
        """The flag of a key that says whether deals that go on are looked at."""
        return int(view["result"] in ("open", "all"))

    @api.model
    def _ways_split(self, key):
        code, flags, way = [*str(key).rsplit(":", 2), "", ""][:3]
        if len(flags) != FLAGS or set(flags) - {"0", "1"} or not way:
            raise UserError(self.env._("This way is not known: reload the page."))
        return code, flags, way

    @api.model
    def _ways_texts(self, key):
        """The raw ways, as the database tells them, that are one with a given key."""
        code, flags, wanted = self._ways_split(key)
        view = {"outcomes": flags[0] == "1", "automatic": flags[1] == "1"}
        versions = self.sudo()._ways_versions(code)
        kept, names = self._ways_kept(versions, view), self._ways_names(versions)
        cases = self.env["sales.process.case"].sudo()._search([("process_id", "in", versions.ids)])
        self.env.flush_all()
        walked = self._sql_walked(cases, goes_on=flags[2] == "1")
        texts = self.env.execute_query(SQL("SELECT DISTINCT hops FROM (%s) walked", walked))
        return [
            text
            for (text,) in texts
            if collapse(simplify(names.hops(text), kept, view["outcomes"])).key == wanted
        ]

    # ------------------------------------------------------------------
    # READING
    # ------------------------------------------------------------------

    @api.model
    def _ways_names(self, versions):
        return _Names(versions)

    @api.model
    def _ways_walks(self, versions, domain):
        """What was walked, equal ways of equal end together: one statement for all deals."""
        query = self._ways_query(domain)
        if query.is_empty():
            return []
        names = self._ways_names(versions)
        self.env.flush_all()
        return [
            Walk(tuple(names.hops(text)), result, count, float(amount), hours or ())
            for text, result, count, amount, hours in self.env.execute_query(self._sql_walks(query))
        ]

    @api.model
    def _sql_walked(self, query, goes_on=True):
        """The cases that went anywhere, each with its visits in one text: `case.way_text`.

        :param goes_on: also those that go on, whose text has to be put together.
        """
        cases = query.select(*(SQL.identifier(query.table, name) for name in READ))
        if not goes_on:
            return SQL("SELECT cases.*, way_text AS hops FROM (%s) cases WHERE way_text IS NOT NULL", cases)
        return SQL(
            """
            WITH cases AS (%(cases)s), going AS (
                SELECT task.case_id,
                       string_agg(
                           concat_ws(':', task.step_id,
                               CASE WHEN task.outcome_id IS NOT NULL THEN task.outcome_id
                                    WHEN task.outcome_code = %(refused)s THEN -1 ELSE 0 END,
                               (task.is_passed IS TRUE)::int),
                           ',' ORDER BY task.id
                       ) AS hops
                  FROM sales_process_task task
                 WHERE task.case_id IN (SELECT id FROM cases WHERE state IN %(open)s)
                 GROUP BY task.case_id
            )
            SELECT cases.*, COALESCE(cases.way_text, going.hops) AS hops
              FROM cases
              LEFT JOIN going ON going.case_id = cases.id
             WHERE cases.way_text IS NOT NULL OR going.hops IS NOT NULL
            """,
            cases=cases,
            refused=REFUSED,
            open=RESULTS["open"],
        )

    @api.model
    def _sql_walks(self, query):
        factor = sql_factor(
            SQL("company.currency_id"), SQL("%s", self.env.company.currency_id.id), sql_root("company"),
            SQL("COALESCE(walked.date_end, %s)::date", fields.Datetime.now()),
        )  # fmt: skip
        return SQL(
            """
            SELECT walked.hops,
                   CASE WHEN walked.state IN %(open)s THEN 'open'
                        WHEN walked.state = 'lost' AND reason.process_not_sales THEN 'none'
                        ELSE walked.state END AS result,
                   count(*), sum(COALESCE(lead.expected_revenue, 0) * %(factor)s),
                   array_agg(date_part('epoch', walked.date_end - walked.date_start) / 3600)
                       FILTER (WHERE walked.date_end IS NOT NULL AND walked.date_start IS NOT NULL)
              FROM (%(walked)s) walked
              JOIN crm_lead lead ON lead.id = walked.lead_id
              LEFT JOIN crm_lost_reason reason ON reason.id = lead.lost_reason_id
              LEFT JOIN res_company company ON company.id = lead.company_id
             GROUP BY 1, 2
            """,
            factor=factor,
            open=RESULTS["open"],
            walked=self._sql_walked(query),
        )


class _Names:
    """What the numbers in a walked text stand for: codes for counting, names for people."""

    def __init__(self, versions):
        self.env = versions.env
        self.steps = {step.id: step for step in versions.step_ids}
        self.outcomes = {outcome.id: outcome for outcome in versions.step_ids.outcome_ids}
        # The newest version names a step.
        in_order = versions.step_ids.sorted(lambda step: step.process_id.version)
        self.by_code = {step.code: step for step in in_order}

    def hops(self, text):
        """The visits in a text of the database."""
        for visit in text.split(","):
            step, outcome, passed = (int(part) for part in visit.split(":"))
            yield Hop(self.steps[step].code, self._outcome_code(outcome), bool(passed))

    def _outcome_code(self, outcome):
        return REFUSED if outcome == -1 else self.outcomes[outcome].code if outcome else ""

    def told(self, hop):
        """A visit as the web client shows it."""
        step = self.by_code[hop.step]
        outcome = step.outcome_ids.filtered(lambda one: one.code == hop.outcome)[:1].name
        if hop.outcome == REFUSED and not outcome:
            outcome = self.env._("The customer refused")
        return {
            "code": hop.step,
            "name": step.name,
            "kind": step.kind,
            "skipped": hop.skipped,
            "outcome": outcome or hop.outcome,
        }
