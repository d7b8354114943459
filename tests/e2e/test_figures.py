"""Every figure of the analysis screens equals one that pandas works out from the CSV files of a pipeline.

The pipeline is made up, with the shape of a real one; SALES_PIPELINE=/folder takes real files. Their days are
moved to the last months, so that periods, forecast and back-test have something to tell.
"""

import io
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pipeline_file
import pytest
import requests
from lxml import html as lxml_html
from odoorpc.error import RPCError
from openpyxl.utils import get_column_letter

from tools.live_server import LiveServer
from tools.settings import ROOT

MOVES = ["entered", "moved_on", "moved_back", "won", "lost"]
STOCK = ["opening", "closing", "amount_opening", "amount_closing"]
BEFORE = [f"{money}{move}_before" for money in ("", "amount_") for move in ("entered", "won", "lost")]
FLOWS = MOVES + [f"amount_{move}" for move in MOVES] + ["amount_revalued"]
CASH = {"abs": 0.01}
DAYS = {"abs": 0.02}  # the clock goes on between the server's answer and ours
AGES = (0, 7, 14, 30, 60, 90, 180, 365)
ENOUGH = 20
REASON = "Not recorded (imported)"
STEPS = {"Prospecting": "complete_lead", "Engaging": "contact_result"}
ROLES = {"team": "team_id", "agent": "user_id", "country": "country_id", "stage": "stage_id"}


class Office:
    """A server into which the pipeline was brought: its answers, with the names of the files."""

    def __init__(self, server: LiveServer, deals: pd.DataFrame):
        self.server, self.deals = server, deals
        self.client, self.session = server.odoorpc(), server.session_id("admin")
        self.today = date.fromisoformat(self.shell_day())
        [process] = self.call(
            "sales.process", "search_read", [("code", "=", "new_business"), ("state", "=", "active")],
            ["display_name"],
        )  # fmt: skip
        self.process, self.process_name = process["id"], process["display_name"]
        phases = self.call(
            "sales.process.phase", "search_read", [("process_id", "=", self.process)], ["stage_ids"]
        )
        self.stages = dict.fromkeys(phases[0]["stage_ids"], "Prospecting")
        self.stages.update(dict.fromkeys(phases[1]["stage_ids"], "Engaging"))
        won = self.call("crm.stage", "search", [("is_won", "=", True)])
        self.stages.update(dict.fromkeys(won, "Won"))
        self.teams = self.names("crm.team", deals["team"])
        self.agents = self.names("res.users", deals["agent"])

    def shell_day(self):
        """Today, as the server's database has it: companies and users of a new one go by UTC."""
        return str(self.server.sql("SELECT (now() AT TIME ZONE 'UTC')::date")[0][0])

    def call(self, model, method, *args, **kwargs):
        return self.client.execute_kw(model, method, list(args), kwargs)

    def names(self, model, names):
        """{name: id}"""
        rows = self.call(model, "search_read", [("name", "in", sorted(set(names)))], ["name"])
        return {row["name"]: row["id"] for row in rows}

    def get(self, route, **parameters):
        """What the browser of an administrator is sent."""
        cookies = {"session_id": self.session}
        answer = requests.get(f"{self.server.url}{route}", params=parameters, cookies=cookies, timeout=120)
        answer.raise_for_status()
        return answer.content


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline")
    real = os.environ.get("SALES_PIPELINE")
    source = Path(real) if real else pipeline_file.make(folder / "made")
    live = LiveServer("figures", demo=False)
    try:
        live.open()
        pipeline_file.shift(source, folder / "lately", date.today())
        without_grace(live)
        bring_in(live, folder / "lately")
        made = Office(live, pipeline_file.read(folder / "lately"))
        count_anew(made)
        yield made
    finally:
        live.close()


def without_grace(server):
    """What is brought in is there to be done at once, not after two working days."""
    server.odoorpc().execute("ir.config_parameter", "set_param", "sales_process.grace_hours", "0")


