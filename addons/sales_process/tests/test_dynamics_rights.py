from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .dynamics_common import DynamicsCase, specs


@tagged("post_install", "-at_install", "sales_process_dynamics")
class TestDynamicsCurrency(DynamicsCase):
    def setUp(self):
        super().setUp()
        self.euro, self.dollar = self.env.ref("base.EUR"), self.env.ref("base.USD")
        (self.euro | self.dollar).active = True
        self.home, self.abroad = self.env["res.company"].create(
            [{"name": "Home", "currency_id": self.euro.id}, {"name": "Abroad", "currency_id": self.dollar.id}]
        )
        self.env["res.currency.rate"].search([]).unlink()
        self.rates = self.env["res.currency.rate"].create(
            [
                {"currency_id": self.dollar.id, "name": day, "rate": rate, "company_id": company.id}
                for company in (self.home, self.abroad)
                for day, rate in (("2026-03-01", 2), ("2026-03-10", 4))
            ]
        )

        self.values = {"team_id": False, "stage_id": self.first.id, "user_id": False}

    def amounts(self, company):
        self.roll_up()
        model = self.Dynamics.with_context(
            allowed_company_ids=[company.id, (self.home + self.abroad - company).id]
        )
        return model._read_group([], [], specs("amount_entered", "amount_won", "amount_closing"))[0]

    def test_rate_of_the_day(self):
        with self.at(0):  # two dollars a euro
            here = self.make_leads(company_id=self.home.id, expected_revenue=100, **self.values)
            there = self.make_leads(company_id=self.abroad.id, expected_revenue=100, **self.values)
        with self.at(24 * 10):  # four
            there.stage_id = self.won
            self.make_leads(company_id=self.abroad.id, expected_revenue=100, **self.values)
        self.assertEqual(self.amounts(self.home), (100 + 50 + 25, 25, 125))
        self.assertEqual(self.amounts(self.abroad), (200 + 100 + 100, 100, 300))
        self.assertEqual(here.won_status, "pending")

    def test_late_rate(self):
        with self.at(24 * 10):
            self.make_leads(
                company_id=self.abroad.id,
                expected_revenue=100,
                team_id=False,
                stage_id=self.first.id,
                user_id=False,
            )
        self.assertEqual(self.amounts(self.home)[0], 25)
        self.rates.filtered(lambda rate: rate.rate == 4).rate = 5
        self.assertEqual(self.amounts(self.home)[0], 20)


@tagged("post_install", "-at_install", "sales_process_dynamics")
class TestDynamicsRights(DynamicsCase):
    def setUp(self):
        super().setUp()
        self.other = new_test_user(self.env, "dynamics-other", "sales_team.group_sale_salesman")
        self.leader = new_test_user(self.env, "dynamics-leader", "sales_process.group_leader")
        with self.at(0):
            self.make_leads(2)
            self.make_leads(3, user_id=self.other.id)
            self.make_leads(4, user_id=False)

    def entered(self, user, domain=()):
        return self.figures(domain, names=("entered", "closing"), user=user)[()]["entered"]

    def test_own(self):
        self.assertEqual(self.entered(self.rep), 6)
        self.assertEqual(self.entered(self.other), 7)

    def test_all(self):
        self.assertEqual(self.entered(self.leader), 9)

    def test_team(self):
        """A filter on the teams one leads."""
        self.team.user_id = self.leader
        self.make_leads(1, team_id=self.other_team.id)
        self.assertEqual(self.entered(self.leader, [("team_id.user_id", "=", self.leader.id)]), 9)

    def test_companies(self):
        company = self.env["res.company"].create({"name": "Another"})
        with self.at(1):
            self.make_leads(5, company_id=company.id, team_id=False, stage_id=self.first.id, user_id=False)
        self.assertEqual(self.entered(self.leader), 9)
        self.assertEqual(self.entered(self.rep), 6)

    def test_outsiders(self):
        for groups in ("base.group_user", "base.group_portal", "base.group_public"):
            user = new_test_user(self.env, groups.replace(".", "-d-"), groups)
            for call in (
                lambda model: model._read_group([], [], specs("closing")),
                lambda model: model.action_open(),
            ):
                with self.assertRaises(AccessError):
                    call(self.Dynamics.with_user(user))

    def test_nobody_writes(self):
        manager = new_test_user(
            self.env, "dynamics-manager", "sales_team.group_sale_manager,base.group_system"
        )
        self.roll_up()
        rows = self.Dynamics.with_user(manager).search([])
        for call in (
            lambda: rows.write({"won": 9}),
            rows.unlink,
            lambda: rows.create({"date": "2026-01-01"}),
        ):
            with self.assertRaises(AccessError):
                call()

    def test_a_context_of_the_caller_changes_no_table(self):
        """Which table is read is decided here: the totals know no salesperson."""
        self.random_histories(5, seed=3)
        self.roll_up()
        forged = self.Dynamics.with_user(self.rep).with_context(dynamics_from_totals=True)
        self.assertEqual(forged.search([]), self.Dynamics.with_user(self.rep).search([]))

    def test_totals_and_days_are_hidden(self):
        for model in ("sales.process.dynamics.total", "sales.process.dynamics.day", "sales.process.left"):
            with self.assertRaises(AccessError):
                self.env[model].with_user(self.leader).search([])
