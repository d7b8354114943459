import csv
import io
import json
from datetime import datetime, timedelta

from lxml import etree
from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import SQL

from ..engine.definition import REFUSED
from ..report import event_log
from ..report.event_log import EventLog
from .common import ProcessCase

XES = "{http://www.xes-standard.org/}"


class WaysCase(ProcessCase):
    """Four deals: two of the rep and one of the colleague lost after some calls, one at work."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.lead"].search([]).unlink()
        deals = [("Once", 100, cls.rep), ("Twice", 200, cls.rep), ("Thrice", 400, cls.colleague)]
        cls.leads = cls._deals_at_call([*deals, ("At work", 800, cls.rep)], partner_name="=Buyer")
        cls.reason = cls.env["crm.lost.reason"].create({"name": "Too dear"})
        for calls, lead in enumerate(cls.leads[:3]):
            for _try in range(calls):
                cls.open_task(lead).with_user(lead.user_id).complete("not_reached")
            cls.open_task(lead).with_user(lead.user_id).complete("reached")
            lead.process_refuse(cls.reason.id)

    @classmethod
    def open_task(cls, lead):
        return lead.process_open_task_ids.filtered(lambda task: task.step_id.code == "call_customer")

    def ways(self, user=None, **filters):
        return self.process.with_user(user or self.leader).process_ways("new_business", filters)

    def told(self, way):
        """A way as one reads it."""
        words = [("~" if hop["skipped"] else "") + hop["code"] for hop in way["hops"]]
        for begin, length in way["loops"]:
            words[begin] = f"({words[begin]}"
            words[begin + length - 1] += ")"
        return " ".join(words)

    def opened(self, way, user=None, **filters):
        model = self.process.with_user(user or self.leader)
        action = model.action_ways_open(way["key"], filters)
        return model.env["crm.lead"].with_context(**action["context"]).search(action["domain"])


@tagged("post_install", "-at_install", "sales_process_ways")
class TestWays(WaysCase):
    def test_ways(self):
        ways = self.ways()
        self.assertEqual(
            [(self.told(way), way["count"]) for way in ways["ways"]],
            [
                ("~complete_lead (call_customer) contact_result", 2),
                ("~complete_lead call_customer contact_result", 1),
            ],
        )
        often = ways["ways"][0]
        self.assertEqual((often["amount"], often["win_rate"], often["share"]), (600, 0, 2 / 3))
        self.assertEqual((ways["total"]["count"], ways["total"]["ways"]), (3, 2))
        self.assertEqual(often["hops"][1]["name"], "Call the customer")

    def test_outcomes(self):
        told = {self.told(way): way for way in self.ways(outcomes=True)["ways"]}
        self.assertEqual(len(told), 3)
        twice = told["~complete_lead call_customer call_customer contact_result"]
        self.assertEqual([hop["outcome"] for hop in twice["hops"][1:3]], ["Not reached", "Reached"])

    def test_automatic_steps(self):
        [often, _once] = self.ways(automatic=True)["ways"]
        self.assertEqual(
            self.told(often), "~complete_lead welcome_mail notify_team (call_customer) contact_result"
        )

    def test_results(self):
        self.assertEqual(self.ways(result="won")["ways"], [])
        self.assertEqual(self.ways(result="open")["total"]["count"], 1)
        self.assertEqual(self.ways(result="all")["total"]["count"], 4)
        self.leads[3].action_set_won()
        won = self.ways(result="won")["ways"][0]
        self.assertEqual((won["win_rate"], won["amount"]), (1, 800))

    def test_win_rate_and_median(self):
        self.leads[3].action_set_won()
        cases = self.leads.process_case_ids.sorted("id").sudo()
        for case, hours in zip(cases, (10, 20, 60, 90), strict=True):
            case.date_start = case.date_end - timedelta(hours=hours)
        total = self.ways()["total"]
        self.assertEqual((total["won"], total["lost"], total["win_rate"]), (1, 3, 0.25))
        self.assertAlmostEqual(total["hours"], 40, 1)

    def test_spam_counts_in_no_rate(self):
        self.leads[3].action_set_won()
        self.reason.process_not_sales = True
        total = self.ways()["total"]
        self.assertEqual((total["count"], total["win_rate"]), (4, 1))

    def test_click_opens_what_is_counted(self):
        for filters in ({}, {"outcomes": True}, {"automatic": True, "result": "all"}, {"result": "open"}):
            ways = self.ways(**filters)["ways"]
            self.assertTrue(ways)
            seen = self.env["crm.lead"]
            for way in ways:
                leads = self.opened(way, **filters)
                self.assertEqual(len(leads), way["count"])
                self.assertFalse(leads & seen)
                seen |= leads

    def test_filters(self):
        today = fields.Date.to_string(
            fields.Datetime.context_timestamp(self.leader, fields.Datetime.now()).date()
        )
        self.assertEqual(self.ways(date_from=today)["total"]["count"], 3)
        self.leads[0].process_case_ids.sudo().date_start -= timedelta(days=40)
        self.assertEqual(self.ways(date_from=today)["total"]["count"], 2)
        self.assertEqual(self.ways(date_to="2001-01-01")["total"]["count"], 0)
        self.leads[1].team_id = self.plain_team
        self.assertEqual(self.ways(team_id=self.team.id)["total"]["count"], 2)
        self.assertEqual(self.ways(version_id=self.process.id)["total"]["count"], 3)
        self.assertEqual(self.ways(version_id=self.renewal.id)["total"]["count"], 0)

    def test_bad_filters(self):
        for filters in ({"result": "draw"}, {"date_from": "soon"}, {"team_id": "1"}, {"colour": 1}):
            with self.subTest(filters), self.assertRaises(UserError):
                self.ways(**filters)
        for key in ("", "x", "new_business:00:", "new_business:77:abc", None):
            with self.subTest(key), self.assertRaises(UserError):
                self.process.action_ways_open(key)

    def test_versions_together(self):
        """Steps with the same code are the same step, whatever the version."""
        draft = self.process.sudo().browse(self.process.sudo().action_new_version()["res_id"])
        draft.action_activate()
        self.leads[3].copy({"name": "On the new one"}).with_user(
            self.env.ref("base.user_root")
        ).process_run_queued()
        ways = self.ways(result="open")["ways"]
        self.assertEqual([way["count"] for way in ways], [2])
        self.assertEqual(len(self.opened(ways[0], result="open")), 2)

    def test_kept_ways_are_those_of_the_tasks(self):
        """What an ended case keeps is what its tasks tell; also when one of them is set right later."""
        ended = self.leads[:3].process_case_ids.sudo()
        self.assertTrue(all(ended.mapped("way_text")))
        self.assertFalse(self.leads[3].process_case_ids.sudo().way_text)
        ended[0].task_ids[:1].outcome_code = "other"
        ended[1].task_ids[-1:].write({"outcome_id": False, "outcome_code": REFUSED})
        ended[2].task_ids[:1].is_passed = not ended[2].task_ids[:1].is_passed
        self.env.flush_all()
        kept = {case.id: case.way_text for case in ended}
        self.env.cr.execute(
            "UPDATE sales_process_case SET way_text = NULL, state = 'running' WHERE id = ANY(%s)", [ended.ids]
        )
        query = self.env["sales.process.case"].sudo()._search([("id", "in", ended.ids)])
        self.env.cr.execute(SQL("SELECT id, hops FROM (%s) walked", self.process._sql_walked(query)))
        self.assertEqual(dict(self.env.cr.fetchall()), kept)

    def test_constant_cost(self):
        self._statements(lambda: self.ways(result="all"))  # what is read once a process
        few = self._statements(lambda: self.ways(result="all"))
        self.leads.copy().with_user(self.env.ref("base.user_root")).process_run_queued()
        self._statements(lambda: self.ways(result="all"))
        self.assertEqual(self._statements(lambda: self.ways(result="all")), few)

    def test_rate_of_the_day(self):
        """What has ended counts at the rate of the day it ended."""
        both = self._abroad(self.leads[0], {"2020-01-01": 0.5, "2026-03-10": 0.25})
        self.env.cr.execute(
            "UPDATE sales_process_case SET date_start = '2026-03-01', date_end = '2026-03-05'"
            " WHERE lead_id = %s",
            [self.leads[0].id],
        )
        self.env.invalidate_all()
        total = both.process_ways("new_business")["total"]
        self.assertEqual((total["count"], total["amount"]), (3, 100 * 0.5 + 200 + 400))

    def _abroad(self, lead, rates):
        """Put a deal into a company of another currency; the process as a leader of both reads it.

        :param rates: by day, those of the first company's currency in the other one.
        """
        currencies = self.env.ref("base.EUR") | self.env.ref("base.USD")
        currencies.active = True
        other = (currencies - self.company.currency_id)[:1]
        abroad = self.env["res.company"].create({"name": "Abroad", "currency_id": other.id})
        self.env["res.currency.rate"].search([]).unlink()
        self.env["res.currency.rate"].create(
            [
                {
                    "currency_id": self.company.currency_id.id, "company_id": abroad.id,
                    "name": day, "rate": rate,
                }
                for day, rate in rates.items()
            ]
        )  # fmt: skip
        self.leader.company_ids |= abroad
        self.env.flush_all()
        for table, column in (("crm_lead", "id"), ("sales_process_case", "lead_id")):
            self.env.cr.execute(
                SQL(
                    "UPDATE %s SET company_id = %s WHERE %s = %s",
                    SQL.identifier(table), abroad.id, SQL.identifier(column), lead.id,
                )
            )  # fmt: skip
        self.env.invalidate_all()
        companies = [self.company.id, abroad.id]
        return self.process.with_user(self.leader).with_context(allowed_company_ids=companies)

    def test_rights(self):
        self.assertEqual(self.ways(self.rep)["total"]["count"], 2)
        self.assertEqual(self.ways(self.colleague)["total"]["count"], 1)
        often = self.ways()["ways"][0]
        self.assertEqual(self.opened(often, self.rep), self.leads[1])
        self.assertEqual(self.opened(often, self.colleague), self.leads[2])
        abroad = self.env["res.company"].create({"name": "Abroad"})
        stranger = new_test_user(
            self.env, "ways-stranger", "sales_process.group_leader",
            company_id=abroad.id, company_ids=abroad.ids,
        )  # fmt: skip
        self.leads.company_id = self.company
        self.assertEqual(self.ways(stranger, result="all")["total"]["count"], 0)
        self.assertFalse(self.opened(often, stranger))
        with self.assertRaises(AccessError):
            self.ways(new_test_user(self.env, "ways-outsider", "base.group_user"))


@tagged("post_install", "-at_install", "sales_process_ways")
class TestEventLog(WaysCase):
    def log(self, kind, user=None, **filters):
        model = self.process.with_user(user or self.leader)
        domain = model._ways_domain(model._ways_versions("new_business"), model._ways_filters(filters))
        file = io.BytesIO()
        getattr(EventLog(model, domain), f"write_{kind}")(file)
        return file.getvalue()

    def rows(self, **options):
        return list(csv.DictReader(io.StringIO(self.log("csv", **options).decode("utf-8-sig"))))

    def test_csv(self):
        rows = self.rows(result="all")
        self.assertEqual({int(row["lead_id"]) for row in rows}, set(self.leads.ids))
        calls = [
            row for row in rows if row["step"] == "call_customer" and row["lead_id"] == str(self.leads[1].id)
        ]
        self.assertEqual([row["lifecycle"] for row in calls], ["start", "complete"] * 2)
        self.assertEqual([row["outcome"] for row in calls], ["", "Not reached", "", "Reached"])
        self.assertEqual(calls[1]["resource"], "Rita Rep")
        self.assertEqual((calls[0]["result"], calls[0]["amount"]), ("lost", "200.0"))
        self.assertIn("+00:00", calls[0]["timestamp"])

    def test_the_log_and_the_ways_tell_the_same(self):
        """Put together from the log by other code, as many deals called twice or more."""
        calls = {}
        for row in self.rows():
            if (row["step"], row["lifecycle"]) == ("call_customer", "complete"):
                calls[row["case_id"]] = calls.get(row["case_id"], 0) + 1
        repeated = [way["count"] for way in self.ways()["ways"] if way["loops"]]
        self.assertEqual(sum(repeated), sum(count > 1 for count in calls.values()))

    def test_xes(self):
        log = etree.fromstring(self.log("xes", result="all"))
        self.assertEqual(log.tag, f"{XES}log")
        order = [child.tag.removeprefix(XES) for child in log]
        self.assertEqual(
            order, sorted(order, key=["extension", "global", "classifier", "string", "trace"].index)
        )
        self.assertEqual(float(log.get("xes.version")), 1849.2016)  # a decimal, says the schema
        for named in log.findall(f"{XES}classifier"):
            self.assertRegex(named.get("name"), r"^\w+$")
        parsed = {"int": int, "float": float, "string": str, "date": datetime.fromisoformat}
        for valued in log.iter(*(f"{XES}{kind}" for kind in parsed)):
            self.assertRegex(valued.get("key"), r"^[a-z_]+(:[a-z]+)?$")
            parsed[valued.tag.removeprefix(XES)](valued.get("value"))
        traces = log.findall(f"{XES}trace")
        self.assertEqual(len(traces), 4)
        for event in log.iter(f"{XES}event"):
            values = {child.get("key"): child.get("value") for child in event}
            self.assertLessEqual(
                {"concept:name", "lifecycle:transition", "time:timestamp", "step"}, set(values)
            )
            self.assertIn(values["lifecycle:transition"], ("start", "complete", "autoskip", "withdraw"))
            self.assertRegex(values["time:timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$")
        self.assertEqual(len(list(log.iter(f"{XES}event"))), len(self.rows(result="all")))

    def test_hostile_names(self):
        """What would be a formula, or no XML, does no harm."""
        self.rep.name = "=HYPERLINK(1)\x07<&\"'>"
        self.assertIn("'=HYPERLINK(1)\x07<&\"'>", {row["resource"] for row in self.rows()})
        resources = {
            node.get("value")
            for node in etree.fromstring(self.log("xes")).iter()
            if node.get("key") == "org:resource"
        }
        self.assertIn("=HYPERLINK(1)<&\"'>", resources)

    def test_no_customer(self):
        for kind in ("csv", "xes"):
            text = self.log(kind, result="all").decode()
            for private in ("Buyer", "Ann", "ann@buyer", "1234567", "At work"):
                self.assertNotIn(private, text)

    def test_in_pieces(self):
        """However many cases there are, some at a time, none twice and none left out."""
        whole = self.log("xes", result="all")
        self.patch(event_log, "CHUNK", 2)
        self.assertEqual(self.log("xes", result="all"), whole)

    def test_rights(self):
        self.assertEqual({row["lead_id"] for row in self.rows(user=self.colleague)}, {str(self.leads[2].id)})
        self.assertEqual(len({row["lead_id"] for row in self.rows(user=self.rep)}), 2)

    def test_companies_apart(self):
        abroad = self.env["res.company"].create({"name": "Abroad"})
        stranger = new_test_user(
            self.env, "log-stranger", "sales_process.group_leader",
            company_id=abroad.id, company_ids=abroad.ids,
        )  # fmt: skip
        self.leads.company_id = self.company
        self.assertEqual(self.rows(user=stranger, result="all"), [])


@tagged("post_install", "-at_install", "sales_process_ways")
class TestEventLogRoute(HttpCase):
    def get(self, kind="csv", code="new_business", filters=None):
        text = filters if isinstance(filters, str) else json.dumps(filters or {})
        return self.url_open(f"/sales_process/events.{kind}?code={code}&filters={text}")

    def test_route(self):
        self.authenticate("admin", "admin")
        response = self.get()
        self.assertEqual(response.status_code, 200)
        self.assertTrue(response.text.lstrip("\ufeff").startswith("case_id,"))
        self.assertIn("new_business-", response.headers["Content-Disposition"])
        log = etree.fromstring(self.get("xes").content)
        self.assertEqual(log.tag, f"{XES}log")

    def test_bad_requests(self):
        self.authenticate("admin", "admin")
        self.assertEqual(self.get("exe").status_code, 400)
        self.assertEqual(self.get(filters="[]").status_code, 400)
        self.assertEqual(self.get(filters="{").status_code, 400)

    def test_companies_that_are_not_the_readers(self):
        abroad = self.env["res.company"].create({"name": "Abroad"})
        self.authenticate("admin", "admin")
        route = "/sales_process/events.csv?code=new_business&company_ids="
        self.assertEqual(self.url_open(f"{route}{abroad.id}").status_code, 403)
        self.assertEqual(self.url_open(f"{route}{self.env.company.id}").status_code, 200)

    def test_rights(self):
        user = new_test_user(self.env, "log-outsider", "base.group_user")
        self.authenticate("log-outsider", "log-outsider")
        self.assertEqual(self.get().status_code, 403)
        export = self.env.ref("base.group_allow_export")
        user.group_ids |= self.env.ref("sales_team.group_sale_salesman") | export
        self.assertEqual(self.get().status_code, 200)
        user.group_ids -= export
        self.assertEqual(self.get().status_code, 403)


@tagged("post_install", "-at_install", "sales_process_ways")
class TestWaysScreen(WaysCase, HttpCase):
    def test_tour(self):
        """Repetitions and skipped steps are seen; filters; a click opens the deals, and back again."""
        self.start_tour("/odoo/deal-ways", "sales_process_ways", login=self.leader.login)

    def test_nothing_has_ended(self):
        """The page opens with the deals at work where none has ended yet."""
        self.leads[:3].unlink()
        self.start_tour("/odoo/deal-ways", "sales_process_ways_at_work", login=self.leader.login)
