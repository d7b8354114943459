"""Time and deadlines, right after the import and once tasks are late."""

import numpy as np
import pytest
from figures_office import teams_of, tile
from figures_pandas import CASH, STEPS, of_team


def test_dashboard_deadlines(office, deals, days):
    """Right after the import nothing is late; the load of each rep is what stands open with them."""
    for team in teams_of(office):
        mine = of_team(deals[deals["closed"].isna()], team)
        answer = tile(office, "deadlines", days, team)
        load = mine["agent"].value_counts()
        assert (answer["open_now"], answer["late_now"]) == (len(mine), 0)
        assert [row["open"] for row in answer["load"]] == load.head(6).tolist()
        assert all(row["open"] == load[row["name"]] and not row["late"] for row in answer["load"])
        assert (answer["deadline_kept"], answer["deadline_missed"], answer["escalations"]) == (0, 0, 0)
        assert (answer["approvals"], answer["overrides"]) == (0, 0)
        assert 0 <= answer["hours"] < 0.5
        assert tile(office, "bottlenecks", days, team) == {"steps": []}


def test_time_and_deadlines(office, deals):
    answer = office.call(
        "sales.process.task.report", "formatted_read_group", [], ["step_id", "user_id"],
        ["tasks:sum", "open_now:sum", "late_now:sum", "deadline_missed:sum"],
    )  # fmt: skip
    codes = {row["id"]: row["code"] for row in office.call("sales.process.step", "search_read", [], ["code"])}
    actual = {(codes[row["step_id"][0]], row["user_id"][1]): row for row in answer}
    waiting = deals[deals["closed"].isna()]
    expected = waiting.groupby([waiting["stage"].map(STEPS), "agent"]).size().to_dict()
    assert {key: row["open_now:sum"] for key, row in actual.items()} == expected
    assert {key: row["tasks:sum"] for key, row in actual.items()} == expected
    assert not any(row["late_now:sum"] or row["deadline_missed:sum"] for row in actual.values())


@pytest.fixture
def late(office, deals):
    """Open deals of every other rep, their task open for ten days, and late since one to three."""
    waiting = deals[deals["closed"].isna()].sort_values("ref")
    chosen = waiting[waiting["agent"].isin(sorted(waiting["agent"].unique())[::2])].copy()
    chosen["days"] = 1 + np.arange(len(chosen)) % 3
    leads = {
        row["external_ref"]: row["id"]
        for row in office.call("crm.lead", "search_read", [("external_ref", "in", chosen["ref"].tolist())],
                               ["external_ref"])
    }  # fmt: skip
    known = office.server.sql(
        "SELECT id, date_open, date_deadline FROM sales_process_task WHERE state = 'open'"
    )
    for days, rows in chosen.groupby("days"):
        office.server.sql(
            "UPDATE sales_process_task SET date_open = (now() AT TIME ZONE 'UTC') - interval '10 days',"
            " date_deadline = (now() AT TIME ZONE 'UTC') - %s * interval '1 day'"
            " WHERE state = 'open' AND lead_id = ANY(%s) RETURNING id",
            (int(days), [leads[ref] for ref in rows["ref"]]),
        )
    yield chosen
    office.server.sql(
        "UPDATE sales_process_task task SET date_open = known.opened, date_deadline = known.deadline"
        " FROM unnest(%s::int[], %s::timestamp[], %s::timestamp[]) known(id, opened, deadline)"
        " WHERE task.id = known.id RETURNING task.id",
        tuple(map(list, zip(*known, strict=True))),
    )


def test_late(office, deals, late):
    """Tiles, report and map tell what waits beyond its deadline, how long, and how much money with it."""
    for team in teams_of(office):
        mine = of_team(late, team)
        check_late_tiles(office, of_team(deals[deals["closed"].isna()], team), mine, team)
        filters = {"team_id": office.teams[team]} if team else {}
        answer = office.call("sales.process", "get_map", [office.process], filters)
        for node in answer["nodes"]:
            here = mine[mine["stage"].map(STEPS) == node["code"]]
            assert node["late"] == len(here), node
            assert node["share"]["late"] == pytest.approx(len(here) / len(mine))
        assert answer["totals"]["late"] == len(mine)
    check_late_people(office, late)


def check_late_tiles(office, waiting, mine, team):
    answer = tile(office, "deadlines", 30, team)
    found = (answer["open_now"], answer["late_now"], answer["deadline_missed"], answer["deadline_kept"])
    assert found == (len(waiting), len(mine), len(mine), 0)
    assert answer["hours"] == pytest.approx(240 * len(mine) / len(waiting), abs=0.6)
    by_agent = mine["agent"].value_counts()
    assert all(row["late"] == by_agent.get(row["name"], 0) for row in answer["load"])
    steps = {row["name"]: row for row in tile(office, "bottlenecks", 30, team)["steps"]}
    names = {row["code"]: row["name"] for row in office.call(
        "sales.process.step", "search_read", [("process_id", "=", office.process)], ["code", "name"]
    )}  # fmt: skip
    stages = {names[STEPS[stage]]: rows for stage, rows in mine.groupby("stage")}
    assert steps.keys() == stages.keys()
    for name, rows in stages.items():
        row = steps[name]
        assert (row["cases"], row["late_now"]) == (len(rows), len(rows))
        assert row["hours_late"] == pytest.approx(24 * rows["days"].mean(), abs=0.3)
        assert row["amount"] == pytest.approx(rows["price"].sum(), **CASH)
        assert row["delay"] == pytest.approx((rows["price"] * rows["days"]).sum(), rel=0.02)
    assert [row["delay"] for row in steps.values()] == sorted(
        (row["delay"] for row in steps.values()), reverse=True
    )


def check_late_people(office, late):
    answer = office.call(
        "sales.process.task.report", "formatted_read_group", [("late_now", "=", 1)], ["user_id"],
        ["late_now:sum", "amount_late:sum"],
    )  # fmt: skip
    actual = {row["user_id"][1]: (row["late_now:sum"], row["amount_late:sum"]) for row in answer}
    expected = late.groupby("agent")["price"].agg(["size", "sum"])
    assert {name: count for name, (count, _sum) in actual.items()} == expected["size"].to_dict()
    sums = {name: amount for name, (_count, amount) in actual.items()}
    assert sums == pytest.approx(expected["sum"].to_dict(), **CASH)