def bring_in(server, folder):
    command = [sys.executable, ROOT / "examples" / "import_pipeline.py", folder, "--url", server.url]
    command += ["--db", server.db, "--report", folder / "report.csv"]
    done = subprocess.run(
        list(map(str, command)), env=os.environ | {"ODOO_PASSWORD": "admin"}, capture_output=True, text=True,
        timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def count_anew(office):
    """What the jobs do within minutes: the roll-up of the dynamics, then the forecast's chances."""
    roll_up(office)
    _model, cron = office.call(
        "ir.model.data", "check_object_reference", "sales_process", "ir_cron_sales_process_forecast"
    )
    office.server.wait_for(lambda: runs(office, cron), patience=120, what="the forecast's job")


def roll_up(office):
    office.call("sales.process.dynamics", "action_open")
    office.server.wait_for(
        lambda: office.server.sql("SELECT count(*) FROM sales_process_dynamics_day") == [(0,)],
        patience=300,
        what="the roll-up",
    )


def runs(office, cron):
    """Run a job; False while it runs by itself."""
    try:
        office.call("ir.cron", "method_direct_trigger", [cron])
    except RPCError:
        return False
    return True


# ----------------------------------------------------------------------
# What pandas says
# ----------------------------------------------------------------------


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


@pytest.fixture(scope="module")
def deals(office):
    return office.deals


@pytest.fixture(scope="module")
def moves(office):
    return moves_of(office.deals, office.today)


# ----------------------------------------------------------------------
# Funnel and portlet
# ----------------------------------------------------------------------


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


# ----------------------------------------------------------------------
# Dynamics
# ----------------------------------------------------------------------


def dynamics(office, domain, groupby, names):
    """{group: figures} as the graph and the pivot ask for them."""
    answer = office.call(
        "sales.process.dynamics", "formatted_read_group", domain, groupby, [f"{name}:sum" for name in names]
    )
    return {
        tuple(key_of(office, spec, row[spec]) for spec in groupby): {
            name: row[f"{name}:sum"] or 0 for name in names
        }
        for row in answer
    }


def key_of(office, spec, value):
    if spec == "stage_id":
        return office.stages[value[0]]
    if spec.startswith("date"):
        return value[0]
    return value[1] if value else ""


@pytest.mark.parametrize(
    ("granularity", "keys"),
    [
        ("day", ()), ("week", ()), ("week", ("stage",)), ("week", ("team",)), ("month", ("stage",)),
        ("month", ("agent",)), ("month", ("country",)), ("month", ("stage", "team")),
    ],
)  # fmt: skip
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


# ----------------------------------------------------------------------
# The workbook
# ----------------------------------------------------------------------

LABELS = {
    "Opening Stock": "opening", "Entered": "entered", "Moved On": "moved_on", "Moved Back": "moved_back",
    "Won": "won", "Lost": "lost", "Closing Stock": "closing", "Amount of Opening Stock": "amount_opening",
    "Amount Entered": "amount_entered", "Amount Revalued": "amount_revalued",
    "Amount Moved On": "amount_moved_on", "Amount Moved Back": "amount_moved_back",
    "Amount Won": "amount_won", "Amount Lost": "amount_lost", "Amount of Closing Stock": "amount_closing",
}  # fmt: skip
HEADING = 3


@pytest.fixture(scope="module")
def workbooks(office):
    """(with formulas, with their values)"""
    content = io.BytesIO(office.get("/sales_process/dynamics.xlsx", domain="[]"))
    return tuple(openpyxl.load_workbook(content, data_only=values) for values in (False, True))


def sheet_rows(sheet):
    heading, *rows = sheet.iter_rows(min_row=HEADING, values_only=True)
    return [dict(zip(heading, row, strict=True)) for row in rows if any(cell is not None for cell in row)]


@pytest.mark.parametrize("title", ["By Stage", "By Time", "By Salesperson", "By Source"])
def test_workbook(office, moves, workbooks, title):
    names_of = office.call("crm.stage", "read", list(office.stages), ["name"])
    stages = {row["name"]: office.stages[row["id"]] for row in names_of}
    *rows, total = sheet_rows(workbooks[1][title])
    [key] = [label for label in rows[0] if label not in LABELS]
    column = {"By Stage": ["stage"], "By Salesperson": ["agent"], "By Source": []}.get(title)
    if column is None:
        expected = happened(expected_dynamics(moves, [], "month", office.today))
    else:
        first, last = moves["day"].min(), pd.Timestamp(office.today)
        expected = expected_period(moves, column, first, last)
    actual = {}
    for row in rows:
        name = row[key].date().isoformat() if title == "By Time" else row[key]
        name = () if title == "By Source" else (stages[name] if title == "By Stage" else name,)
        actual[name] = {LABELS[label]: value for label, value in row.items() if label in LABELS}
    names = list(next(iter(actual.values())))
    same_rows(actual, expected, names)
    check_totals(workbooks[0][title], total, expected, names, by_time=title == "By Time")


def check_totals(sheet, total, expected, names, by_time):
    """Formulas over all rows, and the values that readers see who do not calculate."""
    last = HEADING + len(expected)
    for number, name in enumerate(names, 1):
        values = [row[name] for _key, row in sorted(expected.items())]
        letter = get_column_letter(number + 1)
        formula, value = f"=SUM({letter}{HEADING + 1}:{letter}{last})", sum(values)
        if by_time and name.endswith("opening"):
            formula, value = f"={letter}{HEADING + 1}", values[0]
        if by_time and name.endswith("closing"):
            formula, value = f"={letter}{last}", values[-1]
        assert sheet.cell(last + 1, number + 1).value == formula
        assert total[next(label for label in LABELS if LABELS[label] == name)] == pytest.approx(value, **CASH)


def test_rows_of_the_workbook(office, moves, workbooks):
    """The raw rows, all of them: whoever adds them up again comes to the same."""
    stages = {
        row["name"]: office.stages[row["id"]]
        for row in office.call("crm.stage", "read", list(office.stages), ["name"])
    }
    rows = pd.DataFrame(sheet_rows(workbooks[1]["Rows"])).rename(columns=LABELS)
    keys = ["Day", "Stage", "Salesperson", "Sales Team", "Country"]
    rows["Stage"] = rows["Stage"].map(stages)
    rows[keys] = rows[keys].fillna("")
    found = rows.groupby(keys)[FLOWS].sum()
    names = ["day", "stage", "agent", "team", "country"]
    expected = moves.assign(country=moves["country"].fillna("")).groupby(names)[FLOWS].sum()
    same_rows(found.to_dict("index"), expected.to_dict("index"), FLOWS)
    assert set(rows["Company"]) == {office.call("res.company", "search_read", [], ["name"])[0]["name"]}


# ----------------------------------------------------------------------
# Forecast
# ----------------------------------------------------------------------


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


@pytest.fixture(scope="module")
def past(office):
    return expected_past(office.deals, office.today)


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


# ----------------------------------------------------------------------
# The dashboard
# ----------------------------------------------------------------------


@pytest.fixture(params=[30, 90, 365])
def days(request):
    return request.param


def tile(office, name, days, team=None):
    return office.call(
        "sales.process.dashboard", "process_dashboard_tile", name, days, office.teams[team] if team else False
    )


def teams_of(office):
    return (None, *sorted(office.teams))


def of_team(rows, team):
    return rows[rows["team"] == team] if team else rows


def test_dashboard_funnel(office, deals, days):
    for team in teams_of(office):
        since = office.today - timedelta(days=days - 1)
        check_funnel(office, tile(office, "funnel", days, team), of_team(deals, team), since)


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


# ----------------------------------------------------------------------
# Time, map, ways, the log
# ----------------------------------------------------------------------


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


# ----------------------------------------------------------------------
# What is late
# ----------------------------------------------------------------------


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


# ----------------------------------------------------------------------
# The digest
# ----------------------------------------------------------------------


def test_digest(office, deals):
    """The mail that goes out tells what was won in the last day, week and month."""
    [digest] = office.call("digest.digest", "search", [], limit=1)
    admin = office.client.env.uid
    office.call("digest.digest", "write", [digest], {"user_ids": [(6, 0, [admin])], "kpi_process_won": True})
    office.call("digest.digest", "action_send", [digest])
    [mail] = office.call("mail.mail", "search_read", [], ["body_html"], order="id desc", limit=1)
    words = lxml_html.fromstring(mail["body_html"]).text_content().split("Amount Won")[1]
    told = [parsed(text) for text in re.findall(r"([\d.,]+[kMG]?)\s*Last ", words)[:3]]
    now = pd.Timestamp(datetime.utcnow())
    won = deals[deals["stage"] == "Won"]
    ended = won["closed"] + pd.Timedelta(hours=12)
    periods = (pd.DateOffset(days=1), pd.DateOffset(weeks=1), pd.DateOffset(months=1))
    for (amount, exact), period in zip(told, periods, strict=True):
        assert amount == pytest.approx(
            won.loc[(ended >= now - period) & (ended < now), "value"].sum(), abs=exact
        )
    assert told[2][0] > 0


def parsed(text):
    """(the amount, how exactly it is told) of a figure as people read it: 978.2k"""
    unit = {"k": 1e3, "M": 1e6, "G": 1e9}.get(text[-1], 1)
    return float(text.rstrip("kMG").replace(",", "")) * unit, 0.051 * unit if unit > 1 else 0.6


# ----------------------------------------------------------------------
# What people do afterwards
# ----------------------------------------------------------------------


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
