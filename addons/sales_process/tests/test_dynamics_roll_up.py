import random
from collections import Counter
from datetime import date

from odoo.tests import tagged

from .dynamics_common import MOVES, STOCK, DynamicsCase, rounded, specs


@tagged("post_install", "-at_install", "sales_process_dynamics")
class TestDynamicsRollUp(DynamicsCase):
    """The roll-up follows the stays, step by step, and is what a rebuild would make of them."""

    def rows(self):
        self.env.cr.execute(
            "SELECT date, stage_id, user_id, team_id, company_id, source_id, country_id, process_id,"
            " currency_id, entered, moved_on, moved_back, won, lost, change, amount_entered, amount_won,"
            " amount_change FROM sales_process_dynamics"
        )
        return Counter(self.env.cr.fetchall())

    def left(self):
        """The rows that are kept for the funnel."""
        self.env.cr.execute(
            "SELECT day, stage_id, arrived_id, way, reason_id, company_id, team_id, type, currency_id, deals,"
            " round(amount::numeric, 2), round(days::numeric, 4) FROM sales_process_left"
        )
        return Counter(self.env.cr.fetchall())

    def funnels(self):
        """The funnel's figures of all deals, of a team's, and of a month, from what is kept and from the
        stays: naming every lead is more than is kept."""
        Lead = self.env["crm.lead"].with_user(self.sees_all)
        for domain in ([], [("team_id", "=", self.team.id)], [("type", "=", "opportunity")]):
            for period in ((), ("2026-03-05", "2026-04-03")):
                kept = Lead.process_funnel(domain, *period)
                yield kept, Lead.process_funnel([*domain, ("id", "!=", 0)], *period)

    def check(self):
        """The rows kept by increments are those of a rebuild; the totals are their sums."""
        self.env.flush_all()
        for kept, told in self.funnels():
            self.assertEqual(rounded(kept), rounded(told), "before the days are made anew")
        self.roll_up()
        kept, left = self.rows(), self.left()
        for kept_funnel, told in self.funnels():
            self.assertEqual(rounded(kept_funnel), rounded(told))
        self.env["sales.process.dynamics.day"]._mark_all()
        self.roll_up()
        self.assertEqual(kept, self.rows())
        self.assertEqual(left, self.left())
        self.env.cr.execute(
            "SELECT date, stage_id, entered, lost, amount_change FROM sales_process_dynamics_total"
        )
        totals = Counter()
        for day, stage, *figures in self.env.cr.fetchall():
            totals.update({(day, stage, number): float(figure) for number, figure in enumerate(figures)})
        sums = Counter()
        for row, count in kept.items():
            figures = (row[9], row[13], row[17])
            sums.update({(*row[:2], number): float(figure) * count for number, figure in enumerate(figures)})
        self.assertEqual(
            {k: round(v, 2) for k, v in totals.items() if v}, {k: round(v, 2) for k, v in sums.items() if v}
        )
        return kept

    def test_random_life(self):
        """Leads live at random by Odoo's own methods; after each step the increments are right."""
        dice = random.Random(7)
        source, country = self.env["utm.source"].create({"name": "Fair"}), self.env.ref("base.fr")
        with self.at(0):
            leads = self.make_leads(12, expected_revenue=100)
        for step in range(25):
            lead = dice.choice(leads)
            with self.at(step * 9):
                dice.choice(
                    [
                        lambda lead=lead: lead.write({"stage_id": dice.choice(self.order).id}),
                        lambda lead=lead: lead.action_set_lost() if lead.won_status == "pending" else None,
                        lambda lead=lead: lead.action_restore() if lead.won_status == "lost" else None,
                        lambda lead=lead: lead.write({"source_id": source.id, "country_id": country.id}),
                        lambda lead=lead, step=step: lead.write(
                            {"user_id": self.env.uid, "expected_revenue": step}
                        ),
                    ]
                )()
            if step % 6 == 0:
                self.check()
        leads[:3].unlink()
        self.assertTrue(self.check())

    def test_lead_deleted(self):
        with self.at(0):
            lead = self.make_leads()
        self.assertEqual(sum(self.check().values()), 1)
        lead.unlink()
        self.assertFalse(self.check())

    def test_import(self):
        self.random_histories(20, seed=8)
        self.assertTrue(self.check())

    def test_order_of_stages(self):
        """What was a step on is one back when the stages change places."""
        with self.at(0):
            lead = self.make_leads()
        with self.at(1):
            lead.stage_id = self.second
        self.assertEqual(self.figures()[()]["moved_on"], 1)
        self.first.sequence = 50
        self.assertEqual(self.figures()[()]["moved_back"], 1)
        self.check()

    def test_stage_deleted(self):
        with self.at(0):
            lead = self.make_leads()
        with self.at(1):
            lead.stage_id = self.second
        self.check()
        self.first.unlink()
        self.check()
        self.assertEqual(self.figures([], ("stage_id",))[(self.env["crm.stage"],)]["moved_on"], 1)

    def test_stage_becomes_won(self):
        with self.at(0):
            lead = self.make_leads(probability=100)
        self.check()
        with self.at(50):
            self.first.is_won = True
        self.assertEqual(lead.won_status, "won")
        self.check()
        self.assertEqual((self.figures()[()]["won"], self.figures()[()]["closing"]), (1, 0))

    def test_process_version(self):
        process = self.env.ref("sales_process.process_new_business")
        process.team_ids = self.team
        lead = self.make_leads(email_from="one@example.com")
        self.assertEqual(lead.process_id, process)
        self.assertEqual(set(self.figures([], ("process_id",))), {(process,)})
        self.check()

    def test_day_of_the_company(self):
        """The deal of Tuesday morning in Vladivostok is not one of Monday."""
        self.team.company_id = self.env.company
        self.env.company.partner_id.tz = "Asia/Vladivostok"
        with self.at(13):  # Monday, 22:00 in UTC
            self.make_leads(company_id=self.env.company.id)
        self.assertEqual(set(self.flows()), {(date(2026, 3, 3), self.first, "entered")})
        self.env.company.partner_id.tz = "America/New_York"
        self.assertEqual(set(self.flows()), {(date(2026, 3, 2), self.first, "entered")})
        self.check()

    def test_job(self):
        with self.at(0):
            self.make_leads(3)
        cron = self.env.ref("sales_process.ir_cron_sales_process_dynamics")
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.env.cr.execute("SELECT count(*) FROM sales_process_dynamics_day")
        self.assertEqual(self.env.cr.fetchone(), (0,))
        self.assertEqual(self.Dynamics._read_group([], [], specs("entered"))[0][0], 3)

    def test_an_update_makes_what_is_new(self):
        """The rows for the funnel came later than those of the dynamics: none are told as nothing."""
        with self.at(0):
            self.make_leads(3).action_set_lost()
        self.roll_up()
        self.env.cr.execute("DELETE FROM sales_process_left")
        self.env["sales.process.left"].init()
        self.assertEqual(self.env["crm.lead"].process_funnel([("team_id", "=", self.team.id)])["lost"], 3)
        self.check()
        self.env["sales.process.left"].init()
        self.env.cr.execute("SELECT count(*) FROM sales_process_dynamics_day")
        self.assertEqual(self.env.cr.fetchone(), (0,), "what is there is not made again")

    def test_opening_the_report_catches_up(self):
        with self.at(0):
            self.make_leads(2)
        self.env.flush_all()
        action = self.Dynamics.with_user(self.rep).action_open()
        self.assertEqual(action["res_model"], "sales.process.dynamics")
        self.assertEqual(self.Dynamics._read_group([], [], specs("entered"))[0][0], 2)


@tagged("post_install", "-at_install", "sales_process_dynamics")
class TestDynamicsCost(DynamicsCase):
    def test_statements_of_a_tile(self):
        self.random_histories(30, seed=9)
        self.roll_up()
        domain = [("date", ">=", "2026-03-20"), ("user_id", "=", self.rep.id)]
        sets = [[], ["stage_id"], ["date:month"], ["stage_id", "date:month"]]
        self.env.flush_all()
        for names in (MOVES, STOCK, (*STOCK, "won_before")):
            self.Dynamics._read_grouping_sets(domain, sets, specs(*names))
            before = self.env.cr.sql_log_count
            self.Dynamics._read_grouping_sets(domain, sets, specs(*names))
            self.assertLessEqual(self.env.cr.sql_log_count - before, 5, names)

    def test_roll_up(self):
        """As many statements for many days and leads as for few."""
        counts = []
        for leads in (5, 6, 60):  # the first one reads what stays in memory
            self.roll_up()
            self.random_histories(leads, seed=leads)
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            self.env["sales.process.dynamics.day"]._roll_up(limit=1000)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[1], counts[2])
        self.assertLess(counts[1], 13)
