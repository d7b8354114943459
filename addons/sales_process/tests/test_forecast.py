import random
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta

from freezegun import freeze_time
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tests import new_test_user, tagged

from ..engine import forecast
from .contract_common import ContractCase
from .dynamics_common import DynamicsCase

NOW = "2026-09-15 12:00:00"
TODAY = date(2026, 9, 15)


def month_of(moment):
    return moment.date().replace(day=1)


class ForecastCase(DynamicsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.lead"].with_context(active_test=False).search([]).unlink()
        cls.env["sale.order"].search([("contract_state", "!=", "none")])._contract_set(
            {"contract_state": "none"}
        )
        cls.startClassPatcher(freeze_time(NOW))
        cls.Forecast = cls.env["sales.process.forecast"]

    def refresh(self):
        self.env.flush_all()
        self.env["sales.process.forecast.chance"]._cron_refresh()

    def decide(self, won, lost, days=10, end=datetime(2026, 8, 20, 12), **values):
        """Deals that stood in the first stage for some days, and were then won or lost."""
        leads = self.make_leads(won + lost, **values)
        stays = []
        for number, lead in enumerate(leads):
            status = "pending" if number < won else "lost"
            stay = {"lead_id": lead.id, "user_id": lead.user_id.id or None, "expected_revenue": 100}
            enter = end - timedelta(days=days)
            stays.append(
                {
                    **stay,
                    "stage_id": self.first.id,
                    "date_enter": enter,
                    "date_leave": end,
                    "won_status": status,
                }
            )
            if number < won:
                stays.append(
                    {
                        **stay,
                        "stage_id": self.won.id,
                        "date_enter": end,
                        "date_leave": None,
                        "won_status": "won",
                    }
                )
        self.env.flush_all()
        self.env["crm.lead.stage.history"]._replace(leads.ids, stays)
        leads[:won].write({"stage_id": self.won.id, "probability": 100})
        leads[won:].action_set_lost()
        self.env.flush_all()
        return leads

    def open(self, days=0, **values):
        """A deal that has stood in the first stage for some days."""
        lead = self.make_leads(**{"expected_revenue": 1000, **values})
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE crm_lead_stage_history SET date_enter = %s WHERE lead_id = %s",
            [datetime(2026, 9, 15, 8) - timedelta(days=days), lead.id],
        )
        return lead

    def row(self, lead, user=None):
        self.env.flush_all()
        return self.Forecast.with_user(user or self.env.user).search([("lead_id", "=", lead.id)])


