"""The deal dynamics: flows and stock by time, team, rep and country, of a period; and their tile."""

import numpy as np
import pandas as pd
import pytest
from figures_office import ROLES, dynamics, teams_of, tile
from figures_pandas import (
    BEFORE,
    CASH,
    FLOWS,
    STEPS,
    STOCK,
    bucket,
    expected_dynamics,
    expected_period,
    happened,
    of_team,
    same_rows,
)


@pytest.mark.parametrize(
    ("granularity", "keys"),
    [
        ("day", ()),
        ("week", ()),
        ("week", ("stage",)),
        ("week", ("team",)),
        ("month", ("stage",)),
        ("month", ("agent",)),
        ("month", ("country",)),
        ("month", ("stage", "team")),
    ],
)
def test_dynamics(office, moves, granularity, keys):
    names = [*FLOWS, *STOCK, *BEFORE]
    expected = happened(expected_dynamics(moves, list(keys), granularity, office.today))
    groupby = [f"date:{granularity}", *(ROLES[key] for key in keys)]
    actual = happened(dynamics(office, [], groupby, names))
    assert same_rows(actual, expected, names) > 3


def test_dynamics_by_source_and_version(office, moves):
    """The files know no source; open deals alone run in a process."""
    names = [*FLOWS, *STOCK]
    of_all = expected_dynamics(moves, [], "month", office.today)
    actual = dynamics(office, [], ["date:month", "source_id"], names)
    same_rows(happened(actual), happened({(*key, ""): row for key, row in of_all.items()}), names)
    open_fates = moves["fate"].isin(STEPS)
    version = moves.assign(version=np.where(open_fates, office.process_name, ""))
    expected = expected_dynamics(version, ["version"], "month", office.today)
    actual = dynamics(office, [], ["date:month", "process_id"], names)
    same_rows(happened(actual), happened(expected), names)


@pytest.mark.parametrize(("since", "until"), [(30, 0), (120, 31), (300, 200), (3, 0)])
def test_dynamics_of_a_period(office, moves, since, until):
    """Stock at its beginning and end, what moved, and the same of as many days before."""
    first, last = (pd.Timestamp(office.today) - pd.Timedelta(days=days) for days in (since, until))
    domain = [("date", ">=", str(first.date())), ("date", "<=", str(last.date()))]
    names = [*FLOWS, *STOCK, *BEFORE]
    for keys in ((), ("stage",), ("team",), ("agent",)):
        actual = dynamics(office, domain, [ROLES[key] for key in keys], names)
        expected = expected_period(moves, list(keys), first, last)
        same_rows(happened(actual), happened(expected), names)


def test_dashboard_dynamics(office, moves, days):
    first, last = pd.Timestamp(office.today) - pd.Timedelta(days=days - 1), pd.Timestamp(office.today)
    names = ("entered", "won", "lost", "amount_won")
    for team in teams_of(office):
        mine = of_team(moves, team)
        answer = tile(office, "dynamics", days, team)
        period = expected_period(mine, [], first, last)[()]
        assert answer["total"] == pytest.approx({name: period[name] for name in names}, **CASH)
        before = {name: period[f"{name}_before"] for name in names}
        assert answer["before"] == pytest.approx(before, **CASH)
        within = mine[(mine["day"] >= first) & (mine["day"] <= last)]
        sums = within.groupby(bucket(within["day"], answer["by"].partition(":")[2]))[list(names)].sum()
        for row in answer["buckets"]:
            day = pd.Timestamp(row.pop("date"))
            expected = sums.loc[day].to_dict() if day in sums.index else dict.fromkeys(names, 0)
            assert row == pytest.approx(expected, **CASH), day
