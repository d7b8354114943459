from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user, tagged

from ..engine import forecast
from .common import ProcessCase
from .contract_common import ContractCase

TILES = ("funnel", "dynamics", "forecast", "deadlines", "bottlenecks")


@tagged("post_install", "-at_install", "sales_process_dashboard")
class TestDashboard(ProcessCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Dashboard = cls.env["sales.process.dashboard"]

    def setUp(self):
        super().setUp()
        self.env["crm.lead"].with_context(active_test=False).search([]).unlink()
        self.lead, self.call = self._at_call()
        self.lead.sudo().write({"expected_revenue": 1000, "type": "opportunity"})
        self.now = fields.Datetime.now()
        self.call.sudo().write(
            {"date_open": self.now - timedelta(hours=5), "date_deadline": self.now - timedelta(hours=2)}
        )

    def tile(self, name, user=None, **kwargs):
        self.env.flush_all()
        while self.env["sales.process.dynamics.day"]._roll_up():
            pass
        return self.Dashboard.with_user(user or self.leader).process_dashboard_tile(name, **kwargs)

    def test_each_tile_is_of_the_team(self):
        other = self.env["crm.team"].create({"name": "Other"})
        for team, count in ((self.team, 1), (other, 0)):
            stages = self.tile("funnel", team_id=team.id)["stages"]
            self.assertEqual(sum(stage["count"] for stage in stages), count)
            self.assertEqual(bool(self.tile("dynamics", team_id=team.id)["total"]["entered"]), bool(count))
            self.assertEqual(self.tile("deadlines", team_id=team.id)["late_now"], count)
            self.assertEqual(len(self.tile("bottlenecks", team_id=team.id)["steps"]), count)

    def test_deadlines(self):
        figures = self.tile("deadlines")
        self.assertEqual((figures["deadline_missed"], figures["open_now"], figures["late_now"]), (1, 1, 1))
        self.assertEqual(
            figures["load"], [{"user_id": self.rep.id, "name": self.rep.name, "open": 1, "late": 1}]
        )

    def test_bottlenecks(self):
        [step] = self.tile("bottlenecks")["steps"]
        self.assertEqual((step["name"], step["cases"], step["amount"]), (self.call.step_id.name, 1, 1000))
        self.assertAlmostEqual(step["hours_late"], 2, 1)

    def test_dynamics(self):
        self.lead.sudo().action_set_won()
        figures = self.tile("dynamics", days=30)
        self.assertEqual((figures["total"]["won"], figures["total"]["amount_won"]), (1, 1000))
        self.assertEqual(sum(bucket["won"] for bucket in figures["buckets"]), 1)
        self.assertEqual(figures["before"]["won"], 0)

    def test_forecast(self):
        self.lead.sudo().date_deadline = fields.Date.add(fields.Date.context_today(self.lead), days=1)
        self.env.flush_all()
        Chance = self.env["sales.process.forecast.chance"]
        Chance._cron_refresh()
        Chance._insert(None, {(self.lead.sudo().company_id.id, None, self.lead.stage_id.id): self._half()})
        figures = self.tile("forecast")
        self.assertEqual(len(figures["months"]), 10)
        self.assertEqual(sum(month["open"] for month in figures["months"]), 500)
        self.assertIsNone(figures["error"])
        self.assertEqual([month["is_over"] for month in figures["months"]], [True] * 6 + [False] * 4)

    def _half(self):
        """One of two was won."""
        return [forecast.Chance(0, None, 1, 2, 30, 400, "ever")]

    def test_rights(self):
        """A rep sees their own figures, a colleague none of them; who does not sell sees nothing."""
        self.assertEqual(self.tile("deadlines", self.rep)["late_now"], 1)
        self.assertEqual(self.tile("deadlines", self.colleague)["late_now"], 0)
        self.assertFalse(self.tile("bottlenecks", self.colleague)["steps"])
        self.assertFalse(self.tile("dynamics", self.colleague)["total"]["entered"])
        stages = self.tile("funnel", self.colleague)["stages"]
        self.assertFalse(sum(stage["count"] for stage in stages))
        abroad = self.env["res.company"].create({"name": "Abroad"})
        stranger = new_test_user(
            self.env, "dashboard-stranger", "sales_process.group_leader",
            company_id=abroad.id, company_ids=abroad.ids,
        )  # fmt: skip
        self.lead.sudo().company_id = self.company
        self.assertFalse(self.tile("bottlenecks", stranger)["steps"])
        outsider = new_test_user(self.env, "dashboard-outsider", "base.group_user")
        for name in TILES:
            with self.assertRaises(AccessError):
                self.tile(name, outsider)
        with self.assertRaises(AccessError):
            self.Dashboard.with_user(outsider).process_dashboard()

    def test_teams_are_for_leaders(self):
        teams = self.Dashboard.with_user(self.leader).process_dashboard()["teams"]
        self.assertIn(self.team.id, [team["id"] for team in teams])
        self.assertFalse(self.Dashboard.with_user(self.rep).process_dashboard()["teams"])

    def test_what_is_not_there(self):
        with self.assertRaises(UserError):
            self.tile("weather")
        with self.assertRaises(UserError):
            self.tile("funnel", days=31)

    def test_cost(self):
        """At most five statements a tile, whatever it shows."""
        for name in TILES:
            self.tile(name)
            with self.subTest(tile=name), self.assertQueryCount(5):
                self.Dashboard.with_user(self.leader).process_dashboard_tile(name)


@tagged("post_install", "-at_install", "sales_process_dashboard")
class TestDashboardOnScreen(HttpCase):
    def test_tour(self):
        """The tiles fill by themselves; period and team are chosen; a title opens the full report."""
        lead = self.env["crm.lead"].create(
            {"name": "Deal", "type": "opportunity", "expected_revenue": 100,
             "user_id": self.env.ref("base.user_admin").id}
        )  # fmt: skip
        lead.date_last_stage_update = fields.Datetime.now() - timedelta(days=12)
        self.start_tour("/odoo/sales-dashboard", "sales_process_dashboard", login="admin")


@tagged("post_install", "-at_install", "sales_process_dashboard")
class TestDigest(ContractCase):
    def setUp(self):
        super().setUp()
        self.digest = self.env["digest.digest"].create(
            {"name": "Sales", "kpi_process_won": True, "kpi_process_late": True, "kpi_process_renewals": True}
        )
        self.now = fields.Datetime.now()

    def values(self, user=None):
        digest = self.digest.with_user(user or self.leader).with_context(
            start_datetime=self.now - timedelta(days=7), end_datetime=self.now + timedelta(minutes=1)
        )
        digest.invalidate_recordset()
        return (
            digest.kpi_process_won_value,
            digest.kpi_process_late_value,
            digest.kpi_process_renewals_value,
        )

    def test_figures(self):
        before = self.values()
        today = fields.Date.today()
        contract = self._running(
            contract_date_start=today - timedelta(days=300), contract_term_months=0,
            contract_date_end=today + timedelta(days=58), contract_renewal_lead_days=60,
        )  # fmt: skip
        self.assertEqual(contract.contract_renewal_due, today - timedelta(days=2))
        lead = contract.opportunity_id
        lead.write({"expected_revenue": 700, "company_id": self.env.company.id})
        lead.action_set_won()
        self.env.flush_all()
        after = self.values()
        self.assertEqual(
            [new - old for new, old in zip(after, before, strict=True)], [700, 0, 1], (before, after)
        )

    def test_only_for_those_who_sell(self):
        outsider = new_test_user(self.env, "digest-outsider", "base.group_user")
        with self.assertRaises(AccessError):
            self.values(outsider)

    def test_each_figure_opens_something(self):
        actions = self.digest._compute_kpis_actions(self.env.company, self.leader)
        for name in ("won", "late", "renewals"):
            xmlid = actions[f"kpi_process_{name}"].partition("?")[0]
            self.assertTrue(self.env.ref(xmlid))