@tagged("post_install", "-at_install", "sales_process_forecast")
class TestForecast(ForecastCase):
    def test_chance_of_the_team(self):
        self.decide(15, 5)
        self.decide(0, 60, team_id=self.other_team.id, stage_id=self.other_first.id)
        self.refresh()
        row = self.row(self.open())
        self.assertEqual((row.rate, row.expected, row.basis, row.amount), (0.75, 750, "team", 1000))
        self.assertEqual(row.stage_id, self.first)

    def test_chance_of_the_company(self):
        self.decide(10, 5)
        self.decide(0, 5, team_id=False, stage_id=self.first.id)
        self.refresh()
        row = self.row(self.open())
        self.assertEqual((row.rate, row.basis), (0.5, "company"))

    def test_not_the_probability_of_crm(self):
        self.decide(15, 5)
        self.refresh()
        self.assertEqual(self.row(self.open(probability=3)).expected, 750)

    def test_nothing_was_decided_yet(self):
        row = self.row(self.open())
        self.assertEqual((row.amount, row.expected, row.basis, row.date), (1000, 0, False, False))

    def test_what_is_no_business_does_not_count(self):
        spam = self.env["crm.lost.reason"].create({"name": "Spam", "process_not_sales": True})
        leads = self.decide(15, 25)
        leads[20:].lost_reason_id = spam
        self.refresh()
        self.assertEqual(self.row(self.open()).rate, 0.75)

    def test_landing(self):
        self.decide(20, 0, days=30)
        self.refresh()
        said = self.row(self.open(date_deadline="2026-12-24"))
        self.assertEqual((said.date, said.is_guess), (date(2026, 12, 24), False))
        for deadline in (False, "2026-09-14"):
            usual = self.row(self.open(days=5, date_deadline=deadline))
            self.assertEqual((usual.date, usual.is_guess), (date(2026, 10, 10), True))
        self.assertEqual(self.row(self.open(days=30)).date, TODAY)
        self.assertFalse(self.row(self.open(days=31)).date, "none was ever won so late")

    def test_as_the_engine_says(self):
        """Chance and day of every open deal, of random histories, and what the past would have said."""
        leads, histories = self.random_histories(400, seed=5)
        self._close(leads, histories)
        self.refresh()
        cases = self._cases(histories)
        # What was decided today is known now.
        table = forecast.chances(cases, TODAY + timedelta(days=1))
        checked = Counter()
        for lead, history in zip(leads, histories, strict=True):
            stage, enter, leave, status, _amount = history[-1]
            row = self.row(lead)
            if leave or status != "pending":
                self.assertFalse(row)
                continue
            age = max((TODAY - enter.date()).days, 0)
            chance = forecast.chance_of(table, None, self.team, stage, age)
            self.assertAlmostEqual(row.rate, chance.rate, 6)
            self.assertEqual(row.basis, chance.basis)
            landing = forecast.landing(TODAY, enter.date(), None, chance)
            self.assertEqual(row.date, landing or False)
            checked[bool(landing)] += 1
        self.assertGreater(min(checked[True], checked[False]), 2)

    def _close(self, leads, histories):
        """The leads themselves, in line with the last of their stays."""
        for lead, history in zip(leads, histories, strict=True):
            stage, _enter, leave, status, amount = history[-1]
            status = "lost" if leave and status == "pending" else status
            self.env.cr.execute(
                "UPDATE crm_lead SET stage_id = %s, won_status = %s, active = %s, expected_revenue = %s,"
                " company_id = NULL, date_deadline = NULL WHERE id = %s",
                [stage.id, status, status != "lost", amount, lead.id],
            )
        self.env.cr.execute("UPDATE crm_lead_stage_history SET company_id = NULL")
        self.env.invalidate_all()

    def _cases(self, histories):
        """What was decided, told from the histories alone."""
        cases = []
        for history in histories:
            for number, (stage, enter, _leave, status, _amount) in enumerate(history):
                ends = [(one[1], True) if one[3] == "won" else (one[2], False)
                        for one in history[number:] if one[3] in ("won", "lost")]  # fmt: skip
                if status != "won" and ends:
                    end, won = ends[0]
                    days = max((end.date() - enter.date()).days, 0)
                    cases.append(forecast.Case(None, self.team, stage, month_of(end), days, won))
        return cases

    def test_back_test(self):
        """Each past month: what was to be expected at its beginning, and what was won in it."""
        leads, histories = self.random_histories(400, seed=6)
        self._close(leads, histories)
        self.refresh()
        cases, then, true = self._cases(histories), defaultdict(float), defaultdict(float)
        months = [forecast.months_before(TODAY, back) for back in range(13)]
        for history in histories:
            for number, (stage, enter, leave, status, amount) in enumerate(history):
                first_win = status == "won" and (not number or history[number - 1][3] != "won")
                if first_win:
                    true[month_of(enter)] += amount
                for month in months:
                    if status == "won" or enter.date() >= month or (leave and leave.date() < month):
                        continue
                    table = forecast.chances(cases, month)
                    age = (month - enter.date()).days
                    chance = forecast.chance_of(table, None, self.team, stage, age)
                    landing = forecast.landing(month, enter.date(), None, chance)
                    if landing and landing.replace(day=1) == month:
                        then[month] += amount * chance.rate
        rows = self.Forecast._read_group(
            [("figure", "in", ("then", "true"))],
            ["date:month"], ["forecast_then:sum", "came_true:sum", "error:sum"],
        )  # fmt: skip
        self.assertEqual({row[0] for row in rows}, {*then, *true})
        self.assertGreater(len([month for month in then if then[month]]), 2)
        for month, found_then, found_true, error in rows:
            self.assertAlmostEqual(found_then, then[month], 1)
            self.assertAlmostEqual(found_true, true[month], 2)
            real = then[month] - true[month] if month < date(2026, 9, 1) else 0
            self.assertAlmostEqual(error, real, 1)

    def test_past_changes_with_an_import(self):
        """Whoever changes past days has the past counted anew."""
        cron = self.env.ref("sales_process.ir_cron_sales_process_forecast")
        Trigger = self.env["ir.cron.trigger"]
        self.roll_up()
        Trigger.search([("cron_id", "=", cron.id)]).unlink()
        self.env["sales.process.dynamics"]._make([date(2026, 9, 14), TODAY])
        self.assertFalse(Trigger.search([("cron_id", "=", cron.id)]))
        self.decide(1, 0, end=datetime(2026, 5, 5, 12))
        self.roll_up()
        self.assertTrue(Trigger.search([("cron_id", "=", cron.id)]))

    def test_opening_counts_once(self):
        self.decide(20, 0)
        Chance = self.env["sales.process.forecast.chance"]
        Chance.search([]).unlink()
        action = self.Forecast.with_user(self.rep).action_open()
        self.assertEqual(action["res_model"], "sales.process.forecast")
        self.assertTrue(Chance.search([]))
        with self.assertQueryCount(40):
            self.Forecast.with_user(self.rep).action_open()

    def test_rights(self):
        self.decide(15, 5)
        self.refresh()
        lead = self.open(company_id=self.env.company.id)
        other = new_test_user(self.env, "forecast-other", "sales_team.group_sale_salesman")
        leader = new_test_user(self.env, "forecast-leader", "sales_process.group_leader")
        abroad = self.env["res.company"].create({"name": "Abroad"})
        stranger = new_test_user(
            self.env, "forecast-stranger", "sales_process.group_leader",
            company_id=abroad.id, company_ids=abroad.ids,
        )  # fmt: skip
        self.assertTrue(self.row(lead, self.rep))
        self.assertTrue(self.row(lead, leader))
        self.assertFalse(self.row(lead, other))
        self.assertFalse(self.row(lead, stranger))
        past = [("figure", "=", "true")]
        self.assertTrue(self.Forecast.with_user(self.rep).search(past))
        self.assertFalse(self.Forecast.with_user(other).search(past))
        outsider = new_test_user(self.env, "forecast-outsider", "base.group_user")
        for model in (
            "sales.process.forecast",
            "sales.process.forecast.chance",
            "sales.process.forecast.past",
        ):
            with self.assertRaises(AccessError):
                self.env[model].with_user(outsider).search([])
        with self.assertRaises(AccessError):
            self.env["sales.process.forecast.past"].with_user(leader).search([])

    def test_currencies(self):
        """Each amount at the rate of its day: what stands now today's, what came true its own."""
        dollar, euro = self.env.ref("base.USD"), self.env.ref("base.EUR")
        (dollar | euro).active = True
        home, abroad = self.env["res.company"].create(
            [{"name": "Home", "currency_id": euro.id}, {"name": "Abroad", "currency_id": dollar.id}]
        )
        self.env["res.currency.rate"].search([]).unlink()
        self.env["res.currency.rate"].create(
            [
                {"currency_id": dollar.id, "name": day, "rate": rate, "company_id": company.id}
                for company in home + abroad
                for day, rate in (("2020-01-01", 2), ("2026-08-25", 4))
            ]
        )
        values = {"company_id": abroad.id, "team_id": False, "user_id": False, "stage_id": self.first.id}
        self.decide(20, 0, **values)
        self.refresh()
        lead = self.open(**values)
        Forecast = self.Forecast.with_context(allowed_company_ids=[home.id, abroad.id])
        self.env.flush_all()
        domain = [("company_id", "=", abroad.id)]
        self.assertEqual(Forecast.search([*domain, ("lead_id", "=", lead.id)]).expected, 250)
        true = Forecast.search([*domain, ("figure", "=", "true")])
        self.assertEqual((true.came_true, true.currency_id), (1000, euro))

    def test_months_are_those_of_the_rows(self):
        """What is added up first comes to what the rows do: for each reader and team, whatever the deals."""
        self.env.company.partner_id.tz = "America/New_York"
        self.decide(15, 5)
        self.decide(3, 30, team_id=self.other_team.id, stage_id=self.other_first.id)
        self.decide(20, 5, days=70)
        self.refresh()
        dice = random.Random(3)
        for _number in range(60):
            lead = self.open(
                days=dice.randrange(120) + dice.random(),
                expected_revenue=dice.choice([0, 10, 999.99]),
                user_id=dice.choice([self.rep.id, self.env.uid, False]),
                date_deadline=dice.choice([False, "2026-09-14", "2026-09-15", "2026-10-01", "2027-02-28"]),
            )
            if dice.random() < 0.2:
                lead.write({"team_id": self.other_team.id, "stage_id": self.other_first.id})
            elif dice.random() < 0.1:
                lead.action_set_lost()
        self.env.flush_all()
        for user in (self.sees_all, self.rep):
            for team in (None, self.team, self.other_team):
                domain = Domain("team_id", "=", team.id) if team else Domain.TRUE
                self.assertMonths(self.Forecast.with_user(user), domain)
        self.assertMonths(self.Forecast.with_user(self.sees_all), Domain("stage_id", "=", self.first.id))

    def assertMonths(self, Forecast, domain):
        rows = Forecast._read_group(domain, ["date:month", "figure"], ["value:sum"])
        told = {(month, figure): round(value, 2) for month, figure, value in rows if value}
        found = Forecast._read_months(domain, Domain.TRUE)
        self.assertTrue(told)
        self.assertEqual({key: round(value, 2) for key, value in found.items() if round(value, 2)}, told)

    def test_cost(self):
        """One statement a question, however many deals."""
        self.decide(20, 5)
        self.refresh()
        for _number in range(5):
            self.open()
        self.Forecast._read_group([], ["date:month"], ["value:sum"])
        self.env.flush_all()
        with self.assertQueryCount(1):
            self.Forecast._read_group([], ["date:month", "figure"], ["value:sum"])
        self.env["sales.process.forecast.chance"]._cron_refresh()
        few = self._statements()
        self.decide(40, 40)
        self.env.flush_all()
        self.assertEqual(self._statements(), few)

    def _statements(self):
        before = self.env.cr.sql_log_count
        self.env["sales.process.forecast.chance"]._cron_refresh()
        return self.env.cr.sql_log_count - before

    def test_row_opens_its_deal(self):
        lead = self.open()
        self.assertEqual(self.row(lead).action_open_record()["res_id"], lead.id)


