"""The forecast: what open deals are likely to bring and when, told from how the decided ones went."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from datetime import date, timedelta
from statistics import median
from typing import NamedTuple

ENOUGH = 20
"""Decided deals from which on a share of them says something."""

RECENT_MONTHS = 12
"""How far back goes what counts first: who sells, and to whom, changes."""

AGES = (0, 7, 14, 30, 60, 90, 180, 365)
"""Days in the stage from which on a deal is compared with those that stood there as long."""


class Case(NamedTuple):
    """Deals that went alike: in one stage, decided in one month, after as many days.

    :param month: first day of the month in which they were won or lost.
    :param days: from entering the stage to that day.
    """

    company: Hashable
    team: Hashable
    stage: Hashable
    month: date
    days: int
    won: bool
    count: int = 1


class Chance(NamedTuple):
    """What became of deals that had been in the stage for `age` days and were still open.

    :param until: the age from which on the next one counts; None: this is the last.
    :param won: how many were won, of `decided`.
    :param days: half of the won ones were won within so many days from entering the stage; None: none was.
    :param longest: the days that the slowest of all won deals took; None: none was won.
    :param basis: whose deals these are: `team`, `company` (both of the last months) or `ever`.
    """

    age: int
    until: int | None
    won: int
    decided: int
    days: float | None
    longest: int | None
    basis: str

    @property
    def rate(self) -> float:
        return self.won / self.decided


class _Tally:
    """Decided deals of one stage, by the days they took."""

    def __init__(self):
        self.won, self.lost = Counter(), Counter()

    def add(self, case: Case):
        (self.won if case.won else self.lost)[case.days] += case.count

    @property
    def decided(self) -> int:
        return self.won.total() + self.lost.total()

    def chances(self, basis: str) -> list[Chance]:
        """One for each age, as long as enough deals got as old; the first one in any case."""
        found = [self._chance(AGES[0], basis)] if self.decided else []
        for age in AGES[1:]:
            chance = self._chance(age, basis)
            if not chance or chance.decided < ENOUGH:
                break
            found.append(chance)
        ends = [chance.age for chance in found[1:]] + [None]
        return [chance._replace(until=end) for chance, end in zip(found, ends, strict=True)]

    def _chance(self, age, basis):
        won = sorted(days for days in self.won.elements() if days >= age)
        lost = sum(count for days, count in self.lost.items() if days >= age)
        if not won and not lost:
            return None
        days, longest = (median(won) if won else None), max(self.won, default=None)
        return Chance(age, None, len(won), len(won) + lost, days, longest, basis)


def chances(cases: Iterable[Case], as_of: date) -> dict[tuple, list[Chance]]:
    """The chances of deals in each stage, as they were known on a day.

    Those of the same team in the last months count where there are enough, else those of the company, else
    all the company ever had.

    :param as_of: what was decided in a month that had begun before that day is known.
    :return: {(company, team, stage): by age}; team None: of a team that had no deals there of late.
    """
    recent = months_before(as_of, RECENT_MONTHS)
    team, company, ever = (defaultdict(_Tally) for _scope in range(3))
    for case in cases:
        if case.month >= as_of:
            continue
        ever[case.company, case.stage].add(case)
        if case.month >= recent:
            company[case.company, case.stage].add(case)
            if case.team is not None:
                team[case.company, case.team, case.stage].add(case)
    keys = [*team, *((owner, None, stage) for owner, stage in ever)]
    return {
        key: _widest(
            ("team", team.get(key)), ("company", company.get(key[::2])), ("ever", ever.get(key[::2]))
        )
        for key in keys
    }


def _widest(*scopes):
    """The chances of the nearest scope with enough cases, else of the widest."""
    known = [(basis, tally) for basis, tally in scopes if tally and tally.decided]
    enough = [one for one in known if one[1].decided >= ENOUGH]
    basis, tally = (enough or known[-1:])[0]
    return tally.chances(basis)


def months_before(day: date, months: int) -> date:
    """The first day of the month that lies so many months before that of `day`."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def chance_of(table: Mapping, company, team, stage, age: float) -> Chance | None:
    """The chance of a deal that has stood in a stage for `age` days; None: none like it was decided yet."""
    found = table.get((company, team, stage)) or table.get((company, None, stage))
    if not found:
        return None
    return found[max(bisect_right([chance.age for chance in found], age) - 1, 0)]


def landing(today: date, entered: date, deadline: date | None, chance: Chance | None) -> date | None:
    """The day on which a deal is expected to be won; never one that is past.

    :param entered: the day it came into its stage.
    :param deadline: what the salesperson expects; it does not count once it is past.
    :return: None: nobody says, and none like it was ever won, or none after so long a time.
    """
    if deadline and deadline >= today:
        return deadline
    if not chance or chance.days is None or (today - entered).days > chance.longest:
        return None
    return max(entered + timedelta(days=int(chance.days)), today)


def mean_error(pairs: Iterable[tuple[float, float]]) -> float | None:
    """By how much forecasts were off: what they missed, as a share of what came true; None: nothing did.

    Months weigh as much as they brought, so that a small one does not decide.

    :param pairs: (forecast, what came true) of each month.
    """
    pairs = list(pairs)
    total = sum(real for _forecast, real in pairs)
    return sum(abs(forecast - real) for forecast, real in pairs) / total if total else None
