import csv
import io
import random
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from statistics import mean, median
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import HttpCase, new_test_user, tagged

from ..models import crm_lead_funnel
from .dynamics_common import DynamicsCase, specs
from .test_stage_history import StageHistoryCase


class FunnelCase(StageHistoryCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.lead"].search([]).unlink()
        cls.reasons = cls.env["crm.lost.reason"].create(
            [{"name": name} for name in ("Too dear", "Too late", "No need", "Rival")]
        )

    def euro_and_dollar(self, rates):
        """(a company in euro, one in dollars), with the dollar's rates by day."""
        dollar, euro = self.env.ref("base.USD"), self.env.ref("base.EUR")
        (dollar | euro).active = True
        companies = self.env["res.company"].create(
            [{"name": "Home", "currency_id": euro.id}, {"name": "Abroad", "currency_id": dollar.id}]
        )
        self.env["res.currency.rate"].search([]).unlink()
        self.env["res.currency.rate"].create(
            [
                {"currency_id": dollar.id, "name": day, "rate": rate, "company_id": company.id}
                for company in companies
                for day, rate in rates.items()
            ]
        )
        return companies

    def funnel(self, *args, user=None, **kwargs):
        self.env.flush_all()
        Lead = self.env["crm.lead"].with_user(user or self.env.user)
        return Lead.with_context(default_team_id=self.team.id).process_funnel(*args, **kwargs)

    def stage(self, stage, *args, **kwargs):
        """The figures of one stage."""
        [row] = [row for row in self.funnel(*args, **kwargs)["stages"] if row["id"] == stage.id]
        return row


@tagged("post_install", "-at_install", "sales_process_funnel")
class TestFunnel(FunnelCase):
    def setUp(self):
        super().setUp()
        with self.at(0):
            self.leads = self.make_leads(10, expected_revenue=100)

    def test_standing(self):
        with self.at(24):
            self.leads[:2].write({"stage_id": self.second.id, "expected_revenue": 300})
        row = self.stage(self.second)
        self.assertEqual((row["count"], row["amount"]), (2, 600))
        self.assertEqual(self.stage(self.first)["count"], 8)

    def test_age(self):
        for lead, days in zip(self.leads[:4], (1, 2, 3, 10), strict=True):
            lead.date_last_stage_update = self.env.cr.now() - timedelta(days=days)
        row = self.stage(self.first, [("id", "in", self.leads[:4].ids)])
        self.assertAlmostEqual(row["age_mean"], mean((1, 2, 3, 10)), 3)
        self.assertAlmostEqual(row["age_median"], median((1, 2, 3, 10)), 3)
        self.assertIs(self.stage(self.second)["age_mean"], False)

    def test_conversion(self):
        """Of what left for good, the share that went on: three of four."""
        with self.at(24):
            self.leads[:3].stage_id = self.second
            self.leads[3].action_set_lost()
        self.assertEqual(self.stage(self.second)["conversion"], 0.75)
        self.assertIs(self.stage(self.first)["conversion"], False, "the first stage has none before")
        self.assertIs(self.stage(self.won)["conversion"], False, "nothing was decided yet")
        with self.at(48):
            self.leads[0].action_set_won()
            self.leads[1].stage_id = self.first
        self.assertEqual(self.stage(self.won)["conversion"], 1)
        self.assertEqual(self.stage(self.second)["moved_back"], 1)

    def test_conversion_on_a_board_of_several_teams(self):
        """North and South side by side: nothing of one is said of a stage of the other."""
        shared, shared_won = self.env["crm.stage"].create(
            [
                {"name": "Everyone's", "sequence": -40, "team_ids": False},
                {"name": "Everyone's sold", "sequence": -10, "team_ids": False, "is_won": True},
            ]
        )
        other_second = self.env["crm.stage"].create(
            {"name": "Other second", "sequence": -19, "team_ids": self.other_team.ids}
        )
        with self.at(0):
            others = self.make_leads(4, team_id=self.other_team.id, stage_id=self.other_first.id)
            fresh = self.make_leads(2, stage_id=shared.id)
        with self.at(24):
            self.leads[:3].stage_id = self.second
            self.leads[3].action_set_lost()
            others[:1].stage_id = other_second
            others[1].action_set_lost()
            fresh[0].stage_id = self.first
        with self.at(48):
            others[0].stage_id = shared_won
            self.leads[0].stage_id = self.won
        rows = {row["id"]: row for row in self.funnel()["stages"]}
        self.assertEqual(rows[self.second.id]["conversion_from"], self.first.id)
        self.assertEqual(rows[self.second.id]["team_ids"], self.team.ids)
        found = {stage: row["conversion"] for stage, row in rows.items()}
        self.assertEqual((found[self.second.id], found[other_second.id]), (0.75, 0.5))
        self.assertEqual(found[self.won.id], 1)
        for stage in (self.first, self.other_first):
            self.assertIs(found[stage.id], False, stage.name)
        self.assertEqual(
            found[shared_won.id], 1, "of what left the other team's last stage; North has its own"
        )
        self.assertEqual(rows[shared_won.id]["conversion_from"], other_second.id)
        alone = {
            row["id"]: row["conversion"] for row in self.funnel([("team_id", "=", self.team.id)])["stages"]
        }
        self.assertEqual(alone[self.first.id], 1, "what left the common stage is all North's")

    def test_conversion_to_a_won_stage_that_several_teams_share(self):
        """Of what left the last stages of all ways that end there: three of five; read as it is kept, too."""
        self.won.team_ids = False
        shared = self.env["crm.stage"].create({"name": "Everyone's", "sequence": -40, "team_ids": False})
        with self.at(0):
            others = self.make_leads(2, team_id=self.other_team.id, stage_id=self.other_first.id)
            plain = self.make_leads(2, team_id=False, stage_id=shared.id)
            self.leads[:2].stage_id = self.second
        with self.at(24):
            (self.leads[0] | others[0] | plain[0]).stage_id = self.won
            (self.leads[1] | others[1]).action_set_lost()
        for domain in ([], [("name", "!=", False)]):
            rows = {row["id"]: row for row in self.funnel(domain)["stages"]}
            self.assertAlmostEqual(rows[self.won.id]["conversion"], 3 / 5, 3, domain)
            self.assertIs(rows[self.won.id]["conversion_from"], False)
        with self.at(30):
            plain[1].stage_id = self.first
        with self.at(36):
            self.make_leads(1, stage_id=shared.id).stage_id = self.first
        found = self.stage(self.won)["conversion"]
        self.assertAlmostEqual(found, 2 / 4, 3, "the common stage leads to North's now, not to the end")

    def test_conversion_past_a_stage_that_nobody_uses(self):
        """A stage that deals jump over breaks no chain, and has no conversion of its own."""
        idle = self.env["crm.stage"].create({"name": "Idle", "sequence": -20, "team_ids": self.team.ids})
        with self.at(24):
            self.leads[:3].stage_id = self.second
            self.leads[3].action_set_lost()
        self.assertEqual(self.stage(self.second)["conversion"], 0.75)
        self.assertIs(self.stage(idle)["conversion"], False)

    def test_dropped_and_why(self):
        with self.at(24):
            for reason, count in zip(self.reasons, (1, 3, 2, 1), strict=True):
                leads = self.leads.filtered("active")[:count]
                leads.action_set_lost(lost_reason_id=reason.id)
            self.leads.filtered("active")[:1].action_set_lost()
        row = self.stage(self.first)
        self.assertEqual((row["dropped"], row["dropped_amount"]), (8, 800))
        self.assertEqual(
            [(one["name"], one["count"]) for one in row["reasons"]],
            [("Too late", 3), ("No need", 2), ("No reason given", 1)],
        )

    def test_won(self):
        with self.at(24):
            self.leads[0].write({"stage_id": self.won.id, "expected_revenue": 250})
            created = self.make_leads(stage_id=self.won.id, probability=100, expected_revenue=50)
        self.assertEqual(created.won_status, "won")
        funnel = self.funnel()
        self.assertEqual((funnel["won"], funnel["won_amount"]), (2, 300))
        self.assertEqual(self.stage(self.won)["count"], 2)
        self.assertEqual(self.stage(self.first)["moved_on"], 1)

    def test_velocity(self):
        """Eight deals x 1 of 2 decided x 250 / 10 days."""
        for lead in self.leads[:2]:
            self.env.cr.execute("UPDATE crm_lead SET create_date = %s WHERE id = %s", [self.start, lead.id])
        with self.at(240):
            self.leads[0].write({"stage_id": self.won.id, "expected_revenue": 250})
            self.leads[1].action_set_lost()
        with patch.object(crm_lead_funnel, "ENOUGH_WINS", 1):
            funnel = self.funnel()
            self.assertEqual((funnel["win_rate"], funnel["cycle_days"], funnel["velocity"]), (0.5, 10, 100))
            self.assertIs(self.funnel([], "2026-05-01")["velocity"], False)

    def test_velocity_of_a_few_wins(self):
        """A handful says nothing of a speed; how many it takes is told, and the rest as ever."""
        enough = self.funnel()["enough_wins"]
        won = self.make_leads(enough, stage_id=self.won.id, probability=100, expected_revenue=50)
        self.env.cr.execute(
            "UPDATE crm_lead SET create_date = create_date - interval '5 days' WHERE id = ANY(%s)", [won.ids]
        )
        self.assertGreater(self.funnel()["velocity"], 0)
        won[0].unlink()
        funnel = self.funnel()
        self.assertEqual((funnel["won"], funnel["velocity"]), (enough - 1, False))
        self.assertAlmostEqual(funnel["cycle_days"], 5, 1)

    def test_velocity_of_deals_that_are_only_written_down(self):
        """Won as soon as they were created: no time, least of all one below zero."""
        self.leads[:2].write({"stage_id": self.won.id})
        later = self.env.cr.now() + timedelta(seconds=5)
        self.env.cr.execute(
            "UPDATE crm_lead SET create_date = %s WHERE id = ANY(%s)", [later, self.leads[:2].ids]
        )
        with patch.object(crm_lead_funnel, "ENOUGH_WINS", 1):
            funnel = self.funnel()
        self.assertEqual(funnel["won"], 2)
        self.assertGreaterEqual(funnel["cycle_days"], 0)
        self.assertIs(funnel["velocity"], False)

    def test_period(self):
        """Days are those of the company, as in the deal dynamics, whoever asks."""
        self.leads.company_id = self.env.company
        self.env.company.partner_id.tz = "UTC"
        with self.at(24 * 10 + 14):  # 2026-03-12, 23:00 in UTC
            self.leads[0].stage_id = self.second
        row = self.stage(self.first, [], "2026-03-12", "2026-03-12")
        self.assertEqual(row["moved_on"], 1)
        self.assertEqual(self.stage(self.first, [], "2026-03-13", None)["moved_on"], 0)
        self.env.company.partner_id.tz = "Europe/Brussels"
        leader = new_test_user(self.env, "funnel-clock", "sales_process.group_leader")
        for user in (self.rep, leader):
            user.tz = "America/New_York"
            self.assertEqual(self.stage(self.first, [], "2026-03-13", None, user=user)["moved_on"], 1)
            self.assertEqual(self.stage(self.first, [], None, "2026-03-12", user=user)["moved_on"], 0)

    def test_domain(self):
        with self.at(24):
            self.leads[0].stage_id = self.second
            self.leads[1].action_set_lost()
        domain = [("id", "in", self.leads[:3].ids), ("active", "=", True)]
        row = self.stage(self.first, domain)
        self.assertEqual((row["count"], row["dropped"], row["moved_on"]), (1, 1, 1))
        row = self.stage(self.first, [*domain, ("stage_id", "=", self.second.id)])
        self.assertEqual(row["count"], 1, "a filter on a stage leaves the others")

    def test_order_and_empty_stages(self):
        stages = [row["id"] for row in self.funnel()["stages"]]
        self.assertEqual(stages[:3], (self.first + self.second + self.won).ids)
        empty = self.funnel([("id", "=", 0)])
        self.assertEqual({row["count"] for row in empty["stages"]}, {0})

    def test_stages_now(self):
        """The same as the funnel tells of what stands there now; of won stages nothing."""
        with self.at(24):
            self.leads[:2].write({"stage_id": self.second.id, "expected_revenue": 300})
            self.leads[2].action_set_won()
        self.env.flush_all()
        Lead = self.env["crm.lead"].with_context(default_team_id=self.team.id)
        now = Lead.process_stages_now()
        found = {row["id"]: (row["count"], row["amount"]) for row in now["stages"]}
        self.assertEqual((found[self.first.id], found[self.second.id]), ((7, 700), (2, 600)))
        self.assertNotIn(self.won.id, found)
        other = new_test_user(self.env, "stages-other", "sales_team.group_sale_salesman")
        self.assertFalse(sum(row["count"] for row in Lead.with_user(other).process_stages_now()["stages"]))
        outsider = new_test_user(self.env, "stages-outsider", "base.group_user")
        with self.assertRaises(AccessError):
            Lead.with_user(outsider).process_stages_now()

    def test_company_currency(self):
        home, abroad = self.euro_and_dollar({"2020-01-01": 2})
        nobodys = {"team_id": False, "stage_id": self.first.id, "user_id": False}
        self.make_leads(company_id=abroad.id, expected_revenue=100, **nobodys)
        Lead = self.env["crm.lead"].with_context(allowed_company_ids=[home.id, abroad.id])
        rows = Lead.process_funnel([("company_id", "=", abroad.id)])["stages"]
        [row] = [row for row in rows if row["count"]]
        self.assertEqual(row["amount"], 50)

    def test_rights(self):
        other = new_test_user(self.env, "funnel-other", "sales_team.group_sale_salesman")
        leader = new_test_user(self.env, "funnel-leader", "sales_process.group_leader")
        with self.at(24):
            self.leads[0].stage_id = self.second
        for user, count in ((self.rep, 9), (other, 0), (leader, 9)):
            row = self.stage(self.first, user=user)
            self.assertEqual((row["count"], row["moved_on"]), (count, count // 9))
        outsider = new_test_user(self.env, "funnel-outsider", "base.group_user")
        with self.assertRaises(AccessError):
            self.funnel(user=outsider)

    def test_companies_apart(self):
        self.leads.company_id = self.env.company
        abroad = self.env["res.company"].create({"name": "Abroad"})
        stranger = new_test_user(
            self.env, "funnel-stranger", "sales_process.group_leader",
            company_id=abroad.id, company_ids=abroad.ids,
        )  # fmt: skip
        with self.at(24):
            self.leads[0].stage_id = self.second
            self.leads[1].action_set_lost()
        self.assertEqual(self.stage(self.first)["dropped"], 1)
        funnel = self.funnel(user=stranger)
        for figure in ("count", "moved_on", "dropped"):
            self.assertFalse(sum(row[figure] for row in funnel["stages"]), figure)
        Lead = self.env["crm.lead"].with_user(stranger)
        self.assertFalse(sum(row["count"] for row in Lead.process_stages_now()["stages"]))

    def test_rate_of_the_day(self):
        """What left counts at the rate of the day it left, what stands there at today's."""
        home, abroad = self.euro_and_dollar({"2020-01-01": 2, "2026-03-10": 4})
        values = {"team_id": False, "stage_id": self.first.id, "user_id": False, "expected_revenue": 100}
        with self.at(0):
            leads = self.make_leads(3, company_id=abroad.id, **values)
        with self.at(24):
            leads[0].action_set_lost()
        with self.at(24 * 20):
            leads[1].action_set_lost()
        Lead = self.env["crm.lead"].with_context(allowed_company_ids=[home.id, abroad.id])
        funnel = Lead.process_funnel([("company_id", "=", abroad.id)])
        [row] = [row for row in funnel["stages"] if row["id"] == self.first.id]
        self.assertEqual((row["amount"], row["dropped_amount"]), (100 / 4, 100 / 2 + 100 / 4))
        self.assertEqual(funnel["lost_amount"], 75)

    def test_cost(self):
        with self.at(24):
            self.leads[:3].action_set_lost(lost_reason_id=self.reasons[0].id)
        leader = new_test_user(self.env, "funnel-cost", "sales_process.group_leader")
        self.funnel(user=leader)
        self.env.flush_all()
        for model in ("crm.stage", "crm.lost.reason", "crm.lead"):
            self.env[model].invalidate_model()
        with self.assertQueryCount(5):
            self.funnel([("type", "=", "opportunity")], "2026-03-01", user=leader)


@tagged("post_install", "-at_install", "sales_process_funnel")
class TestFiguresOfFile(DynamicsCase):
    """Deals that come in from a file: every figure is the one that the file itself gives."""

    COLUMNS = ("opportunity_id", "sales_agent", "deal_stage", "engage_date", "close_date", "close_value")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["crm.lead"].search([]).unlink()
        dice = random.Random(11)
        cls.agents = {
            name: new_test_user(cls.env, name.lower(), "sales_team.group_sale_salesman")
            for name in ("Ada", "Ben", "Cyd")
        }
        stream = io.StringIO()
        writer = csv.writer(stream)
        writer.writerow(cls.COLUMNS)
        for number in range(200):
            stage = dice.choice(["Won", "Won", "Lost", "Engaging"])
            begin = date(2024, 1, 1) + timedelta(days=dice.randrange(300))
            end = begin + timedelta(days=dice.randrange(0, 120)) if stage != "Engaging" else ""
            value = {"Won": dice.randrange(50, 5000), "Lost": 0}.get(stage, "")
            writer.writerow((f"D{number}", dice.choice(list(cls.agents)), stage, begin, end, value))
        cls.file = list(csv.DictReader(io.StringIO(stream.getvalue())))
        result = cls.env["crm.lead"].process_import([cls._row(row) for row in cls.file])
        assert result["created"] == 200, result

    @classmethod
    def _row(cls, row):
        user = cls.agents[row["sales_agent"]].id
        begin = f"{row['engage_date']} 12:00:00"
        stays = [{"stage": cls.second.id, "date_enter": begin, "expected_revenue": 1000}]
        if row["deal_stage"] == "Won":
            stays.append({"stage": cls.won.id, "date_enter": f"{row['close_date']} 12:00:00"})
        return {
            "external_ref": row["opportunity_id"],
            "values": {
                "name": row["opportunity_id"],
                "user_id": user,
                "team_id": cls.team.id,
                "expected_revenue": float(row["close_value"] or 0),
            },
            "stage_history": [{**stay, "user_id": user} for stay in stays],
            "won_status": {"Won": "won", "Lost": "lost"}.get(row["deal_stage"], "pending"),
            "date_closed": f"{row['close_date']} 12:00:00" if row["close_date"] else False,
        }

    def _of_file(self, column, stages=("Won", "Lost", "Engaging")):
        """(agent, month) -> deals of the file whose date in the column is in that month."""
        found = defaultdict(list)
        for row in self.file:
            if row["deal_stage"] in stages:
                month = datetime.strptime(row[column], "%Y-%m-%d").date().replace(day=1)
                found[row["sales_agent"], month].append(row)
        return found

    def test_by_month_and_rep(self):
        self.roll_up()
        names = ("entered", "won", "lost", "amount_won", "opening", "closing")
        rows = self.Dynamics._read_group([], ["user_id", "date:month"], specs(*names))
        found = {
            name: Counter(
                {(row[0].login.title(), row[1]): row[2 + number] for row in rows if row[2 + number]}
            )
            for number, name in enumerate(names)
        }
        entered, won, lost = (
            self._of_file("engage_date"),
            self._of_file("close_date", ["Won"]),
            self._of_file("close_date", ["Lost"]),
        )
        self.assertEqual(found["entered"], Counter({key: len(rows) for key, rows in entered.items()}))
        self.assertEqual(found["won"], Counter({key: len(rows) for key, rows in won.items()}))
        self.assertEqual(found["lost"], Counter({key: len(rows) for key, rows in lost.items()}))
        self.assertEqual(
            found["amount_won"],
            Counter({key: sum(float(row["close_value"]) for row in rows) for key, rows in won.items()}),
        )
        for (agent, month), stock in found["closing"].items():
            following = (month + timedelta(days=32)).replace(day=1).isoformat()
            still = [
                row
                for row in self.file
                if row["sales_agent"] == agent
                and row["engage_date"] < following
                and (not row["close_date"] or row["close_date"] >= following)
            ]
            self.assertEqual(stock, len(still), (agent, month))

    def test_funnel(self):
        stages = Counter(row["deal_stage"] for row in self.file)
        funnel = self.env["crm.lead"].with_context(default_team_id=self.team.id).process_funnel()
        rows = {row["id"]: row for row in funnel["stages"]}
        self.assertEqual(rows[self.second.id]["count"], stages["Engaging"])
        self.assertEqual((funnel["won"], funnel["lost"]), (stages["Won"], stages["Lost"]))
        self.assertEqual(rows[self.won.id]["conversion"], stages["Won"] / (stages["Won"] + stages["Lost"]))
        self.assertEqual(funnel["won_amount"], sum(float(row["close_value"] or 0) for row in self.file))


@tagged("post_install", "-at_install", "sales_process_funnel")
class TestFunnelOnBoard(HttpCase):
    def test_tour(self):
        """The funnel stands above the board; a click on a stage filters it, another lets go; a leader chooses
        a team."""
        self.start_tour("/odoo/action-crm.crm_lead_action_pipeline", "sales_process_funnel", login="admin")

    def setUp(self):
        super().setUp()
        self.env["crm.lead"].create(
            [
                {"name": f"Deal {number}", "type": "opportunity", "expected_revenue": 100,
                 "user_id": self.env.ref("base.user_admin").id}
                for number in range(3)
            ]
        )  # fmt: skip
        self.env["crm.team"].create([{"name": "Funnel North"}, {"name": "Funnel South"}])
