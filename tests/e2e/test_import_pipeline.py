"""examples/import_pipeline.py against a running server, with a made-up pipeline and all kinds of bad rows."""

import csv
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tools.live_server import LiveServer
from tools.settings import ROOT

SCRIPT = ROOT / "examples" / "import_pipeline.py"
SAMPLE = Path(__file__).parent / "data" / "pipeline"
STAGES = {"Won": 14, "Lost": 9, "Engaging": 7, "Prospecting": 4}
DOMAIN = "sellers.example"
GOOD = sum(STAGES.values())

# What the report must say about each bad row of the sample.
REASONS = {
    ("sales_pipeline.csv", "B-STAGE"): "deal_stage “Negotiating” is not one of",
    ("sales_pipeline.csv", "B-AMOUNT"): "close_value “12oo” is not a number",
    ("sales_pipeline.csv", "B-MILLENNIUM"): "engage_date 1017-02-01 cannot be",
    ("sales_pipeline.csv", "B-FUTURE"): "engage_date 2917-02-01 cannot be",
    ("sales_pipeline.csv", "B-NODATE"): "engage_date “02/01/2023” is not a date",
    ("sales_pipeline.csv", "B-ORDER"): "comes before engage_date",
    ("sales_pipeline.csv", "B-LONG"): "account is longer than 255 characters",
    ("sales_pipeline.csv", "Q001"): "comes twice",
    ("sales_pipeline.csv", "B-AGENT"): "is not (or not rightly) in sales_teams.csv",
    ("sales_pipeline.csv", "B-PRODUCT"): "is not (or not rightly) in products.csv",
    ("sales_pipeline.csv", "B-COMPANY"): "is not (or not rightly) in accounts.csv",
    ("sales_pipeline.csv", "B-REJECTED"): "is not (or not rightly) in accounts.csv",
    ("sales_pipeline.csv", "B-NOCLOSE"): "close_date is missing",
    ("sales_pipeline.csv", "B-NOVALUE"): "close_value is missing",
    ("sales_pipeline.csv", "B-NEGATIVE"): "close_value “-60” cannot be",
    ("sales_pipeline.csv", "B-OPENCLOSED"): "though the deal is Engaging",
    ("sales_pipeline.csv", ""): "opportunity_id is missing",
    ("sales_pipeline.csv", "B-SHORT"): "another number of columns",
    ("sales_pipeline.csv", "B-WIDE"): "another number of columns",
    ("sales_pipeline.csv", "B-CONTROL"): "unprintable",
    ("accounts.csv", "Many Workers"): "employees “a lot” is not a number",
    ("accounts.csv", "Harbour Mills"): "comes twice",
    ("products.csv", "Free Lunch"): "sales_price “for free” is not a number",
    ("sales_teams.csv", "Lone Wolf"): "manager is missing",
}
TABLES = (
    "crm_lead", "res_users", "res_partner", "crm_team", "crm_tag", "product_template",
    "crm_lead_external_ref", "crm_lead_stage_history",
)  # fmt: skip


@pytest.fixture(scope="module")
def server():
    """A server of its own: the import makes users, teams and deals."""
    live = LiveServer("import")
    try:
        yield live.open()
    finally:
        live.close()


@pytest.fixture
def run(server, tmp_path):
    """`run(folder, *options)` -> (exit code, output, errors, rows of the report)."""

    def call(folder, *options, password="admin"):
        report = tmp_path / "report.csv"
        command = [
            sys.executable,
            SCRIPT,
            folder,
            "--url",
            server.url,
            "--db",
            server.db,
            "--report",
            report,
            "--mail-domain",
            DOMAIN,
            *options,
        ]
        environment = os.environ | {"ODOO_PASSWORD": password}
        done = subprocess.run(
            list(map(str, command)),
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )
        assert "Traceback" not in done.stderr, done.stderr
        rows = list(csv.DictReader(report.open(encoding="utf-8"))) if report.exists() else []
        return done.returncode, done.stdout, done.stderr, rows

    return call


