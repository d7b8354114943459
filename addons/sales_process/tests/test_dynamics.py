import random
from datetime import date, timedelta
from itertools import pairwise

from odoo.exceptions import UserError
from odoo.tests import tagged

from .dynamics_common import AMOUNTS, MOVES, STOCK, DynamicsCase, reckon, specs


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
