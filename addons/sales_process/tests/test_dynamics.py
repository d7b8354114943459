import random
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .test_stage_history import StageHistoryCase

MOVES = ("entered", "moved_on", "moved_back", "won", "lost")
STOCK = ("opening", *MOVES, "closing")
AMOUNTS = tuple(f"amount_{name}" for name in (*STOCK, "revalued"))


def specs(*names):
    return [f"{name}:sum" for name in names]


def rounded(funnel):
    """The figures of a funnel as they can be compared: the clock goes on, and sums of floats are added up
    in another order."""
    if isinstance(funnel, dict):
        return {key: rounded(value) for key, value in funnel.items() if not key.startswith("age_")}
    if isinstance(funnel, list):
        return [rounded(value) for value in funnel]
    return round(funnel, 4) if isinstance(funnel, float) else funnel


def reckon(histories, order, day_of=datetime.date):
    """What happened on which day, told from the histories alone, one lead after the other.

    :param histories: for each lead its stays in order: (stage, enter, leave, status, amount).
    :param order: stages in the order of the board.
    :return: Counter (day, stage, move) -> number, and the same of amounts.
    """
    counts, amounts = Counter(), Counter()

    def note(moment, stage, move, amount, came_with=None):
        counts[day_of(moment), stage, move] += 1
        amounts[day_of(moment), stage, move] += amount
        amounts[day_of(moment), stage, "revalued"] += amount - (amount if came_with is None else came_with)

    for stays in histories:
        for number, (stage, enter, leave, status, amount) in enumerate(stays):
            before = stays[number - 1] if number else None
            if status == "won":
                if before is None or before[3] == "lost":
                    note(enter, stage, "entered", amount)
                    note(enter, stage, "won", amount)
                continue
            note(enter, stage, "entered", amount)
            if leave is None:
                continue
            after = stays[number + 1] if number + 1 < len(stays) else None
            if status == "lost":
                note(leave, stage, "lost", amount)
            elif after and after[3] == "won":
                note(leave, stage, "won", after[4], amount)
            elif after and order.index(after[0]) < order.index(stage):
                note(leave, stage, "moved_back", after[4], amount)
            else:
                note(leave, stage, "moved_on", after[4] if after else amount, amount)
    return counts, amounts


