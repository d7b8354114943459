"""The workbook of the deal dynamics, sheet by sheet."""

import io

import openpyxl
import pandas as pd
import pytest
from figures_pandas import CASH, FLOWS, expected_dynamics, expected_period, happened, same_rows
from openpyxl.utils import get_column_letter

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
