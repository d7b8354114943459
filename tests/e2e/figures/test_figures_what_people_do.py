"""What people do afterwards; after all other files, for these deals are no longer those of the CSV."""

from datetime import datetime

import pandas as pd
import pytest
from figures_office import REASON, dynamics, roll_up
from figures_pandas import DAYS, FLOWS, STEPS, STOCK, expected_period, same_rows


def test_what_people_do_afterwards(office, deals, moves):
    """The files know no step on and none back, and their decided deals took no way: some do so now."""
    begun = {stage: deals.loc[deals["stage"] == stage].sort_values("ref") for stage in STEPS}
    acts = {
        "on": begun["Prospecting"].head(5), "back": begun["Engaging"].head(3),
        "won": begun["Engaging"].iloc[3:7], "lost": begun["Engaging"].iloc[7:9],
    }  # fmt: skip
    leads = {name: leads_of(office, rows["ref"]) for name, rows in acts.items()}
    stage_of = {stage: next(id_ for id_, role in office.stages.items() if role == stage) for stage in STEPS}
    office.call("crm.lead", "write", leads["on"], {"stage_id": stage_of["Engaging"]})
    office.call("crm.lead", "write", leads["back"], {"stage_id": stage_of["Prospecting"]})
    office.call("crm.lead", "action_set_won", leads["won"])
    [reason] = office.call("crm.lost.reason", "search", [("name", "=", REASON)])
    office.call("crm.lead", "action_set_lost", leads["lost"], lost_reason_id=reason)
    check_dynamics_after(office, moves, acts)
    check_funnel_after(office, deals, acts)
    check_ways_after(office, acts)


def leads_of(office, refs):
    return office.call("crm.lead", "search", [("external_ref", "in", refs.tolist())])


def check_dynamics_after(office, moves, acts):
    roll_up(office)
    names = [*FLOWS, *STOCK]
    first = last = pd.Timestamp(office.today)
    expected = expected_period(moves, ["stage"], first, last)
    for role, name, what, to in (
        ("Prospecting", "on", "moved_on", "Engaging"), ("Engaging", "back", "moved_back", "Prospecting"),
        ("Engaging", "won", "won", None), ("Engaging", "lost", "lost", None),
    ):  # fmt: skip
        for figures, way in ((expected[(role,)], what), (expected[(to,)] if to else None, "entered")):
            sign = 1 if way == "entered" else -1
            for money, much in (("", len(acts[name])), ("amount_", acts[name]["price"].sum())):
                if figures:
                    figures[f"{money}{way}"] += much
                    figures[f"{money}closing"] += sign * much
    domain = [("date", "=", str(office.today))]
    same_rows(dynamics(office, domain, ["stage_id"], names), expected, names)


def check_funnel_after(office, deals, acts):
    answer = office.call("crm.lead", "process_funnel", [], str(office.today))
    rows = {office.stages.get(row["id"]): row for row in answer["stages"]}
    begun, engaged = rows["Prospecting"], rows["Engaging"]
    assert (begun["moved_on"], begun["moved_back"], begun["dropped"]) == (5, 0, 0)
    assert (engaged["moved_on"], engaged["moved_back"], engaged["dropped"]) == (4, 3, 2)
    assert engaged["conversion"] == 1
    stand = deals["stage"].value_counts()
    assert begun["count"] == stand["Prospecting"] - 5 + 3
    assert engaged["count"] == stand["Engaging"] + 5 - 3 - 4 - 2
    assert (answer["won"], answer["lost"], answer["win_rate"]) == (4, 2, pytest.approx(4 / 6))
    cycles = (pd.Timestamp(datetime.utcnow()) - acts["won"]["engaged"] - pd.Timedelta(hours=12)).mean()
    assert answer["cycle_days"] == pytest.approx(cycles / pd.Timedelta(days=1), **DAYS)


def check_ways_after(office, acts):
    answer = office.call("sales.process", "process_ways", "new_business", {"result": "ended"})
    total = answer["total"]
    assert (total["count"], total["won"], total["lost"]) == (6, 4, 2)
    assert total["win_rate"] == pytest.approx(4 / 6)
    assert total["amount"] == pytest.approx(acts["won"]["price"].sum() + acts["lost"]["price"].sum())
    assert 0 <= total["hours"] < 1
    assert sum(way["count"] for way in answer["ways"]) == 6
    for result, count in (("won", 4), ("lost", 2)):
        answer = office.call("sales.process", "process_ways", "new_business", {"result": result})
        assert answer["total"]["count"] == count
