from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..engine.bottleneck import level, shares
from .currency_factor import sql_factor, sql_root
from .sales_process_task import OPEN_STATES

FILTERS = frozenset({"team_id", "as_of", "days"})
READ = ("step_id", "lead_id", "outcome_id", "is_passed", "date_open", "date_deadline", "date_done")
NOTHING = {
    "open": 0, "late": 0, "amount": 0.0, "wait": False, "waited": 0.0, "left": 0, "usual": False,
}  # fmt: skip


class SalesProcess(models.Model):
    """The process drawn: its steps, the ways between them, and how many deals stand where."""

    _inherit = "sales.process"

    @api.readonly
    def get_map(self, filters=None):
        """The process as a drawing needs it, with the figures of the deals that the caller may see.

        A deal stands at a step while a task of that step is open, from the moment it was opened to the one
        it was done or cancelled. For each step:

        * ``open``, ``late``: deals that stand there, and those of them past their deadline;
        * ``amount``: their expected revenue, in the currency of the current company, by the day's rate;
        * ``wait``: how long they have been there, the median, in clock hours (False: nobody is there);
          ``waited``: all of them together;
        * ``left``, ``usual``: visits that were done in the days before, and how long these took (median);
        * ``share``: its parts of the whole process' `waited`, `amount` and `late`, 0 to 1, and ``level`` how
          grave these are, 0 to 4 (see `engine.bottleneck`).

        Deadlines, amounts and teams are today's, also when an earlier moment is asked for.

        :param dict filters: ``team_id``: deals of this team; ``as_of``: the moment that is looked at (UTC),
            now where it is missing or lies ahead; ``days``: the period before it that `left` and `usual`
            count in, 90 where it is missing, 0: since ever.
        :return: dict with `phases`, `nodes` (a step each), `edges` (``count``: how often that outcome was
            taken in the period), `totals` (each deal once) and `currency_id`.
        :raise UserError: a filter that is not known, or not of its kind.
        """
        self.ensure_one()
        drawing = self._map_drawing()
        view = self._map_filters(filters)
        standing, totals = self._map_standing(view)
        left, taken = self._map_left(view)
        for node in drawing["nodes"]:
            node.update({**NOTHING, **standing.get(node["id"], {}), **left.get(node["id"], {})})
        for edge in drawing["edges"]:
            edge["count"] = taken.get(edge["outcome_id"], 0)
        self._map_weigh(drawing["nodes"])
        return {
            **drawing,
            "totals": {**NOTHING, **totals},
            "currency_id": self.env.company.currency_id.id,
            "is_now": not view["as_of"],
        }

    # ------------------------------------------------------------------
    # THE DRAWING
    # ------------------------------------------------------------------

    def _map_drawing(self):
        """Steps and ways, without any figure."""
        self.check_access("read")
        kinds = dict(self.step_ids._fields["kind"]._description_selection(self.env))
        return {
            "id": self.id,
            "name": self.display_name,
            "phases": [{"code": phase.code, "name": phase.name} for phase in self.phase_ids],
            "nodes": [
                {
                    "id": step.id,
                    "code": step.code,
                    "name": step.name,
                    "kind": step.kind,
                    "kind_text": kinds[step.kind],
                    "phase": step.phase_id.code,
                    "ends": [
                        {"end": outcome.end, "name": outcome.name}
                        for outcome in step.outcome_ids
                        if outcome.end
                    ],
                }
                for step in self.step_ids
            ],
            "edges": self._map_edges(),
        }

    def _map_edges(self):
        """A way for each outcome that leads to a step, and for what follows when its limit is reached."""
        edges = []
        for outcome in self.step_ids.outcome_ids:
            base = {"from": outcome.step_id.code, "outcome": outcome.name, "outcome_id": outcome.id}
            if outcome.next_step_id:
                edges.append({**base, "to": outcome.next_step_id.code, "limit": False})
            if outcome.limit_next_step_id:
                edges.append({**base, "to": outcome.limit_next_step_id.code, "limit": outcome.limit})
        return edges

    # ------------------------------------------------------------------
    # WHAT IS LOOKED AT
    # ------------------------------------------------------------------

    def _map_filters(self, filters):
        """The filters a caller gives, checked: `team_id`, `as_of` (None: now), `days`."""
        given = filters or {}
        unknown = set(given) - FILTERS
        if unknown:
            raise UserError(
                self.env._("The map knows no filter %s.", ", ".join(sorted(str(key) for key in unknown)))
            )
        as_of = self._map_moment(given.get("as_of"))
        return {
            "team_id": self._map_number(given.get("team_id"), 0),
            "as_of": as_of if as_of and as_of < fields.Datetime.now() else None,
            "days": self._map_number(given.get("days"), 90),
        }

    def _map_moment(self, value):
        try:
            return fields.Datetime.to_datetime(value or None)
        except (ValueError, TypeError) as error:
            raise UserError(self.env._("“%s” is not a date and time.", value)) from error

    def _map_number(self, value, default):
        if value is None or value is False:
            return default
        if not isinstance(value, int) or not 0 <= value <= 2**31 - 1:
            raise UserError(self.env._("“%s” is not a whole number.", value))
        return value

    def _map_domain_standing(self, view):
        """The tasks at which deals stand at that moment."""
        moment = view["as_of"]
        if not moment:
            return Domain("state", "in", OPEN_STATES) & Domain("date_done", "=", False)
        text = fields.Datetime.to_string(moment)  # as the web client reads it too
        still = Domain("date_done", "=", False) | Domain("date_done", ">", text)
        return Domain("create_date", "<=", text) & Domain("is_passed", "!=", True) & still

    def _map_query(self, domain, view, standing=False):
        """The tasks of a domain in this process, of deals that the caller may see; None: there are none.

        :param standing: whether these are tasks at which deals stand at the moment that is looked at.
        """
        Task = self.env["sales.process.task"]
        leads = self.env["crm.lead"].with_context(active_test=False)._search(Domain.TRUE)
        domain &= Domain("step_id", "in", self.step_ids.ids) & Domain("lead_id", "any", leads)
        if view["team_id"]:
            domain &= Domain("team_id", "=", view["team_id"])
        query = Task._search(domain)
        if query.is_empty():
            return None
        if standing and view["as_of"]:
            # What the domain says already, in the words of the index on lifetimes.
            query.add_where(SQL("%s @> %s::timestamp", Task._sql_lifetime(query.table), view["as_of"]))
        return query.select(*(SQL.identifier(query.table, name) for name in READ))

    # ------------------------------------------------------------------
    # FIGURES
    # ------------------------------------------------------------------

    def _map_standing(self, view):
        """({step: its figures}, those of all steps together, each deal once) at that moment."""
        tasks = self._map_query(self._map_domain_standing(view), view, standing=True)
        rows = self._map_fetch_standing(tasks, view) if tasks else {}
        return rows, rows.pop(None, {})

    def _map_fetch_standing(self, tasks, view):
        moment = view["as_of"] or fields.Datetime.now()
        factor = sql_factor(
            SQL("company.currency_id"), SQL("%s", self.env.company.currency_id.id),
            sql_root("company"), SQL("%s::date", moment),
        )  # fmt: skip
        return {
            step: {"open": count, "late": late, "amount": float(amount), "wait": wait, "waited": waited}
            for step, count, late, amount, wait, waited in self.env.execute_query(
                self._sql_map_standing(tasks, moment, factor)
            )
        }

    @staticmethod
    def _sql_map_standing(tasks, moment, factor):
        """A row for each step, and one without a step for all of them: there each deal counts once."""
        return SQL(
            """
            WITH standing AS (
                SELECT task.step_id, task.lead_id, bool_or(task.date_deadline < %(moment)s) AS late,
                       GREATEST(extract(epoch FROM %(moment)s - min(task.date_open)), 0)::float / 3600
                       AS hours
                  FROM (%(tasks)s) task
                 GROUP BY task.step_id, task.lead_id
            ), deals AS (
                SELECT standing.*, COALESCE(lead.expected_revenue, 0) * %(factor)s AS amount,
                       row_number() OVER (PARTITION BY lead_id ORDER BY late DESC NULLS LAST, step_id) AS nth
                  FROM standing
                  JOIN crm_lead lead ON lead.id = standing.lead_id
                  LEFT JOIN res_company company ON company.id = lead.company_id
            )
            SELECT step_id, count(*), count(*) FILTER (WHERE late), sum(amount),
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY hours), sum(hours)
              FROM deals
             GROUP BY step_id
             UNION ALL
            SELECT NULL, count(*), count(*) FILTER (WHERE late), sum(amount),
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY hours), sum(hours)
              FROM deals
             WHERE nth = 1
            HAVING count(*) > 0
            """,
            moment=moment,
            tasks=tasks,
            factor=factor,
        )

    def _map_left(self, view):
        """({step: visits that were done in the period, and how long they took}, {outcome: how often})."""
        moment = view["as_of"] or fields.Datetime.now()
        domain = Domain("state", "=", "done") & Domain("date_done", "<=", moment)
        if view["days"]:
            domain &= Domain("date_done", ">", moment - timedelta(days=view["days"]))
        tasks = self._map_query(domain, view)
        rows = self.env.execute_query(self._sql_map_left(tasks)) if tasks else []
        left = {step: {"left": count, "usual": usual} for step, outcome, _all, count, usual in rows if step}
        return left, {outcome: every for step, outcome, every, _count, _usual in rows if not step and outcome}

    @staticmethod
    def _sql_map_left(tasks):
        """A row for each step and one for each outcome; what was passed over took no time."""
        return SQL(
            """
            WITH visit AS MATERIALIZED (
                SELECT step_id, outcome_id, is_passed IS NOT TRUE AS was_open,
                       GREATEST(date_part('epoch', date_done - date_open), 0) / 3600 AS hours
                  FROM (%s) task
            )
            SELECT step_id, NULL, count(*), count(*) FILTER (WHERE was_open),
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY hours) FILTER (WHERE was_open)
              FROM visit
             GROUP BY step_id
             UNION ALL
            SELECT NULL, outcome_id, count(*), NULL, NULL
              FROM visit
             GROUP BY outcome_id
            """,
            tasks,
        )

    @api.model
    def _map_weigh(self, nodes):
        """Give each step its shares of the whole, and say how grave they are."""
        parts = {
            measure: shares({node["code"]: node[measure] for node in nodes})
            for measure in ("waited", "amount", "late")
        }
        for node in nodes:
            node["share"] = {measure: part[node["code"]] for measure, part in parts.items()}
            node["level"] = {measure: level(share) for measure, share in node["share"].items()}

    # ------------------------------------------------------------------
    # OPENING
    # ------------------------------------------------------------------

    @api.readonly
    def action_map_open(self, step_id, filters=None, late=False):
        """Open the deals that stand at a step, as the map counts them; in a draft, the step itself.

        :param filters: as `get_map` has them.
        :param late: only those past their deadline.
        """
        self.ensure_one()
        self.check_access("read")
        step = self.step_ids.browse(self._map_number(step_id, 0)) & self.step_ids
        if not step:
            raise UserError(self.env._("This step is not in the process: reload the page."))
        if self.state == "draft":
            return self._map_action_step(step)
        return self._map_action_deals(step, self._map_filters(filters), bool(late))

    def _map_action_deals(self, step, view, late):
        tasks = Domain("step_id", "=", step.id) & self._map_domain_standing(view)
        if late:
            moment = fields.Datetime.to_string(view["as_of"] or fields.Datetime.now())
            tasks &= Domain("date_deadline", "<", moment)
        if view["team_id"]:
            tasks &= Domain("team_id", "=", view["team_id"])
        nobody = (
            self.env._("No deal is late at this step.")
            if late
            else self.env._("No deal stands at this step.")
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("%s: late", step.name) if late else step.name,
            "res_model": "crm.lead",
            "views": [[False, "list"], [False, "kanban"], [False, "form"]],
            "domain": [("process_task_ids", "any", list(tasks))],
            "context": {"active_test": False, "create": False},
            "help": nobody,
        }

    @api.model
    def _map_action_step(self, step):
        return {
            "type": "ir.actions.act_window",
            "name": step.name,
            "res_model": step._name,
            "res_id": step.id,
            "views": [[self.env.ref("sales_process.sales_process_step_view_form").id, "form"]],
            "target": "new",
        }
