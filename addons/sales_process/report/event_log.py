"""The log of a process for other tools: what happened in each deal, as CSV and as XES (IEEE 1849)."""

import csv
import io
import re
from datetime import UTC
from xml.sax.saxutils import quoteattr

from odoo.fields import Domain
from odoo.tools import SQL

CHUNK = 500
RISKY = ("=", "+", "-", "@", "\t", "\r")
LIFECYCLE = {"opened": "start", "done": "complete", "passed": "autoskip", "cancelled": "withdraw"}
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
EXTENSIONS = (
    ("Concept", "concept"), ("Lifecycle", "lifecycle"), ("Organizational", "org"), ("Time", "time"),
)  # fmt: skip
CASE_COLUMNS = ("case_id", "lead_id", "process", "version", "team", "result", "amount", "currency")
COLUMNS = (*CASE_COLUMNS, "activity", "step", "lifecycle", "outcome", "timestamp", "resource")


class EventLog:
    """Writes the log of some cases, a few of them in memory at a time.

    A visit of a step is a `start` and a `complete` (`withdraw`: cut off), one gone through without being
    opened an `autoskip`. Customers' names are left out: such a log is made to be given to other tools.

    :param model: `sales.process`, in whose rights and language it is written.
    :param domain: of cases.
    """

    def __init__(self, model, domain):
        self.model, self.env, self.domain = model, model.env, domain
        processes = model.sudo().with_context(active_test=False).search([])
        self.steps = {step.id: step for step in processes.step_ids}
        self.outcomes = {
            (outcome.step_id.id, outcome.code): outcome.name for outcome in processes.step_ids.outcome_ids
        }
        self.users = {}

    def write_csv(self, file):
        """Write a row for each event to a binary file: UTF-8 with a mark, for spreadsheets."""
        text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
        rows = csv.writer(text)
        rows.writerow(COLUMNS)
        for case, events in self._cases():
            rows.writerows(
                [self._cell(value) for value in (*case.values(), *self._event(event).values())]
                for event in events
            )
        text.detach()

    def write_xes(self, file):
        """Write a trace for each case to a binary file."""
        self._put(file, '<?xml version="1.0" encoding="UTF-8"?>')
        self._put(file, '<log xes.version="1849.2016" xes.features="" xmlns="http://www.xes-standard.org/">')
        for name, prefix in EXTENSIONS:
            uri = f"http://www.xes-standard.org/{prefix}.xesext"
            self._put(file, f'<extension name="{name}" prefix="{prefix}" uri="{uri}"/>')
        self._put(file, '<global scope="trace"><string key="concept:name" value=""/></global>')
        self._put(
            file,
            '<global scope="event"><string key="concept:name" value=""/>'
            '<string key="lifecycle:transition" value="complete"/>'
            '<date key="time:timestamp" value="1970-01-01T00:00:00.000+00:00"/></global>',
        )
        self._put(file, '<classifier name="Activity" keys="concept:name"/>')
        self._put(file, '<classifier name="ActivityAndTransition" keys="concept:name lifecycle:transition"/>')
        self._put(file, '<string key="lifecycle:model" value="standard"/>')
        for case, events in self._cases():
            self._put(file, self._trace(case, events))
        self._put(file, "</log>")

    # Reading

    def _cases(self):
        """(what is known of a case, its events) in the order of the cases."""
        after = 0
        while True:
            query = self.model._ways_query(self.domain & Domain("id", ">", after))
            rows = self.env.execute_query_dict(self._sql_cases(query))
            events = self._events([row["case_id"] for row in rows])
            for row in rows:
                yield row, events.get(row["case_id"], ())
            if len(rows) < CHUNK:
                return
            after = rows[-1]["case_id"]

    @staticmethod
    def _sql_cases(query):
        return SQL(
            """
            SELECT cases.id AS case_id, cases.lead_id, process.code AS process, process.version,
                   COALESCE(team.name ->> 'en_US', '') AS team, cases.state AS result,
                   COALESCE(lead.expected_revenue, 0)::float AS amount,
                   COALESCE(currency.name, '') AS currency
              FROM sales_process_case cases
              JOIN sales_process process ON process.id = cases.process_id
              JOIN crm_lead lead ON lead.id = cases.lead_id
              LEFT JOIN crm_team team ON team.id = cases.team_id
              LEFT JOIN res_company company ON company.id = lead.company_id
              LEFT JOIN res_currency currency ON currency.id = company.currency_id
             WHERE cases.id IN %s
             ORDER BY cases.id
             LIMIT %s
            """,
            query.subselect(),
            CHUNK,
        )

    def _events(self, case_ids):
        """{case: its events in the order they happened}"""
        if not case_ids:
            return {}
        found = {}
        for row in self.env.execute_query_dict(
            SQL(
                "SELECT case_id, step_id, kind, date, user_id, text FROM sales_process_event"
                " WHERE case_id IN %s AND kind IN %s AND step_id IS NOT NULL ORDER BY case_id, id",
                tuple(case_ids),
                tuple(LIFECYCLE),
            )
        ):
            found.setdefault(row["case_id"], []).append(row)
        return found

    def _event(self, row):
        """One event in words, by column."""
        step = self.steps[row["step_id"]]
        done = row["kind"] in ("done", "passed")
        return {
            "activity": step.name,
            "step": step.code,
            "lifecycle": LIFECYCLE[row["kind"]],
            "outcome": self.outcomes.get((step.id, row["text"]), row["text"] or "") if done else "",
            "timestamp": row["date"].replace(tzinfo=UTC).isoformat(timespec="milliseconds"),
            "resource": self._user(row["user_id"]),
        }

    def _user(self, user_id):
        if user_id and user_id not in self.users:
            self.users[user_id] = self.env["res.users"].sudo().browse(user_id).exists().name or ""
        return self.users.get(user_id, "")

    # Writing

    @staticmethod
    def _put(file, text):
        file.write(text.encode() + b"\n")

    def _trace(self, case, events):
        known = [
            self._xes("string", "concept:name", case["case_id"]),
            self._xes("int", "lead_id", case["lead_id"]),
            self._xes("int", "version", case["version"]),
            self._xes("float", "amount", case["amount"]),
            *(self._xes("string", key, case[key]) for key in ("process", "team", "result", "currency")),
        ]
        return "\n".join(
            ["<trace>", *known, *(self._xes_event(self._event(row)) for row in events), "</trace>"]
        )

    def _xes_event(self, event):
        parts = [
            self._xes("string", "concept:name", event["activity"]),
            self._xes("string", "lifecycle:transition", event["lifecycle"]),
            self._xes("date", "time:timestamp", event["timestamp"]),
            self._xes("string", "step", event["step"]),
        ]
        for key, name in (("org:resource", "resource"), ("outcome", "outcome")):
            if event[name]:
                parts.append(self._xes("string", key, event[name]))
        return f"<event>{''.join(parts)}</event>"

    @staticmethod
    def _xes(kind, key, value):
        return f"<{kind} key={quoteattr(key)} value={quoteattr(NOT_XML.sub('', str(value)))}/>"

    @staticmethod
    def _cell(value):
        """Text stays text, also where a spreadsheet would take it for a formula."""
        return f"'{value}" if isinstance(value, str) and value.startswith(RISKY) else value
