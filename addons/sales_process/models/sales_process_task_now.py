from datetime import datetime, time, timedelta

import pytz
from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, format_time

from ..engine import priority
from .sales_process_task import OPEN_STATES

PAGE, LONGEST_PAGE, SIDE = 20, 100, 8
SCOPES = ("mine", "team", "all")


class SalesProcessTask(models.Model):
    """What now: a person's start page. Ranked by the database, a page at a time, in a constant number of
    statements; only what is on the page is put into words."""

    _inherit = "sales.process.task"

    @api.model
    @api.readonly
    def process_what_now(self, scope="mine", offset=0, limit=PAGE):
        """What the current user should do now, the money at risk first (see `engine.priority`).

        :param str scope: `mine`; for team leaders also `team` (the teams they lead or belong to) and `all`
            (whatever they may see). Who may not gets their own.
        :param int offset: tasks to pass over; past the end the first page is given.
        :param int limit: tasks on a page, at most 100.
        :return: dict with `tasks`, `calls`, `letters` (each `rows` and `total`), the sums of the tasks, and
            for leaders `team`: `stuck`, `unassigned`, `reps`. Where nothing is due, `later`: the `total` of
            the tasks that begin on another day, and when the `first` does (UTC). Amounts are in the currency
            of the user's company.
        :raise AccessError: the user has nothing to do with sales processes.
        """
        self.check_access("read")
        self.env.flush_all()
        scope = scope if scope in SCOPES and self._now_is_leader() else "mine"
        desk = self._now_lists(
            scope, max(self._as_id(offset), 0), min(self._as_id(limit) or PAGE, LONGEST_PAGE)
        )
        self._now_fill_rows(desk)
        if not desk["tasks"]["total"]:
            desk["later"] = self._now_later(scope)
        return {
            "scope": scope,
            "scopes": list(SCOPES) if self._now_is_leader() else ["mine"],
            "currency_id": self.env.company.currency_id.id,
            "letters": self._now_letters(scope),
            "letters_paused": self.env["sales.process.message"]._is_paused_everywhere(),
            **desk,
        }

    @api.model
    def _now_is_leader(self):
        return self.env.user.has_group("sales_process.group_leader")

    @api.model
    def _now_lists(self, scope, offset, limit):
        """The lists of tasks on the page, their rows as the database ranks them."""
        today = self._now_open_today() & self._now_scope(scope)
        now = fields.Datetime.now()
        due = today & Domain("date_open", "<=", now)
        tasks = self._now_ranked(due, limit, offset)
        if offset and not tasks["rows"]:
            tasks = self._now_ranked(due, limit)
        calls = today & Domain("step_id.activity_type_id.category", "=", "phonecall")
        lists = {
            "tasks": tasks,
            "calls": self._now_ranked(calls, SIDE, order=SQL("date_open <= %s, date_open", now)),
        }
        if scope != "mine":
            lists["team"] = {
                "stuck": self._now_ranked(self._now_stuck() & self._now_scope(scope), SIDE),
                "unassigned": self._now_ranked(today & self._now_unassigned(), SIDE),
                "reps": self._now_reps(due),
            }
        return lists

    # ------------------------------------------------------------------
    # WHICH TASKS
    # ------------------------------------------------------------------

    @api.model
    def _now_scope(self, scope, path=""):
        """The tasks, or what leads to them by `path`, of a scope; record rules come on top."""
        user = self.env.user
        if scope == "mine":
            return Domain(f"{path}user_id", "=", user.id)
        if scope == "team":
            led = Domain("user_id", "=", user.id) | Domain("member_ids", "in", user.id)
            return Domain(f"{path}team_id", "any", led)
        return Domain.TRUE

    @api.model
    def _now_open_today(self):
        """What people are to do today, or should have done before."""
        return self._now_open() & Domain("date_open", "<=", self._now_end_of_day())

    @api.model
    def _now_open(self):
        """What people are to do, whenever it begins."""
        return (
            Domain("state", "=", "open")
            & Domain("on_hold", "=", False)
            & Domain("step_id.kind", "!=", "wait")
        )

    @api.model
    def _now_later(self, scope):
        """Tasks that begin after today: without them a page with nothing to do would say that all is done."""
        begins = Domain("date_open", ">", self._now_end_of_day())
        [[total, first]] = self._read_group(
            self._now_open() & begins & self._now_scope(scope), [], ["__count", "date_open:min"]
        )
        return {"total": total, "first": first and fields.Datetime.to_string(first)}

    @api.model
    def _now_stuck(self):
        """What goes on only if somebody sees to it: failed, or late with nothing more on its ladder."""
        late = (
            Domain("state", "=", "open")
            & Domain("on_hold", "=", False)
            & Domain("date_deadline", "<", fields.Datetime.now())
            & Domain("timer_ids", "not any!", [("state", "in", ("pending", "paused"))])
        )
        return late | (Domain("state", "in", OPEN_STATES) & Domain("error", "!=", False))

    @api.model
    def _now_unassigned(self):
        """Tasks of nobody, of people who have left, and of deals in whose name nobody works."""
        nobody = Domain("user_id", "=", False) | Domain("user_id.active", "=", False)
        deal = Domain("lead_id.user_id", "=", False) | Domain("lead_id.user_id.active", "=", False)
        return nobody | deal

    @api.model
    def _now_end_of_day(self):
        """The end of the user's day, naive UTC."""
        zone = pytz.timezone(self.env.user.tz or "UTC")
        day = fields.Datetime.context_timestamp(self.with_context(tz=zone.zone), fields.Datetime.now()).date()
        end = datetime.combine(day + timedelta(days=1), time.min)
        return zone.localize(end).astimezone(pytz.utc).replace(tzinfo=None)

    # ------------------------------------------------------------------
    # RANKING
    # ------------------------------------------------------------------

    @api.model
    def _now_ranked(self, domain, limit, offset=0, order=None):
        """A page of tasks, those most in danger first, and what there is in all.

        :param order: SQL that comes before the rank.
        :return: dict with `rows` (what the rank depends on), `total`, `late`, `stake`.
        """
        self.env.cr.execute(
            SQL(
                """
                %s
                SELECT *, count(*) OVER () AS total, count(*) FILTER (WHERE is_late) OVER () AS late_total,
                       sum(revenue) OVER () AS revenue_total
                  FROM ranked
                 ORDER BY %s is_late DESC, at_risk DESC, date_deadline, id
                 LIMIT %s OFFSET %s
                """,
                self._now_sql_ranked(domain),
                SQL("%s,", order) if order else SQL(),
                limit,
                offset,
            )
        )
        rows = self.env.cr.dictfetchall()
        first = rows[0] if rows else {"total": 0, "late_total": 0, "revenue_total": 0}
        return {
            "rows": rows,
            "total": first["total"],
            "late": first["late_total"],
            "stake": float(first["revenue_total"] or 0),
        }

    @api.model
    def _now_sql_ranked(self, domain):
        """Common tables that end in `ranked`: `engine.priority` in SQL."""
        return SQL(
            """
            WITH fact AS MATERIALIZED (%(facts)s),
            priced AS (
                SELECT *, COALESCE(hours_late > 0, FALSE) AS is_late,
                       -- a deal whose value nobody knows yet counts as an average one
                       COALESCE(NULLIF(revenue, 0), avg(NULLIF(revenue, 0)) OVER (), 1)::float8 AS stake,
                       LEAST(%(most)s, CASE
                           WHEN COALESCE(hours_late, %(never)s) > 0 THEN 1 + hours_late / %(day)s
                           ELSE %(day)s / (%(day)s - COALESCE(hours_late, %(never)s))
                       END
                       + CASE WHEN opened_count > 0 THEN %(opened)s ELSE 0 END
                       + CASE WHEN waiting THEN %(waiting)s ELSE 0 END
                       + CASE WHEN letter THEN %(letter)s ELSE 0 END
                       + %(escalation)s * COALESCE(escalation_count, 0)
                       + COALESCE(%(ending)s * LEAST(GREATEST(1 - days_left / %(ending_days)s, 0), 1), 0)
                       )::float8 AS pressure
                  FROM fact
            ),
            ranked AS (SELECT *, stake * (1 - power(2, -pressure)) AS at_risk FROM priced)
            """,
            facts=self._now_sql_facts(domain),
            most=priority.MOST,
            never=priority.NO_DEADLINE,
            day=priority.DAY,
            opened=priority.OPENED,
            waiting=priority.WAITING,
            letter=priority.LETTER,
            escalation=priority.ESCALATION,
            ending=priority.ENDING,
            ending_days=float(priority.ENDING_DAYS),
        )

    @api.model
    def _now_sql_facts(self, domain):
        """For each task of the domain that the user may see, what its rank depends on."""
        return SQL(
            """
            SELECT task.id, task.user_id, task.date_open, task.date_deadline, task.escalation_count,
                   (EXTRACT(EPOCH FROM %(now)s::timestamp - task.date_deadline) / 3600)::float8 AS hours_late,
                   (lead.expected_revenue * %(rate)s)::float8 AS revenue,
                   lead.date_request IS NOT NULL AND lead.date_contact IS NULL AS waiting,
                   CASE WHEN paper.state IN ('draft', 'sent') THEN (
                       SELECT max(document.opened_count) FROM sales_document document
                        WHERE document.order_id = paper.id AND document.kind = 'proposal'
                   ) ELSE 0 END AS opened_count,
                   contract.id AS contract_id,
                   (contract.contract_date_end - %(today)s::date)::float8 AS days_left,
                   EXISTS (
                       SELECT FROM sales_process_message letter
                        WHERE letter.lead_id = task.lead_id AND letter.state = 'planned'
                          AND letter.until != 'never' AND letter.date_due <= %(evening)s
                   ) AS letter
              FROM sales_process_task task
              JOIN crm_lead lead ON lead.id = task.lead_id
              JOIN sales_process_case process_case ON process_case.id = task.case_id
              LEFT JOIN sale_order paper ON paper.id = process_case.order_id
              LEFT JOIN sale_order contract
                     ON contract.id = COALESCE(paper.renewal_of_id, paper.id)
                    AND contract.contract_state = 'running'
             WHERE task.id IN %(visible)s
            """,
            now=fields.Datetime.now(),
            today=fields.Date.context_today(self),
            evening=self._now_end_of_day(),
            rate=self._now_sql_rate(),
            visible=self._search(domain).subselect(),
        )

    @api.model
    def _now_sql_rate(self):
        """What one unit of a lead's currency, its company's, is worth in that of the user's company."""
        company = self.env.company
        rates = {
            other.id: other.currency_id._convert(1.0, company.currency_id, company, round=False)
            for other in self.env.companies
            if other.currency_id != company.currency_id
        }
        if not rates:
            return SQL("1")
        cases = SQL(" ").join(SQL("WHEN %s THEN %s", company_id, rate) for company_id, rate in rates.items())
        return SQL("(CASE lead.company_id %s ELSE 1 END)::float8", cases)

    @api.model
    def _now_reps(self, domain):
        """Who has how much to do, the most endangered first."""
        self.env.cr.execute(
            SQL(
                """
                %s
                SELECT user_id, count(*) AS total, count(*) FILTER (WHERE is_late) AS late,
                       COALESCE(sum(revenue), 0) AS stake
                  FROM ranked
                 GROUP BY user_id ORDER BY sum(at_risk) DESC LIMIT 50
                """,
                self._now_sql_ranked(domain),
            )
        )
        rows = self.env.cr.dictfetchall()
        users = self.env["res.users"].sudo().browse([row["user_id"] for row in rows if row["user_id"]])
        names = {user.id: user.name for user in users}
        return [{**row, "name": names.get(row["user_id"]) or self.env._("Nobody")} for row in rows]

    # ------------------------------------------------------------------
    # LETTERS
    # ------------------------------------------------------------------

    @api.model
    def _now_letters(self, scope):
        """Letters that go to customers today unless somebody holds them, and those that are held."""
        Message = self.env["sales.process.message"]
        going = (
            Domain("state", "=", "planned")
            & Domain("date_due", "<", self._now_end_of_day())
            & Domain("process_id.mail_paused", "=", False)
            & Domain("lead_id.process_mail_paused", "=", False)
            & Domain("case_id.state", "!=", "paused")
        )
        path = "lead_id." if scope == "mine" else "case_id."
        domain = (going | Domain("state", "=", "held")) & self._now_scope(scope, path)
        letters = Message.search(domain, order="date_due, id", limit=SIDE)
        return {
            "rows": [self._now_letter(letter) for letter in letters.sudo()],
            "total": Message.search_count(domain) if len(letters) == SIDE else len(letters),
        }

    @api.model
    def _now_letter(self, letter):
        return {
            "id": letter.id,
            "lead_id": letter.lead_id.id,
            "name": letter.template_id.name,
            "customer": letter.lead_id._process_customer_name(),
            "to": letter.email_to or "",
            "held": letter.state == "held",
            "when": format_time(self.env, letter.date_due, tz=self.env.user.tz or "UTC", time_format="short"),
            "why": letter.state_why or letter.why or "",
        }