@tagged("post_install", "-at_install", "sales_process_forecast")
class TestForecastOfRenewals(ContractCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["sale.order"].search([("contract_state", "!=", "none")])._contract_set(
            {"contract_state": "none"}
        )
        cls.startClassPatcher(freeze_time(NOW))

    def rows(self, *domain):
        self.env.flush_all()
        self.env["sales.process.forecast.chance"]._cron_refresh()
        return self.env["sales.process.forecast"].search([("is_renewal", "=", True), *domain])

    def test_due(self):
        ended = self._running(4, contract_date_start="2025-08-01", contract_term_months=12)
        ended[:3]._contract_set({"contract_state": "renewed"})
        ended[3]._contract_set({"contract_state": "expired"})
        due = self._running(contract_date_start="2025-11-01", contract_term_months=12)
        self._running(contract_open_ended=True, contract_term_months=0)
        row = self.rows(("figure", "=", "renewal"))
        self.assertEqual((row.order_id, row.date, row.rate), (due, date(2026, 10, 31), 0.75))
        self.assertEqual((row.amount, row.expected), (300, 225))

    def test_its_deal_does_not_count_beside_it(self):
        contract = self._running(contract_date_start="2025-11-01", contract_term_months=12)
        contract._contract_start_renewal()
        self.rows()
        found = self.env["sales.process.forecast"].search([("figure", "in", ("open", "renewal"))])
        self.assertIn(contract, found.order_id)
        self.assertNotIn(contract.renewal_lead_id, found.lead_id)
        contract._contract_set({"contract_state": "expired"})
        self.rows()
        found = self.env["sales.process.forecast"].search([("figure", "in", ("open", "renewal"))])
        self.assertIn(contract.renewal_lead_id, found.lead_id, "nobody else tells of it now")

    def test_months_tell_of_it_once(self):
        contract = self._running(contract_date_start="2025-11-01", contract_term_months=12)
        contract._contract_start_renewal()
        contract.renewal_lead_id.expected_revenue = 500
        self.rows()
        Forecast = self.env["sales.process.forecast"]
        for state in ("running", "expired"):
            contract._contract_set({"contract_state": state})
            self.env.flush_all()
            rows = Forecast._read_group([], ["date:month", "figure"], ["value:sum"])
            told = {(month, figure): round(value or 0, 2) for month, figure, value in rows}
            found = Forecast._read_months(Domain.TRUE, Domain.TRUE)
            self.assertEqual({key: round(value, 2) for key, value in found.items()}, told, state)

    def test_back_test(self):
        """Half were renewed before July; of three that ended in July one was, at a higher price."""
        before = self._running(2, contract_date_start="2025-06-01", contract_term_months=12)
        before[0]._contract_set({"contract_state": "renewed"})
        before[1]._contract_set({"contract_state": "expired"})
        july = self._running(
            3, contract_date_start="2025-08-01", contract_term_months=12, contract_uplift_percent=10
        )
        following = july[0]._contract_make_renewal()
        following._contract_set({"contract_number": "F-1", "contract_state": "running", "state": "sale"})
        july[0]._contract_set({"contract_state": "renewed"})
        july[1:]._contract_set({"contract_state": "expired"})
        rows = self.rows(("date", "=", "2026-07-01"))
        self.assertEqual(sum(rows.mapped("forecast_then")), 450)
        self.assertEqual(sum(rows.mapped("came_true")), 330)
        self.assertEqual(sum(rows.mapped("error")), 120)

    def test_rights(self):
        contract = self._running(contract_date_start="2025-11-01", contract_term_months=12)
        self.rows()
        for user, sees in (
            (self.rep, True), (self.leader, True), (self.other_rep, False), (self.foreigner, False),
        ):  # fmt: skip
            found = (
                self.env["sales.process.forecast"].with_user(user).search([("order_id", "=", contract.id)])
            )
            self.assertEqual(bool(found), sees, user.login)
