"""The forecast of open deals, its back-test, and its tile."""

import numpy as np
import pandas as pd
import pytest
from figures_office import teams_of, tile
from figures_pandas import CASH, forecast_now, months_before, of_team


def test_forecast_of_open_deals(office, deals):
    """Each deal: the chance of its stage, at its age; the day it lands on; and what it is then worth."""
    refs = {
        row["id"]: row["external_ref"]
        for row in office.call("crm.lead", "search_read", [("won_status", "=", "pending")], ["external_ref"])
    }
    names = ["lead_id", "date", "rate", "basis", "amount", "expected", "value", "is_guess", "deals"]
    rows = office.call("sales.process.forecast", "search_read", [("figure", "=", "open")], names)
    actual = {refs[row["lead_id"][0]]: row for row in rows}
    # Of those in Prospecting nobody can say anything yet: none like them was ever decided.
    silent = deals[deals["stage"] == "Prospecting"].assign(rate=np.nan, landing=pd.NaT, basis=None)
    whole = pd.concat([forecast_now(office, deals), silent]).set_index("ref")
    assert actual.keys() == set(whole.index)
    for ref, deal in whole.iterrows():
        row = actual[ref]
        assert row["date"] == (False if pd.isna(deal["landing"]) else str(deal["landing"].date())), ref
        assert row["rate"] == pytest.approx(0 if pd.isna(deal["rate"]) else deal["rate"], abs=1e-6), ref
        assert row["basis"] == (deal["basis"] or False), ref
        assert (row["amount"], row["deals"], row["is_guess"]) == (deal["price"], 1, True)
        worth = 0 if pd.isna(deal["rate"]) else deal["price"] * deal["rate"]
        assert row["expected"] == row["value"] == pytest.approx(worth, abs=0.02), ref


def test_back_test(office, past):
    """What would have been forecast at the beginning of each past month, and what came true."""
    answer = office.call(
        "sales.process.forecast", "formatted_read_group", [("figure", "in", ["then", "true"])],
        ["date:month", "figure", "team_id"], ["value:sum", "deals:sum", "error:sum"],
    )  # fmt: skip
    actual = {
        (row["date:month"][0], row["figure"], row["team_id"][1]): (row["deals:sum"], row["value:sum"])
        for row in answer
    }
    assert actual.keys() == past.keys()
    for key, (count, amount) in past.items():
        assert actual[key][0] == count, key
        assert actual[key][1] == pytest.approx(amount, abs=0.5, rel=1e-5), key
    assert all(sum(key[1] == figure for key in past) > 5 for figure in ("then", "true"))


def test_dashboard_forecast(office, deals, past):
    told = forecast_now(office, deals)
    told["worth"] = told["price"] * told["rate"]
    this_month = str(months_before(office.today, 0).date())
    for team in teams_of(office):
        answer = tile(office, "forecast", 90, team)
        mine, missed, total = of_team(told, team), 0, 0
        assert [row["date"] for row in answer["months"]] == [
            str(months_before(office.today, back).date()) for back in range(6, -4, -1)
        ]
        for row in answer["months"]:
            then, true = (
                sum(amount for (month, figure, one), (_count, amount) in past.items()
                    if (month, figure) == (row["date"], kind) and team in (None, one))
                for kind in ("then", "true")
            )  # fmt: skip
            lands = mine[mine["landing"].dt.to_period("M").dt.start_time == pd.Timestamp(row["date"])]
            assert row["then"] == pytest.approx(then, abs=0.5, rel=1e-5), row
            assert row["true"] == pytest.approx(true, **CASH), row
            assert row["open"] == pytest.approx(lands["worth"].sum(), abs=0.5), row
            assert (row["renewal"], row["is_over"]) == (0, row["date"] < this_month)
            if row["is_over"] and then:
                missed, total = missed + abs(then - true), total + true
        assert answer["no_month"] == pytest.approx(mine.loc[mine["landing"].isna(), "worth"].sum(), abs=0.5)
        assert answer["error"] == pytest.approx(missed / total, rel=1e-4)
