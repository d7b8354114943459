"""Funnel, velocity and the portlet, of everybody, of a team, a rep, a product, a country; and its tile."""

from datetime import datetime, timedelta

import pandas as pd
import pytest
from figures_office import REASON, teams_of, tile
from figures_pandas import CASH, DAYS, of_team


def check_funnel(office, answer, deals, since=None, until=None):
    """Of these deals alone, with what was decided in a period."""
    now = pd.Timestamp(datetime.utcnow())
    ended = deals[deals["closed"].notna()]
    if since:
        ended = ended[ended["closed"] >= pd.Timestamp(since)]
    if until:
        ended = ended[ended["closed"] <= pd.Timestamp(until)]
    won, lost = ended[ended["stage"] == "Won"], ended[ended["stage"] == "Lost"]
    before = None
    for row in answer["stages"]:
        role = office.stages.get(row["id"])
        stand = deals[deals["stage"] == role] if role != "Won" else won
        assert row["count"] == len(stand), row
        assert row["amount"] == pytest.approx(stand["value" if role == "Won" else "price"].sum(), **CASH)
        if role == "Engaging":
            age = (now - stand["engaged"] - pd.Timedelta(hours=12)) / pd.Timedelta(days=1)
            if len(stand):
                assert row["age_mean"] == pytest.approx(age.mean(), **DAYS)
                assert row["age_median"] == pytest.approx(age.median(), **DAYS)
            assert (row["moved_on"], row["moved_back"], row["dropped"]) == (len(won), 0, len(lost))
            assert row["dropped_amount"] == pytest.approx(lost["price"].sum(), **CASH)
            reasons = [(reason["name"], reason["count"]) for reason in row["reasons"]]
            assert reasons == ([(REASON, len(lost))] if len(lost) else [])
        else:
            assert (row["moved_on"], row["moved_back"], row["dropped"]) == (0, 0, 0), row
            assert row["dropped_amount"] == 0 and row["reasons"] == []
        if role == "Prospecting" and len(stand):
            assert 0 <= row["age_mean"] < 0.2 and 0 <= row["age_median"] < 0.2
        is_used = any(row[key] for key in ("count", "moved_on", "moved_back", "dropped"))
        if is_used and before == "Engaging" and len(ended):
            assert row["conversion"] == pytest.approx(len(won) / len(ended))
        else:
            assert row["conversion"] is False
        before = role if is_used else before  # a stage that no deal goes through is passed over
    check_velocity(answer, deals, won, lost)


def check_velocity(answer, deals, won, lost):
    assert (answer["won"], answer["lost"]) == (len(won), len(lost))
    assert answer["won_amount"] == pytest.approx(won["value"].sum(), **CASH)
    assert answer["lost_amount"] == pytest.approx(lost["price"].sum(), **CASH)
    if not len(won):
        assert (answer["cycle_days"], answer["velocity"]) == (False, False)
        return
    rate, cycle = len(won) / (len(won) + len(lost)), (won["closed"] - won["engaged"]).dt.days.mean()
    standing = deals["stage"].isin(("Prospecting", "Engaging")).sum()
    assert answer["win_rate"] == pytest.approx(rate)
    assert answer["cycle_days"] == pytest.approx(cycle)
    if len(won) < answer["enough_wins"]:
        assert answer["velocity"] is False
    else:
        assert answer["velocity"] == pytest.approx(standing * rate * won["value"].mean() / cycle)


def test_funnel(office, deals):
    check_funnel(office, office.call("crm.lead", "process_funnel", []), deals)
    for days in (30, 90, 365):
        since, until = office.today - timedelta(days=days), office.today - timedelta(days=days // 5)
        answer = office.call("crm.lead", "process_funnel", [], str(since), str(until))
        check_funnel(office, answer, deals, since, until)


def test_funnel_of_a_team_a_rep_a_product_and_a_country(office, deals):
    since = office.today - timedelta(days=200)
    for column, field in (
        ("team", "team_id"), ("agent", "user_id"), ("product", "tag_ids"), ("country", "country_id")
    ):  # fmt: skip
        for name in deals[column].dropna().unique():
            answer = office.call("crm.lead", "process_funnel", [(field, "=", name)], str(since))
            check_funnel(office, answer, deals[deals[column] == name], since)


def test_stages_now(office, deals):
    """The portlet "Deals by stage now"."""
    now = pd.Timestamp(datetime.utcnow())
    for team in (None, *office.teams):
        domain = [("team_id", "=", team)] if team else []
        mine = deals[deals["team"] == team] if team else deals
        answer = office.call("crm.lead", "process_stages_now", domain)
        rows = {office.stages.get(row["id"]): row for row in answer["stages"] if row["count"]}
        stand = mine[mine["closed"].isna()]
        assert {stage: row["count"] for stage, row in rows.items()} == stand["stage"].value_counts().to_dict()
        amounts = stand.groupby("stage")["price"].sum().to_dict()
        assert {stage: row["amount"] for stage, row in rows.items()} == pytest.approx(amounts)
        engaged = stand.loc[stand["stage"] == "Engaging", "engaged"] + pd.Timedelta(hours=12)
        ages = (now - engaged) / pd.Timedelta(days=1)
        assert rows["Engaging"]["age_mean"] == pytest.approx(ages.mean(), **DAYS)
        assert rows["Engaging"]["age_median"] == pytest.approx(ages.median(), **DAYS)


def test_dashboard_funnel(office, deals, days):
    for team in teams_of(office):
        since = office.today - timedelta(days=days - 1)
        check_funnel(office, tile(office, "funnel", days, team), of_team(deals, team), since)