@pytest.fixture
def sample(tmp_path):
    """A copy of the sample, to be spoilt."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "pipeline"))


def counts(server):
    return {table: server.sql(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


# In the order of the file: nothing is there, then everything is.


@pytest.mark.parametrize("file", ["accounts.csv", "products.csv", "sales_teams.csv", "sales_pipeline.csv"])
def test_missing_file(server, run, sample, file):
    (sample / file).unlink()
    check_refused(server, run(sample), file, "No such file")


def test_missing_folder(server, run, sample):
    check_refused(server, run(sample / "nowhere"), "no such folder")


def test_missing_column(server, run, sample):
    path = sample / "sales_pipeline.csv"
    path.write_text(path.read_text("utf-8").replace("close_value", "value", 1), "utf-8")
    check_refused(server, run(sample), "sales_pipeline.csv", "no column close_value")


def test_empty_file(server, run, sample):
    (sample / "products.csv").write_text("")
    check_refused(server, run(sample), "products.csv", "no column product, series, sales_price")


def test_wrong_encoding(server, run, sample):
    path = sample / "accounts.csv"
    path.write_text(path.read_text("utf-8"), "latin-1")
    check_refused(server, run(sample), "accounts.csv", "not UTF-8")


def test_broken_quotes(server, run, sample):
    with (sample / "products.csv").open("a") as stream:
        stream.write('"Valve" Two,Valve,5\n')
    check_refused(server, run(sample), "products.csv", "line 6")


def test_wrong_password(server, run):
    check_refused(server, run(SAMPLE, password="wrong"), "cannot log in")


def test_unknown_database(server, run):
    check_refused(server, run(SAMPLE, "--db", "no_such_database"), "cannot log in to no_such_database")


def test_no_server(server, run):
    check_refused(server, run(SAMPLE, "--url", "http://127.0.0.1:9"), "http://127.0.0.1:9: no answer")


def test_unknown_process(server, run, sample):
    code, _out, errors, _report = run(sample, "--process", "no_such")
    assert (code, errors.strip()) == (2, "import_pipeline: there is no active process no_such")
    assert server.sql("SELECT count(*) FROM crm_lead_external_ref") == [(0,)]


def check_refused(server, result, *words):
    """Exit code 2, one clear line, and nothing in the database."""
    code, _out, errors, _report = result
    assert code == 2
    assert len(errors.strip().splitlines()) == 1
    assert all(word in errors for word in words), errors
    assert server.sql("SELECT count(*) FROM ir_model_data WHERE module = 'pipeline_import'") == [(0,)]
    assert server.sql("SELECT count(*) FROM crm_lead_external_ref") == [(0,)]


def test_import(server, run):
    server.forget_mails()
    code, output, errors, report = run(SAMPLE, "--batch", "10", "--verify")
    assert code == 1, "rows were left out"
    assert f"{GOOD} opportunities made, 0 were there" in output, output + errors
    assert "Odoo and the file agree." in output, output
    check_report(report)
    statuses = server.sql(
        "SELECT won_status, count(*) FROM crm_lead l"
        " JOIN crm_lead_external_ref r ON r.lead_id = l.id GROUP BY 1"
    )
    assert dict(statuses) == {"won": 14, "lost": 9, "pending": 11}


def check_report(report):
    told = {
        (
            row["file"],
            row["reference"][:9] if row["reference"].startswith("Überlang") else row["reference"],
        ): row["reason"]
        for row in report
        if row["level"] == "error"
    }
    assert told.pop(("accounts.csv", "Überlang ")) == "account is longer than 255 characters"
    assert told.keys() == REASONS.keys()
    assert not {key: told[key] for key in REASONS if REASONS[key] not in told[key]}
    warnings = Counter(row["reason"] for row in report if row["level"] == "warning")
    assert warnings["no company; the deal is brought in without one"] == companyless()
    assert warnings["product “PumpPro” read as “Pump Pro”"] > 0
    assert warnings["sector “technolgy” read as “technology”"] == 1
    assert warnings["country “Philipines” read as “Philippines”"] == 1
    assert warnings["country “Atlantis” is not known; left empty"] == 1
    assert sum("parent company" in reason for reason in warnings) == 2


def companyless():
    with (SAMPLE / "sales_pipeline.csv").open(encoding="utf-8", newline="") as stream:
        return sum(
            not row["account"] for row in csv.DictReader(stream) if row["opportunity_id"].startswith("Q")
        )


def test_what_became_of_a_deal(server):
    row = next(
        row
        for row in csv.DictReader((SAMPLE / "sales_pipeline.csv").open(encoding="utf-8"))
        if row["deal_stage"] == "Won"
    )
    call = server.json2()
    (lead,) = call(
        "crm.lead", "search_read", domain=[["external_ref", "=", row["opportunity_id"]]],
        fields=[
            "name", "expected_revenue", "date_open", "date_closed", "create_date", "won_status", "user_id",
            "message_ids",
        ],
    )  # fmt: skip
    assert (lead["won_status"], lead["expected_revenue"]) == ("won", float(row["close_value"]))
    assert lead["user_id"][1] == row["sales_agent"]
    assert lead["create_date"] == lead["date_open"] == f"{row['engage_date']} 12:00:00"
    assert lead["date_closed"] == f"{row['close_date']} 12:00:00"
    assert lead["message_ids"] == []
    history = server.sql(
        "SELECT COALESCE(s.is_won, false), h.date_enter::text, h.date_leave::text, h.won_status"
        " FROM crm_lead_stage_history h JOIN crm_stage s ON s.id = h.stage_id"
        " WHERE h.lead_id = %s ORDER BY h.id",
        (lead["id"],),
    )
    assert history == [
        (False, f"{row['engage_date']} 12:00:00", f"{row['close_date']} 12:00:00", "pending"),
        (True, f"{row['close_date']} 12:00:00", None, "won"),
    ]


def test_open_deals_run(server):
    steps = server.sql(
        "SELECT s.code, count(*) FROM sales_process_task t JOIN sales_process_step s ON s.id = t.step_id"
        " JOIN crm_lead_external_ref r ON r.lead_id = t.lead_id WHERE t.state = 'open' GROUP BY 1"
    )
    assert dict(steps) == {"complete_lead": STAGES["Prospecting"], "contact_result": STAGES["Engaging"]}


def test_companies(server):
    companies = server.sql(
        "SELECT c.name, p.name, n.name->>'en_US', i.name->>'en_US' FROM res_partner c"
        " LEFT JOIN res_partner p ON p.id = c.parent_id LEFT JOIN res_country n ON n.id = c.country_id"
        " LEFT JOIN res_partner_industry i ON i.id = c.industry_id"
        " JOIN ir_model_data d ON d.res_id = c.id AND d.model = 'res.partner'"
        " AND d.module = 'pipeline_import' AND d.name LIKE %s",
        ("company%",),
    )
    assert {row[0]: row[1:] for row in companies} == {
        "Harbour Mills": (None, "United States", "Technology"),
        "Blåfjell Verk": (None, "Norway", "Services"),
        "Blåfjell Service": ("Blåfjell Verk", "Norway", "Services"),
        "Cebu Trading": (None, "Philippines", "Retail"),
        "Han River Works": ("Harbour Mills", "South Korea", "Medical"),
        "Lost Orphans": (None, "Italy", "Retail"),
        "Ouroboros East": (None, "Japan", "Finance"),
        "Ouroboros West": ("Ouroboros East", "Japan", "Finance"),
        "Sunken Ltd": (None, None, "Retail"),
    }


def test_people(server):
    users = server.sql(
        "SELECT login, password, active FROM res_users WHERE login LIKE %s", ("%@sellers.example",)
    )
    assert {"ada.quill@sellers.example", "eve.idle@sellers.example", "greta.moss@sellers.example"} <= {
        row[0] for row in users
    }
    assert all(password is None for login, password, _active in users if login.startswith(("ada.", "greta.")))
    teams = server.sql(
        "SELECT t.name->>'en_US', p.name, count(m.id) FROM crm_team t JOIN res_users u ON u.id = t.user_id"
        " JOIN res_partner p ON p.id = u.partner_id JOIN crm_team_member m ON m.crm_team_id = t.id"
        " WHERE p.name IN ('Greta Moss', 'Hugo Fern') GROUP BY 1, 2 ORDER BY 1"
    )
    assert teams == [("Greta Moss, North", "Greta Moss", 2), ("Hugo Fern, South", "Hugo Fern", 3)]


def test_nobody_got_a_mail(server):
    """Neither about the imported deals nor to the users made for them; the demo data has its own."""
    about = server.sql(
        "SELECT g.subject FROM mail_message g JOIN crm_lead_external_ref r ON r.lead_id = g.res_id"
        " WHERE g.model = 'crm.lead'"
    )
    assert about == []
    assert [mail["Subject"] for mail in server.mails() if DOMAIN in mail["X-Envelope-To"]] == []


def test_again(server, run):
    before = counts(server)
    code, output, errors, _report = run(SAMPLE, "--verify")
    assert code == 1
    assert f"0 opportunities made, {GOOD} were there" in output, output + errors
    assert "Odoo and the file agree." in output
    assert counts(server) == before


def test_mended_rows_come_in(server, run, sample):
    path = sample / "sales_pipeline.csv"
    path.write_text(
        path.read_text("utf-8").replace("12oo", "1200").replace("1017-02-01", "2017-02-01"), "utf-8"
    )
    _code, output, errors, _report = run(sample, "--verify")
    assert f"2 opportunities made, {GOOD} were there" in output, output + errors
    assert "Odoo and the file agree." in output


def test_verify_finds_a_difference(server, run):
    lead = server.sql("SELECT lead_id FROM crm_lead_external_ref WHERE name = 'Q001'")[0][0]
    call = server.json2()
    value = call("crm.lead", "read", ids=[lead], fields=["expected_revenue"])[0]["expected_revenue"]
    call("crm.lead", "write", ids=[lead], vals={"expected_revenue": value + 1})
    code, output, _errors, _report = run(SAMPLE, "--verify")
    call("crm.lead", "write", ids=[lead], vals={"expected_revenue": value})
    assert code == 1
    assert "Odoo and the file differ." in output


def test_measure(server, run):
    before = counts(server)
    _code, output, errors, _report = run(SAMPLE, "--measure", "20")
    assert "process_import()" in output, output + errors
    assert counts(server) == before
