from datetime import date, timedelta

import pytest
from engine.forecast import ENOUGH, Case, Chance, chance_of, chances, landing, mean_error, months_before
from hypothesis import given
from hypothesis import strategies as st

JUNE, TODAY = date(2026, 6, 1), date(2026, 6, 15)


def cases(won=0, lost=0, days=10, month=date(2026, 5, 1), team="north", company=1):
    return [
        Case(company, team, "talks", month, days, True, won),
        Case(company, team, "talks", month, days, False, lost),
    ]


def first(table, team="north", company=1):
    return table[company, team, "talks"][0]


class TestWhoseDealsCount:
    def test_enough_of_the_team(self):
        table = chances([*cases(15, 5), *cases(0, 100, team="south")], TODAY)
        assert (first(table).basis, first(table).rate) == ("team", 0.75)

    def test_too_few_of_the_team(self):
        table = chances([*cases(15, 4), *cases(0, 76, team="south")], TODAY)
        assert (first(table).basis, first(table).won, first(table).decided) == ("company", 15, 95)

    def test_long_ago_counts_only_where_there_is_too_little_since(self):
        ago = cases(0, 100, month=date(2024, 1, 1))
        assert first(chances([*cases(15, 5), *ago], TODAY)).rate == 0.75
        assert first(chances([*cases(15, 4), *ago], TODAY)).basis == "ever"

    def test_a_team_without_deals_gets_those_of_the_company(self):
        table = chances(cases(15, 5), TODAY)
        assert chance_of(table, 1, "new team", "talks", 0).basis == "company"
        assert chance_of(table, 2, "north", "talks", 0) is None, "companies are apart"
        assert chance_of(table, 1, "north", "elsewhere", 0) is None

    def test_deals_of_no_team_are_no_team(self):
        table = chances([*cases(20, 0, team=None), *cases(0, 20)], TODAY)
        assert chance_of(table, 1, None, "talks", 0).rate == 0.5
        assert chance_of(table, 1, "other", "talks", 0).rate == 0.5

    def test_few_are_better_than_none(self):
        assert first(chances(cases(1, 0), TODAY)).rate == 1


class TestAsOf:
    def test_what_was_not_known_yet_does_not_count(self):
        may, june = cases(20, 0), cases(0, 60, month=JUNE)
        assert first(chances(may + june, JUNE)).rate == 1
        assert first(chances(may + june, TODAY)).rate == 0.25
        assert chances(june, JUNE) == {}

    def test_twelve_months(self):
        known = cases(20, 0, month=date(2025, 6, 1)) + cases(0, 20, month=date(2025, 5, 1))
        assert first(chances(known, JUNE)).rate == 1
        later = chances(known, months_before(JUNE, -1))
        assert chance_of(later, 1, "north", "talks", 0).basis == "ever"
        assert chance_of(later, 1, "north", "talks", 0).rate == 0.5

    @pytest.mark.parametrize(
        ("day", "months", "expected"),
        [
            (date(2026, 3, 31), 1, date(2026, 2, 1)),
            (date(2026, 1, 1), 1, date(2025, 12, 1)),
            (date(2026, 12, 5), -1, date(2027, 1, 1)),
            (date(2026, 3, 9), 0, date(2026, 3, 1)),
        ],
    )
    def test_months_before(self, day, months, expected):
        assert months_before(day, months) == expected


class TestAge:
    known = [*cases(80, 0, days=5), *cases(10, 30, days=40)]

    def test_who_is_as_old_is_compared_with_the_old(self):
        table = chances(self.known, TODAY)
        assert [chance_of(table, 1, "north", "talks", age).rate for age in (0, 6, 7, 35, 400)] == [
            0.75, 0.75, 0.25, 0.25, 0.25,
        ]  # fmt: skip
        assert chance_of(table, 1, "north", "talks", 0).days == 5
        assert chance_of(table, 1, "north", "talks", 8).days == 40

    def test_ages_leave_no_gap(self):
        [*some, last] = chances(self.known, TODAY)[1, "north", "talks"]
        assert [chance.until for chance in some] == [chance.age for chance in [*some, last][1:]]
        assert last.until is None

    def test_a_handful_of_old_ones_says_nothing(self):
        found = chances([*cases(80, 0, days=5), *cases(0, ENOUGH - 1, days=40)], TODAY)[1, "north", "talks"]
        assert len(found) == 1


class TestLanding:
    chance = Chance(0, None, 5, 10, 30.5, 60, "team")

    def test_what_the_salesperson_says(self):
        later = TODAY + timedelta(days=200)
        assert landing(TODAY, JUNE, later, self.chance) == later
        assert landing(TODAY, JUNE, TODAY, None) == TODAY

    def test_past_or_missing_it_is_the_usual_time(self):
        for deadline in (None, TODAY - timedelta(days=1)):
            assert landing(TODAY, JUNE, deadline, self.chance) == date(2026, 7, 1)

    def test_never_in_the_past(self):
        assert landing(TODAY, TODAY - timedelta(days=50), None, self.chance) == TODAY

    def test_nobody_knows(self):
        assert landing(TODAY, JUNE, None, None) is None
        assert landing(TODAY, TODAY - timedelta(days=61), None, self.chance) is None, "none was won so late"
        assert landing(TODAY, JUNE, None, Chance(0, None, 0, 10, None, None, "team")) is None


@given(
    st.lists(
        st.builds(
            Case,
            st.integers(1, 2),
            st.sampled_from(["north", "south", None]),
            st.sampled_from(["talks", "offer"]),
            st.dates(date(2024, 1, 1), date(2026, 6, 1)).map(lambda day: day.replace(day=1)),
            st.integers(0, 500),
            st.booleans(),
            st.integers(1, 9),
        )
    )
)
def test_chances_are_what_counting_gives(found):
    """Each chance is that of the deals it says it is told from, counted one by one."""
    for (company, team, stage), ages in chances(found, TODAY).items():
        for chance in ages:
            alike = [
                case
                for case in found
                if (case.company, case.stage) == (company, stage)
                and (chance.basis != "team" or case.team == team)
                and (chance.basis == "ever" or case.month >= date(2025, 6, 1))
                and case.days >= chance.age
            ]
            assert chance.decided == sum(case.count for case in alike)
            assert chance.won == sum(case.count for case in alike if case.won)
            won = sorted(day for case in alike if case.won for day in [case.days] * case.count)
            if won:
                assert chance.days == (won[(len(won) - 1) // 2] + won[len(won) // 2]) / 2


def test_mean_error():
    assert mean_error([(100, 80), (50, 120)]) == 90 / 200
    assert mean_error([(100, 0)]) is None
    assert mean_error([]) is None
