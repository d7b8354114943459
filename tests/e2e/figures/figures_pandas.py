"""What pandas says of a pipeline's deals: the figures that the screens are compared with."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

MOVES = ["entered", "moved_on", "moved_back", "won", "lost"]
STOCK = ["opening", "closing", "amount_opening", "amount_closing"]
BEFORE = [f"{money}{move}_before" for money in ("", "amount_") for move in ("entered", "won", "lost")]
FLOWS = MOVES + [f"amount_{move}" for move in MOVES] + ["amount_revalued"]
CASH = {"abs": 0.01}
DAYS = {"abs": 0.02}  # the clock goes on between the server's answer and ours
AGES = (0, 7, 14, 30, 60, 90, 180, 365)
ENOUGH = 20
STEPS = {"Prospecting": "complete_lead", "Engaging": "contact_result"}


def moves_of(deals, today):
    """A row for each thing that happened: day, stage, what, whose, what it was worth then and at entry."""
    deals = deals.assign(now=pd.Timestamp(today))
    parts = []

    def add(rows, day, stage, what, amount, entry="price"):
        keys = rows[["ref", "team", "agent", "country", "stage"]].rename(columns={"stage": "fate"})
        parts.append(keys.assign(
            day=rows[day], stage=stage, what=what, amount=rows[amount].astype(float),
            entry=rows[entry].astype(float), change=1 if what == "entered" else -1,
        ))  # fmt: skip

    add(deals[deals["stage"] == "Prospecting"], "now", "Prospecting", "entered", "price")
    add(deals[deals["stage"] != "Prospecting"], "engaged", "Engaging", "entered", "price")
    add(deals[deals["stage"] == "Won"], "closed", "Engaging", "won", "value")
    add(deals[deals["stage"] == "Lost"], "closed", "Engaging", "lost", "price")
    moves = pd.concat(parts, ignore_index=True)
    for what in MOVES:
        moves[what] = (moves["what"] == what).astype(int)
        moves[f"amount_{what}"] = moves[what] * moves["amount"]
    moves["amount_change"] = moves["change"] * moves["entry"]
    moves["amount_revalued"] = np.where(moves["what"] == "entered", 0, moves["amount"] - moves["entry"])
    return moves


def bucket(days, granularity):
    """The first day of the day, week (they begin on Sunday where nobody says otherwise) or month."""
    if granularity == "month":
        return days.dt.to_period("M").dt.start_time
    return days.dt.to_period("W-SAT" if granularity == "week" else "D").dt.start_time


def expected_dynamics(moves, keys, granularity, today):
    """{group: figures} of the whole time, by time and keys."""
    keys = [moves[key].fillna("") for key in keys]
    sums = moves.groupby([bucket(moves["day"], granularity), *keys])[
        [*FLOWS, "change", "amount_change"]
    ].sum()
    frequency = {"day": "D", "week": "W-SUN", "month": "MS"}[granularity]
    every = pd.date_range(sums.index.get_level_values(0).min(), pd.Timestamp(today), freq=frequency)
    found = {}
    groups = sums.groupby(level=list(range(1, len(keys) + 1))) if keys else [((), sums)]
    for key, rows in groups:
        key = key if isinstance(key, tuple) else (key,)
        rows = rows.droplevel(list(range(1, len(keys) + 1))).reindex(every, fill_value=0)
        for money in ("", "amount_"):
            rows[f"{money}closing"] = rows[f"{money}change"].cumsum()
            rows[f"{money}opening"] = rows[f"{money}closing"] - rows[f"{money}change"]
        for name in BEFORE:
            rows[name] = rows[name.removesuffix("_before")].shift(fill_value=0)
        for day, row in rows.iterrows():
            found[(str(day.date()), *key)] = row.to_dict()
    return found


def expected_period(moves, keys, first, last):
    length = last - first + pd.Timedelta(days=1)
    if first.day == 1 and (last + pd.Timedelta(days=1)).day == 1:
        length = None
    begin = first - length if length is not None else months_before(first, months_between(first, last))
    columns = [*FLOWS, "change", "amount_change"]
    groups = [moves[key].fillna("") for key in keys]

    def sums(chosen):
        rows = moves[chosen]
        if not keys:
            return {(): rows[columns].sum().to_dict()}
        found = rows.groupby([group[chosen] for group in groups])[columns].sum()
        return {(key if isinstance(key, tuple) else (key,)): row.to_dict() for key, row in found.iterrows()}

    within = sums((moves["day"] >= first) & (moves["day"] <= last))
    earlier = sums(moves["day"] < first)
    previous = sums((moves["day"] >= begin) & (moves["day"] < first))
    none = dict.fromkeys(columns, 0)
    result = {}
    for key in within.keys() | earlier.keys():
        now, old, past = within.get(key, none), earlier.get(key, none), previous.get(key, none)
        result[key] = {name: now[name] for name in FLOWS}
        for money in ("", "amount_"):
            result[key][f"{money}opening"] = old[f"{money}change"]
            result[key][f"{money}closing"] = old[f"{money}change"] + now[f"{money}change"]
        result[key].update({name: past[name.removesuffix("_before")] for name in BEFORE})
    return result


def months_between(first, last):
    return (last.year - first.year) * 12 + last.month - first.month + 1


def happened(found):
    """The groups in which something was or happened."""
    return {
        key: row for key, row in found.items() if any(abs(row[name]) > 0.001 for name in (*FLOWS, *STOCK))
    }


def same_rows(actual, expected, names, **tolerance):
    """Two {key: figures} have the same keys and figures; says the first that differ."""
    assert sorted(actual.keys() ^ expected.keys(), key=str)[:5] == []
    different = [
        (key, name, row[name], expected[key][name])
        for key, row in actual.items()
        for name in names
        if row[name] != pytest.approx(expected[key][name], **(tolerance or CASH))
    ]
    assert different[:5] == []
    return len(actual)


def of_team(rows, team):
    return rows[rows["team"] == team] if team else rows


def months_before(day, months):
    return (pd.Timestamp(day).to_period("M") - months).start_time


def chances(deals, as_of):
    """{team: [(from which age, rate, days, longest, basis)]}; None: of teams without deals of late."""
    decided = deals[deals["stage"].isin(("Won", "Lost"))]
    month = decided["closed"].dt.to_period("M").dt.start_time
    ever = decided.assign(days=(decided["closed"] - decided["engaged"]).dt.days)[month < pd.Timestamp(as_of)]
    recent = ever[month[ever.index] >= months_before(as_of, 12)]
    found = {}
    for team in [*recent["team"].unique(), None]:
        scopes = {"team": recent[recent["team"] == team], "company": recent, "ever": ever}
        enough = [(basis, rows) for basis, rows in scopes.items() if len(rows) >= ENOUGH]
        basis, rows = enough[0] if enough else ("ever", ever)
        if len(rows):
            found[team] = ladder(rows, basis)
    return found


def ladder(rows, basis):
    won = rows.loc[rows["stage"] == "Won", "days"]
    result = []
    for age in AGES:
        old, paid = rows[rows["days"] >= age], won[won >= age]
        if age and len(old) < ENOUGH:
            break
        days = int(paid.median()) if len(paid) else None
        result.append((age, len(paid) / len(old), days, won.max() if len(won) else None, basis))
    return result


def forecast(deals, standing, as_of, known):
    """Of some deals in Engaging the chance on a day, told from all, and when they land (NaT: on no day).

    :param known: what was decided before this day is known.
    """
    table, rows = chances(deals, known), []
    as_of = pd.Timestamp(as_of)
    for deal in standing.itertuples():
        steps = table.get(deal.team) or table.get(None)
        age = (as_of - deal.engaged).days
        rate, landing, basis = np.nan, pd.NaT, None
        if steps:
            _age, rate, days, longest, basis = [step for step in steps if step[0] <= age][-1]
            if days is not None and age <= longest:
                landing = max(deal.engaged + pd.Timedelta(days=days), as_of)
        rows.append((rate, landing, basis))
    rates, landings, bases = zip(*rows, strict=True) if rows else ((), (), ())
    return standing.assign(
        rate=rates, landing=pd.to_datetime(pd.Series(landings, standing.index)), basis=bases
    )


def forecast_now(office, deals):
    return forecast(
        deals, deals[deals["stage"] == "Engaging"], office.today, office.today + timedelta(days=1)
    )


def expected_past(deals, today):
    """{(month, figure, team): amount} of the last twelve months and this one."""
    found = {}
    for month in (months_before(today, back) for back in range(12, -1, -1)):
        end = month + pd.offsets.MonthBegin(1)
        standing = deals[(deals["engaged"] < month) & ~(deals["closed"] < month)]
        told = forecast(deals, standing, month, known=month)
        came = deals[(deals["stage"] == "Won") & (deals["closed"] >= month) & (deals["closed"] < end)]
        for team in deals["team"].unique():
            mine = told[(told["team"] == team) & (told["landing"] < end)]
            if len(mine):
                amount = (mine["price"] * mine["rate"]).sum()
                found[str(month.date()), "then", team] = (len(mine), amount)
            mine = came[came["team"] == team]
            if len(mine):
                found[str(month.date()), "true", team] = (len(mine), mine["value"].sum())
    return found
