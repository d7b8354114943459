"""The process map, the ways that deals took, and the event log."""

import io
import json
import xml.etree.ElementTree as ElementTree
from datetime import timedelta

import pandas as pd
import pytest
from figures_office import teams_of
from figures_pandas import CASH, STEPS, of_team, same_rows


def test_map(office, deals):
    waiting = deals[deals["closed"].isna()]
    for team in teams_of(office):
        mine = of_team(waiting, team)
        filters = {"team_id": office.teams[team]} if team else {}
        answer = office.call("sales.process", "get_map", [office.process], filters)
        for node in answer["nodes"]:
            here = mine[mine["stage"].map(STEPS) == node["code"]]
            assert (node["open"], node["late"], node["left"]) == (len(here), 0, 0), node
            assert node["amount"] == pytest.approx(here["price"].sum(), **CASH)
            assert node["share"]["amount"] == pytest.approx(here["price"].sum() / mine["price"].sum())
            assert 0 <= node["wait"] < 0.5
        assert answer["totals"]["open"] == len(mine)
        assert answer["totals"]["amount"] == pytest.approx(mine["price"].sum(), **CASH)
    before = str(office.today - timedelta(days=2)) + " 00:00:00"
    answer = office.call("sales.process", "get_map", [office.process], {"as_of": before})
    assert answer["totals"]["open"] == 0, "nothing was in the process before the import"


def test_click_on_the_map_opens_what_it_counts(office, deals):
    [step] = office.call("sales.process.step", "search", [
        ("process_id", "=", office.process), ("code", "=", STEPS["Engaging"])
    ])  # fmt: skip
    for team in teams_of(office):
        filters = {"team_id": office.teams[team]} if team else {}
        action = office.call("sales.process", "action_map_open", [office.process], step, filters)
        found = office.call("crm.lead", "search_count", action["domain"], context={"active_test": False})
        assert found == (of_team(deals, team)["stage"] == "Engaging").sum()


def test_ways(office, deals):
    waiting = deals[deals["closed"].isna()]
    for team in teams_of(office):
        mine = of_team(waiting, team)
        filters = {"result": "open"} | ({"team_id": office.teams[team]} if team else {})
        answer = office.call("sales.process", "process_ways", "new_business", filters)
        by_step = {way["hops"][-1]["code"]: way for way in answer["ways"]}
        assert len(by_step) == len(answer["ways"]) == answer["total"]["ways"]
        for stage, rows in mine.groupby("stage"):
            way = by_step.pop(STEPS[stage])
            assert (way["count"], way["won"], way["lost"], way["win_rate"]) == (len(rows), 0, 0, False)
            assert way["share"] == pytest.approx(len(rows) / len(mine))
            assert way["amount"] == pytest.approx(rows["price"].sum(), **CASH)
            assert way["hours"] is False
            check_opened(office, way, filters, len(rows))
        assert not by_step
        assert answer["total"]["count"] == len(mine)


def check_opened(office, way, filters, count):
    action = office.call("sales.process", "action_ways_open", way["key"], filters)
    assert office.call("crm.lead", "search_count", action["domain"], context={"active_test": False}) == count


@pytest.mark.parametrize("kind", ["csv", "xes"])
def test_event_log(office, deals, kind):
    """Each open deal once, standing at its step, with its money."""
    content = office.get(
        f"/sales_process/events.{kind}", code="new_business", filters=json.dumps({"result": "all"})
    )
    rows = read_csv_log(content) if kind == "csv" else read_xes(content)
    waiting = deals[deals["closed"].isna()]
    started = rows[rows["lifecycle"] == "start"]
    assert rows["case_id"].nunique() == started["case_id"].nunique() == len(waiting)
    by_step = waiting.groupby(["team", waiting["stage"].map(STEPS)])["price"].agg(["count", "sum"])
    found = started.groupby(["team", "step"])["amount"].agg(["count", "sum"])
    same_rows(found.to_dict("index"), by_step.to_dict("index"), ["count", "sum"])
    assert set(rows["result"]) == {"running"}


def read_csv_log(content):
    return pd.read_csv(io.BytesIO(content), encoding="utf-8-sig")


def read_xes(content):
    """A row for each event, with what is known of its trace."""
    space = "{http://www.xes-standard.org/}"
    rows = []
    for trace in ElementTree.fromstring(content).iter(f"{space}trace"):
        case = {one.get("key"): one.get("value") for one in trace if one.tag != f"{space}event"}
        for event in trace.iter(f"{space}event"):
            known = {one.get("key"): one.get("value") for one in event}
            rows.append({
                "case_id": case["concept:name"], "team": case["team"], "result": case["result"],
                "amount": float(case["amount"]), "step": known["step"],
                "lifecycle": known["lifecycle:transition"],
            })  # fmt: skip
    return pd.DataFrame(rows)