class DynamicsCase(StageHistoryCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.cr.execute("DELETE FROM crm_lead_stage_history")
        cls.env["sales.process.dynamics.day"]._mark_all()
        cls.third = cls.env["crm.stage"].create({"name": "Third", "sequence": -19, "team_ids": cls.team.ids})
        cls.order = [cls.first, cls.second, cls.third, cls.won]
        cls.Dynamics = cls.env["sales.process.dynamics"]
        cls.sees_all = new_test_user(cls.env, "dynamics-sees-all", "sales_process.group_leader")

    def roll_up(self):
        self.env.flush_all()
        while self.env["sales.process.dynamics.day"]._roll_up():
            pass

    def figures(self, domain=(), groupby=(), names=STOCK, user=None):
        """{group: {name: sum}}, brought up to date."""
        self.roll_up()
        model = self.Dynamics.with_user(user) if user else self.Dynamics
        rows = model._read_group(list(domain), list(groupby), specs(*names))
        return {row[: len(groupby)]: dict(zip(names, row[len(groupby) :], strict=True)) for row in rows}

    def flows(self, domain=(), names=MOVES):
        """Counter (day, stage, move) of what is there."""
        groups = self.figures(domain, ("date:day", "stage_id"), names)
        return Counter(
            {(*group, name): value for group, row in groups.items() for name, value in row.items() if value}
        )

    def random_histories(self, count, seed):
        """Leads with random stays; what they are, as `reckon` wants it."""
        dice = random.Random(seed)
        leads = self.make_leads(count)
        stays, histories = [], []
        for lead in leads:
            history = self._random_history(dice)
            histories.append(history)
            stays += [
                {
                    "lead_id": lead.id,
                    "stage_id": stage.id,
                    "date_enter": enter,
                    "date_leave": leave,
                    "won_status": status,
                    "user_id": dice.choice([self.rep.id, self.env.uid, None]),
                    "expected_revenue": amount,
                }
                for stage, enter, leave, status, amount in history
            ]
        self.env.flush_all()
        self.env["crm.lead.stage.history"]._replace(leads.ids, stays)
        return leads, histories

    def _random_history(self, dice):
        moment = self.start + timedelta(hours=dice.randrange(2000))
        stage, history = dice.choice(self.order[:3]), []
        for _number in range(dice.randrange(1, 8)):
            leave = moment + timedelta(hours=dice.randrange(400))
            status = "won" if stage == self.won else dice.choice(["pending", "pending", "pending", "lost"])
            history.append((stage, moment, leave, status, dice.randrange(0, 10000) / 4))
            moment = leave + timedelta(hours=dice.randrange(100) if status == "lost" else 0)
            others = [one for one in self.order if one != stage]
            stage = stage if status == "lost" and dice.random() < 0.7 else dice.choice(others)
        if history[-1][3] != "lost" and dice.random() < 0.8:
            history[-1] = (*history[-1][:2], None, *history[-1][3:])
        return history


@tagged("post_install", "-at_install", "sales_process_dynamics")
class TestDynamics(DynamicsCase):
    def test_random_histories(self):
        """Every figure is that of a reckoning that knows no SQL."""
        _leads, histories = self.random_histories(150, seed=1)
        counts, amounts = reckon(histories, self.order)
        self.assertEqual(self.flows(), counts)
        found = self.flows(names=tuple(f"amount_{move}" for move in (*MOVES, "revalued")))
        self.assertEqual(
            {(*where, name.removeprefix("amount_")): value for (*where, name), value in found.items()},
            {key: value for key, value in amounts.items() if value},
        )

    def test_adds_up(self):
        """Opening and what entered, without what left, is closing: for every period and grouping."""
        _leads, histories = self.random_histories(80, seed=2)
        counts, _amounts = reckon(histories, self.order)
        dice = random.Random(3)
        for groupby in (
            (),
            ("stage_id",),
            ("date:month", "stage_id"),
            ("user_id", "date:week"),
            ("date:day",),
        ):
            begin = self.start.date() + timedelta(days=dice.randrange(60))
            end = begin + timedelta(days=dice.randrange(1, 60))
            domain = [("date", ">=", begin), ("date", "<=", end)]
            groups = self.figures(domain, groupby, (*STOCK, *AMOUNTS))
            self.assertTrue(groups)
            for group, row in groups.items():
                left = sum(row[move] for move in MOVES[1:])
                self.assertEqual(row["opening"] + row["entered"] - left, row["closing"], (groupby, group))
                come = row["amount_opening"] + row["amount_entered"] + row["amount_revalued"]
                left = sum(row[f"amount_{move}"] for move in MOVES[1:])
                self.assertEqual(come - left, row["amount_closing"], (groupby, group))
            if groupby == ("stage_id",):
                self._check_stock(groups, counts, begin, end)

    def _check_stock(self, groups, counts, begin, end):
        for stage in self.order:
            for name, day in (("opening", begin - timedelta(days=1)), ("closing", end)):
                expected = sum(
                    number if move == "entered" else -number
                    for (when, where, move), number in counts.items()
                    if where == stage and when <= day
                )
                self.assertEqual(groups.get((stage,), {}).get(name, 0), expected, (stage.name, name))

    def test_stock_by_time(self):
        """Each bucket begins with what the one before ended with, also where nothing happened."""
        _leads, _histories = self.random_histories(60, seed=4)
        begin, end = date(2026, 3, 10), date(2026, 5, 20)
        domain = [("date", ">=", begin), ("date", "<=", end)]
        groups = self.figures(domain, ("stage_id", "date:week"))
        for stage in self.order[:3]:
            weeks = sorted(group[1] for group in groups if group[0] == stage)
            self.assertGreater(len(weeks), 8)
            for week, following in pairwise(weeks):
                self.assertEqual(following - week, timedelta(days=7))
                self.assertEqual(groups[stage, week]["closing"], groups[stage, following]["opening"])
        whole = self.figures(domain, ("stage_id",))
        for stage in self.order[:3]:
            weeks = sorted(group[1] for group in groups if group[0] == stage)
            self.assertEqual(groups[stage, weeks[0]]["opening"], whole[(stage,)]["opening"])
            self.assertEqual(groups[stage, weeks[-1]]["closing"], whole[(stage,)]["closing"])

    def test_stock_is_the_board(self):
        """What stands in a stage at the end is what the board shows there."""
        with self.at(0):
            leads = self.make_leads(7)
        with self.at(30):
            leads[:3].stage_id = self.second
            leads[6].action_set_lost()
        with self.at(60):
            leads[0].stage_id = self.first
            leads[1].action_set_won()
        groups = self.figures([], ("stage_id",))
        self.assertEqual(groups[(self.first,)]["closing"], 4)
        self.assertEqual(groups[(self.second,)]["closing"], 1)
        self.assertEqual(groups[(self.second,)]["won"], 1)
        self.assertEqual(groups[(self.second,)]["moved_back"], 1)
        self.assertEqual(groups[(self.first,)]["lost"], 1)
        self.assertNotIn((self.won,), groups)

    def test_period_before(self):
        with self.at(0):  # 2026-03-02
            self.make_leads(3)
        with self.at(24 * 35):  # 2026-04-06
            self.make_leads(5)
        april = [("date", ">=", "2026-04-01"), ("date", "<=", "2026-04-30")]
        names = ("entered", "entered_before", "opening")
        self.assertEqual(
            self.figures(april, names=names), {(): {"entered": 5, "entered_before": 3, "opening": 3}}
        )
        months = self.figures(april, ("date:month",), names)
        self.assertEqual(months[date(2026, 4, 1),], {"entered": 5, "entered_before": 3, "opening": 3})
        week = [("date", ">=", "2026-03-09"), ("date", "<=", "2026-03-15")]
        self.assertEqual(self.figures(week, names=names)[()]["entered_before"], 3)

    def test_periods_with_holes(self):
        """March and May: stock counts what happened in April."""
        for hours, count in ((0, 3), (24 * 35, 5), (24 * 70, 1)):
            with self.at(hours):
                self.make_leads(count)
        domain = ["|", "&", ("date", ">=", "2026-03-01"), ("date", "<", "2026-04-01"),
                  "&", ("date", ">=", "2026-05-01"), ("date", "<=", "2026-05-31")]  # fmt: skip
        self.assertEqual(
            self.figures(domain, names=("opening", "entered", "closing"))[()],
            {"opening": 0, "entered": 4, "closing": 9},
        )

    def test_stock_and_period_by_or(self):
        with self.assertRaises(UserError):
            self.figures(["|", ("date", "=", "2026-03-01"), ("user_id", "=", 1)])
        with self.assertRaises(UserError):
            self.figures([], ("date:month_number",))

    def test_grouping_sets(self):
        """A pivot's groupings in one call are those of calls one by one."""
        self.random_histories(40, seed=5)
        self.roll_up()
        sets = [[], ["stage_id"], ["date:month"], ["stage_id", "date:month"], ["stage_id", "user_id"]]
        domain = [("date", ">=", "2026-03-20")]
        both = self.Dynamics._read_grouping_sets(domain, sets, specs(*STOCK))
        for groupby, rows in zip(sets, both, strict=True):
            self.assertEqual(rows, self.Dynamics._read_group(domain, groupby, specs(*STOCK)))
        shown = self.Dynamics.formatted_read_grouping_sets(domain, sets, ["__count", *specs(*STOCK)])
        self.assertEqual(shown[0][0]["closing:sum"], both[0][0][-1])

    def test_order_and_limit(self):
        self.random_histories(40, seed=6)
        self.roll_up()
        rows = self.Dynamics._read_group(
            [], ["stage_id"], specs("closing"), order="closing:sum desc", limit=2
        )
        every = self.Dynamics._read_group([], ["stage_id"], specs("closing"))
        self.assertEqual([row[1] for row in rows], sorted((row[1] for row in every), reverse=True)[:2])

    def test_fields_tell_that_they_can_be_measured(self):
        told = self.Dynamics.fields_get(["opening", "closing", "won_before"], ["aggregator"])
        self.assertEqual({one["aggregator"] for one in told.values()}, {"sum"})


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
