#!/usr/bin/env python3
"""Bring an existing sales pipeline, kept in CSV files, into Odoo with its true history.

    pip install odoorpc
    export ODOO_PASSWORD=...
    python3 import_pipeline.py FOLDER --db company --verify

FOLDER holds four files (UTF-8, with a header line; other columns are not looked at):

    sales_pipeline.csv  opportunity_id, sales_agent, product, account, deal_stage, engage_date, close_date,
                        close_value
    accounts.csv        account, sector, year_established, revenue, employees, office_location, subsidiary_of
    sales_teams.csv     sales_agent, manager, regional_office
    products.csv        product, series, sales_price

What becomes of them:

    account        company, with its parent company, industry and country; for revenue, employees and year
                   Odoo has no field: they are in its notes
    sales_agent    user without a password: nobody can log in as them before an administrator invites them
    manager        user, and leader of a team of their agents; the teams are given the process
    product        product, and a tag of the same name on the deals: old deals get no orders, which would
                   count twice in the sales figures, and yet the pipeline has sums by product
    opportunity    opportunity; its id is the external reference, so a second run makes no second one
    Prospecting    stands in the first phase of the process since the import: no date is known
    Engaging       stands in the second phase since engage_date
    Won            in the second phase from engage_date to close_date, then in the won stage
    Lost           in the second phase from engage_date to close_date, then archived with a lost reason
    close_value    expected revenue of what is won or lost; of open deals it is the list price

A date without a time becomes noon UTC, which is that same day nearly everywhere.
Rows that cannot be right are left out and listed, with the reason, in the report (a CSV file); so is
whatever was corrected or is missing. The rest goes on. Files that cannot be read stop it before anything is
written.

Exit status: 0 all rows are in, 1 some are not or --verify found a difference, 2 it had to stop. Whatever was
brought in before stays; run it again to go on.
"""

import argparse
import csv
import getpass
import itertools
import os
import re
import sys
import time
import urllib.error
import urllib.parse
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path

MODULE = "pipeline_import"  # where the external ids of what we make live
COLUMNS = {
    "accounts.csv": "account sector year_established revenue employees office_location subsidiary_of",
    "products.csv": "product series sales_price",
    "sales_teams.csv": "sales_agent manager regional_office",
    "sales_pipeline.csv": (
        "opportunity_id sales_agent product account deal_stage engage_date close_date close_value"
    ),
}
# Known misspellings, and what Odoo calls otherwise.
CORRECTIONS = {
    "sector": {"technolgy": "technology"},
    "country": {"Philipines": "Philippines", "Korea": "South Korea"},
}
LONGEST = 255
EARLIEST = date(1900, 1, 1)
NOON = " 12:00:00"


class Stop(Exception):
    """What makes it senseless to go on; the text is for the user."""


# ---------------------------------------------------------------------------
# The report
# ---------------------------------------------------------------------------


@dataclass
class Report:
    """Errors (a row is left out) and warnings (it is in, but), by file, line and reference."""

    lines: list = field(default_factory=list)

    def add(self, level, file, line, reference, text):
        self.lines.append((level, file, line, reference, text))

    def count(self, level):
        return sum(1 for line in self.lines if line[0] == level)

    def rejected(self):
        """Numbers of the lines of the pipeline that were left out."""
        return {line[2] for line in self.lines if line[0] == "error" and line[1] == "sales_pipeline.csv"}

    def write(self, path):
        with open(path, "w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["level", "file", "line", "reference", "reason"])
            writer.writerows(self.lines)


# ---------------------------------------------------------------------------
# Reading the files
# ---------------------------------------------------------------------------


def read_file(folder, name):
    """The rows of a file with their line numbers; Stop if it is not what it should be."""
    path = folder / name
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            missing = [column for column in COLUMNS[name].split() if column not in (reader.fieldnames or ())]
            if missing:
                raise Stop(f"{path}: no column {', '.join(missing)}")
            return [(reader.line_num, row) for row in reader]
    except UnicodeDecodeError as error:
        raise Stop(
            f"{path}: not UTF-8 (byte {error.object[error.start]:#04x}): save it as UTF-8 first"
        ) from None
    except csv.Error as error:
        raise Stop(f"{path}: line {reader.line_num + 1}: {error}") from None
    except OSError as error:
        raise Stop(f"{path}: {error.strerror}") from None


class Rows:
    """Goes through a file, cleans its rows and keeps those that can be right."""

    def __init__(self, folder, name, key, report):
        self.name, self.key, self.report = name, key, report
        self.rows = read_file(folder, name)
        self.line = self.reference = None

    def parse(self, parse_row):
        """``{key: parsed row}`` of the good rows; the others go to the report."""
        good = {}
        for line, row in self.rows:
            self.line = line
            self.reference = (row[self.key] or "").strip()[:LONGEST]
            try:
                clean = self.clean(row)
                if clean[self.key] in good:
                    raise ValueError(f"{self.key} {clean[self.key]} comes twice; the first row stands")
                good[clean[self.key]] = parse_row(clean)
            except ValueError as error:
                self.report.add("error", self.name, self.line, self.reference, str(error))
        return good

    def clean(self, row):
        if None in row or None in row.values():
            raise ValueError("the row has another number of columns than the header")
        clean = {name: " ".join(value.split()) for name, value in row.items()}
        for name, value in clean.items():
            if len(value) > LONGEST:
                raise ValueError(f"{name} is longer than {LONGEST} characters")
            if any(not char.isprintable() for char in value):
                raise ValueError(f"{name} has unprintable characters")
        if not clean[self.key]:
            raise ValueError(f"{self.key} is missing")
        return clean

    def warn(self, text):
        self.report.add("warning", self.name, self.line, self.reference, text)

    def correct(self, kind, value):
        """The right spelling of a name that is known to come misspelt."""
        right = CORRECTIONS[kind].get(value, value)
        if right != value:
            self.warn(f"{kind} “{value}” read as “{right}”")
        return right

    def find(self, column, name, known):
        """A name as the file that defines it has it; blanks and capitals do not count."""
        if name in known:
            return name
        same = [right for right in known if squash(right) == squash(name)]
        if len(same) == 1:
            self.warn(f"{column} “{name}” read as “{same[0]}”")
            return same[0]
        return None


def utc_now():
    return datetime.now(timezone.utc)  # noqa: UP017 - for Python 3.10


def squash(name):
    """A name without blanks and capitals."""
    return "".join(name.lower().split())


def number(row, column, *, required=False):
    text = row[column]
    if not text and not required:
        return 0.0
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{column} “{text}” is not a number" if text else f"{column} is missing") from None
    if not 0 <= value < 1e12:
        raise ValueError(f"{column} “{text}” cannot be")
    return value


def day(row, column, *, required=False):
    text = row[column]
    if not text:
        if required:
            raise ValueError(f"{column} is missing, though the deal is {row['deal_stage']}")
        return None
    try:
        value = datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise ValueError(f"{column} “{text}” is not a date (YYYY-MM-DD)") from None
    if not EARLIEST <= value <= utc_now().date():
        raise ValueError(f"{column} {text} cannot be; expected a date from {EARLIEST.year} to today")
    return value


@dataclass
class Pipeline:
    """What the files say, cleaned."""

    accounts: dict
    products: dict
    agents: dict
    deals: dict
    report: Report


def read_pipeline(folder, report, limit=None):
    if not folder.is_dir():
        raise Stop(f"{folder}: no such folder")
    files = {
        name: Rows(folder, name, COLUMNS[name].split()[0], report) for name in COLUMNS
    }  # all of them are there before any of them is looked into
    accounts = files["accounts.csv"].parse(lambda row: read_account(files["accounts.csv"], row))
    check_parents(files["accounts.csv"], accounts)
    products = files["products.csv"].parse(
        lambda row: row | {"price": number(row, "sales_price", required=True)}
    )
    agents = files["sales_teams.csv"].parse(read_agent)
    pipeline = Pipeline(accounts, products, agents, {}, report)
    rows = files["sales_pipeline.csv"]
    rows.rows = rows.rows[:limit]
    pipeline.deals = rows.parse(lambda row: read_deal(rows, row, pipeline))
    return pipeline


def read_account(rows, row):
    row["sector"] = rows.correct("sector", row["sector"])
    row["country"] = rows.correct("country", row["office_location"])
    for column in ("year_established", "revenue", "employees"):
        number(row, column)
    return row | {"line": rows.line}


def check_parents(rows, accounts):
    """A parent must be there, and nobody may be their own; else it is left out."""
    for name, account in accounts.items():
        seen, parent = {name}, account["subsidiary_of"]
        while parent and parent in accounts and parent not in seen:
            seen.add(parent)
            parent = accounts[parent]["subsidiary_of"]
        if parent:
            rows.line, rows.reference = account["line"], name
            rows.warn(
                f"parent company “{account['subsidiary_of']}” left out: "
                + (
                    "the companies own each other in a circle"
                    if parent in seen
                    else f"“{parent}” is not in the file"
                )
            )
            account["subsidiary_of"] = ""


def read_agent(row):
    if not row["manager"]:
        raise ValueError("manager is missing")
    return row


def read_deal(rows, row, pipeline):
    stage = row["deal_stage"]
    if stage not in ("Prospecting", "Engaging", "Won", "Lost"):
        raise ValueError(f"deal_stage “{stage}” is not one of Prospecting, Engaging, Won, Lost")
    for column, known, file in (
        ("sales_agent", pipeline.agents, "sales_teams.csv"),
        ("product", pipeline.products, "products.csv"),
        ("account", pipeline.accounts, "accounts.csv"),
    ):
        name = row[column]
        row[column] = rows.find(column, name, known) if name else ""
        if not row[column] and (name or column != "account"):
            raise ValueError(f"{column} “{name}” is not (or not rightly) in {file}")
    closed = stage in ("Won", "Lost")
    engaged = day(row, "engage_date", required=stage != "Prospecting")
    ended = day(row, "close_date", required=closed)
    if ended and not closed:
        raise ValueError(f"close_date {ended}, though the deal is {stage}")
    if engaged and ended and ended < engaged:
        raise ValueError(f"close_date {ended} comes before engage_date {engaged}")
    value = number(row, "close_value", required=closed)
    if not row["account"]:
        rows.warn("no company; the deal is brought in without one")
    return row | {"line": rows.line, "engaged": engaged, "ended": ended, "value": value}


# ---------------------------------------------------------------------------
# Odoo
# ---------------------------------------------------------------------------


def connect(options):
    try:
        import odoorpc
    except ImportError:
        raise Stop("odoorpc is not installed: pip install odoorpc") from None
    url = urllib.parse.urlsplit(options.url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise Stop(f"{options.url}: not an address like http://127.0.0.1:8069")
    secure = url.scheme == "https"
    try:
        odoo = odoorpc.ODOO(
            url.hostname, protocol="jsonrpc+ssl" if secure else "jsonrpc",
            port=url.port or (443 if secure else 80), timeout=options.timeout,
        )  # fmt: skip
        odoo.login(options.db, options.user, password_of(options))
    except urllib.error.URLError as error:
        raise Stop(f"{options.url}: no answer ({error.reason})") from None
    except odoorpc.error.Error as error:
        raise Stop(
            f"{options.url}: cannot log in to {options.db} as {options.user}: {first_line(error)}"
        ) from None
    odoo.config["auto_context"] = False
    return Odoo(odoo, odoorpc.error.Error)


def password_of(options):
    password = options.password or os.environ.get(options.password_env)
    if password is None and sys.stdin.isatty():
        password = getpass.getpass(f"Password of {options.user}: ")
    if not password:
        raise Stop(f"no password: set {options.password_env} in the environment")
    return password


def first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class Odoo:
    """Calls a server by OdooRPC."""

    def __init__(self, odoo, error):
        self.odoo, self.error = odoo, error

    def call(self, model, method, *args, context=None, **kwargs):
        kwargs["context"] = {"lang": "en_US"} | (context or {})
        try:
            return self.odoo.execute_kw(model, method, args, kwargs)
        except self.error as error:
            raise Stop(f"{model}.{method}: {first_line(error)}") from None

    def read(self, model, domain, fields, **context):
        return self.call(model, "search_read", domain, fields, context={"active_test": False} | context)

    def known(self, kind):
        """``{external id: record id}`` of what earlier runs have made."""
        found = self.read(
            "ir.model.data", [["module", "=", MODULE], ["name", "=like", f"{kind}_%"]], ["name", "res_id"]
        )
        return {row["name"]: row["res_id"] for row in found}

    def ensure(self, model, kind, rows, match, context=None):
        """``{name: id}``: what an earlier run made, what is there by that name, and the rest made now."""
        known, ids, missing = self.known(kind), {}, {}
        for name, values in rows.items():
            xmlid = f"{kind}_{slug(name)}"
            if xmlid in known:
                ids[name] = known[xmlid]
            else:
                missing[name] = {"id": f"{MODULE}.{xmlid}"} | values
        if missing:
            wanted = {values[match]: name for name, values in missing.items()}
            for row in self.read(model, [[match, "in", list(wanted)]], [match]):
                name = wanted.get(row[match])
                if missing.pop(name, None):
                    ids[name] = row["id"]
        ids.update(self.make(model, missing, context))
        return ids

    def make(self, model, rows, context=None):
        """Make records with external ids by Odoo's own import."""
        if not rows:
            return {}
        columns = list(next(iter(rows.values())))
        table = [[values[column] for column in columns] for values in rows.values()]
        result = self.call(
            model, "load", columns, table, context={"tracking_disable": True} | (context or {})
        )
        if not result["ids"]:
            raise Stop(
                f"{model}: {'; '.join(sorted({message['message'] for message in result['messages']}))}"
            )
        return dict(zip(rows, result["ids"], strict=True))


def slug(name):
    """Part of an external id; two names that differ in what is dropped still differ."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return (
        plain if plain and plain == name.lower().replace(" ", "_") else f"{plain}_{name.encode().hex()[:40]}"
    )


class Importer:
    """Makes what the deals refer to, then the deals."""

    def __init__(self, odoo, pipeline, options):
        self.odoo, self.pipeline, self.options = odoo, pipeline, options
        self.report = pipeline.report
        self.companies, self.users, self.tags, self.teams, self.stages = {}, {}, {}, {}, {}
        self.lost_reason = None

    def prepare(self):
        self.companies = self.make_companies()
        self.tags = self.make_products()
        self.users = self.make_users()
        self.teams = self.make_teams()
        self.give_process()
        self.stages = {team: self.stages_of(team) for team in self.teams.values()}
        reasons = {"unknown": {"name": "Not recorded (imported)"}}
        self.lost_reason = self.odoo.ensure("crm.lost.reason", "lost_reason", reasons, "name")["unknown"]

    def make_companies(self):
        sectors = {row["sector"] for row in self.pipeline.accounts.values() if row["sector"]}
        industries = self.odoo.ensure(
            "res.partner.industry",
            "industry",
            {name: {"name": name.capitalize()} for name in sorted(sectors)},
            "name",
        )
        countries = self.countries()
        known = set(self.odoo.known("company"))
        ids = self.odoo.ensure("res.partner", "company", {
            name: {
                "name": name, "company_type": "company",
                # Odoo gives a "contact" the address of its parent
                "type": "other" if row["subsidiary_of"] else "contact",
                "industry_id/.id": industries.get(row["sector"]) or "",
                "country_id/.id": countries.get(row["country"]) or "",
                "comment": notes(row),
            }
            for name, row in self.pipeline.accounts.items()
        }, "name")  # fmt: skip
        by_parent = defaultdict(list)
        for name, row in self.pipeline.accounts.items():
            if row["subsidiary_of"] and f"company_{slug(name)}" not in known:
                by_parent[row["subsidiary_of"]].append(ids[name])
        for parent, children in by_parent.items():
            self.odoo.call("res.partner", "write", children, {"parent_id": ids[parent]})
        return ids

    def countries(self):
        names = {row["country"] for row in self.pipeline.accounts.values() if row["country"]}
        ids = {
            row["name"]: row["id"]
            for row in self.odoo.read("res.country", [["name", "in", list(names)]], ["name"])
        }
        for name, row in self.pipeline.accounts.items():
            if row["country"] and row["country"] not in ids:
                text = f"country “{row['country']}” is not known; left empty"
                self.report.add("warning", "accounts.csv", row["line"], name, text)
        return ids

    def make_products(self):
        products = self.pipeline.products
        series = {row["series"] for row in products.values()} - {""}
        categories = self.odoo.ensure(
            "product.category", "series", {name: {"name": name} for name in series}, "name"
        )
        self.odoo.ensure("product.template", "product", {
            name: {
                "name": name, "list_price": row["price"],
                "categ_id/.id": categories.get(row["series"]) or "",
            }
            for name, row in products.items()
        }, "name")  # fmt: skip
        return self.odoo.ensure("crm.tag", "tag", {name: {"name": name} for name in products}, "name")

    def make_users(self):
        agents = self.pipeline.agents
        leader = "sales_process.group_leader"
        if not self.odoo.read(
            "ir.model.data", [["module", "=", "sales_process"], ["name", "=", "group_leader"]], ["id"]
        ):
            leader = "sales_team.group_sale_salesman_all_leads"
        groups = dict.fromkeys(sorted(agents), "sales_team.group_sale_salesman")
        groups.update(dict.fromkeys(sorted(row["manager"] for row in agents.values()), leader))
        return self.odoo.ensure("res.users", "user", {
            name: {
                "name": name, "login": self.address(name), "email": self.address(name),
                "group_ids/id": f"base.group_user,{group}",
            }
            for name, group in groups.items()
        }, "login", {"no_reset_password": True})  # fmt: skip

    def address(self, name):
        local = re.sub(r"[^a-z0-9]+", ".", name.lower()).strip(".") or slug(name)
        return f"{local}@{self.options.mail_domain}"

    def make_teams(self):
        """``{agent: team id}``: one team a manager."""
        agents = self.pipeline.agents
        offices = {row["manager"]: row["regional_office"] for row in agents.values()}
        teams = self.odoo.ensure("crm.team", "team", {
            manager: {"name": ", ".join(filter(None, [manager, office])), "user_id/.id": self.users[manager]}
            for manager, office in offices.items()
        }, "name")  # fmt: skip
        members = self.odoo.read(
            "crm.team.member", [["user_id", "in", list(self.users.values())]], ["user_id"], active_test=True
        )
        placed = {row["user_id"][0] for row in members}
        for manager, team in teams.items():
            new = [self.users[name] for name, row in agents.items() if row["manager"] == manager]
            new = [user for user in new if user not in placed]
            self.odoo.call(
                "crm.team.member", "create", [{"crm_team_id": team, "user_id": user} for user in new]
            )
        return {agent: teams[row["manager"]] for agent, row in agents.items()}

    def give_process(self):
        """Give the teams the process; their stages are made by it."""
        if not self.options.process:
            return
        found = self.odoo.read(
            "sales.process", [["code", "=", self.options.process], ["state", "=", "active"]], ["team_ids"]
        )
        if not found:
            raise Stop(f"there is no active process {self.options.process}")
        missing = sorted(set(self.teams.values()) - set(found[0]["team_ids"]))
        if missing:
            self.odoo.call(
                "sales.process", "write", [found[0]["id"]], {"team_ids": [[4, team] for team in missing]}
            )

    def stages_of(self, team):
        """(first, second, won) stage of a team: by the phases of its process, else by their order."""
        stages = self.odoo.read("crm.stage", [["team_ids", "in", [team, False]]], ["is_won", "team_ids"])
        won = next((row["id"] for row in stages if row["is_won"]), None)
        open_ids = [row["id"] for row in stages if not row["is_won"]]
        phases = self.odoo.read(
            "sales.process.phase",
            [["process_id.code", "=", self.options.process], ["process_id.state", "=", "active"]],
            ["stage_ids"],
        ) if self.options.process else []  # fmt: skip
        if phases:
            open_ids = [
                next((id_ for id_ in open_ids if id_ in phase["stage_ids"]), None) for phase in phases
            ]
        if not won or len(open_ids) < 2 or not all(open_ids[:2]):
            raise Stop(f"team {team} lacks stages: a won one and two before it are needed")
        return {"Prospecting": open_ids[0], "Engaging": open_ids[1], "Won": won}

    # The deals

    def row_of(self, ref, deal):
        """A row for `process_import`."""
        team = self.teams[deal["sales_agent"]]
        price = self.pipeline.products[deal["product"]]["price"]
        closed = deal["deal_stage"] in ("Won", "Lost")
        row = {
            "external_ref": ref,
            "values": {
                "name": f"{deal['product']} for {deal['account']}" if deal["account"] else deal["product"],
                "partner_id": self.companies.get(deal["account"], False),
                "user_id": self.users[deal["sales_agent"]],
                "team_id": team,
                "expected_revenue": deal["value"] if closed else price,
                "tag_ids": [[6, 0, [self.tags[deal["product"]]]]],
            },
            "won_status": {"Won": "won", "Lost": "lost"}.get(deal["deal_stage"], "pending"),
            "stage_history": self.history_of(deal, team, price),
        }
        if closed:
            row["date_closed"] = f"{deal['ended']}{NOON}"
        if deal["deal_stage"] == "Lost":
            row["lost_reason"] = self.lost_reason
        if not closed and self.options.process:
            row["process_step"] = self.options.steps[deal["deal_stage"]]
        return row

    def history_of(self, deal, team, price):
        stages = self.stages[team]
        if deal["deal_stage"] == "Prospecting":
            began = deal["engaged"] and f"{deal['engaged']}{NOON}"
            now = f"{utc_now():%Y-%m-%d %H:%M:%S}"
            return [{"stage": stages["Prospecting"], "date_enter": began or now}]
        history = [
            {"stage": stages["Engaging"], "date_enter": f"{deal['engaged']}{NOON}", "expected_revenue": price}
        ]
        if deal["deal_stage"] == "Won":
            history.append({"stage": stages["Won"], "date_enter": f"{deal['ended']}{NOON}"})
        return history

    def run(self):
        """Import all deals in batches; returns (made, known before)."""
        created = known = 0
        deals = list(self.pipeline.deals.items())
        for start in progress(range(0, len(deals), self.options.batch), self.options.batch, len(deals)):
            batch = deals[start : start + self.options.batch]
            result = self.odoo.call(
                "crm.lead", "process_import", [self.row_of(ref, deal) for ref, deal in batch]
            )
            created, known = created + result["created"], known + result["known"]
            for error in result["errors"]:
                line = self.pipeline.deals[error["external_ref"]]["line"]
                self.report.add("error", "sales_pipeline.csv", line, error["external_ref"], error["error"])
        return created, known


def notes(account):
    """What the files know of a company and Odoo has no field for."""
    facts = [
        account["year_established"] and f"founded {account['year_established']}",
        account["revenue"] and f"revenue {account['revenue']} million USD a year",
        account["employees"] and f"{account['employees']} employees",
    ]
    return "; ".join(filter(None, facts)).capitalize()


def progress(steps, size, total):
    """Go through steps, drawing a bar where somebody can see it."""
    began = time.monotonic()
    for number_, step in enumerate(steps):
        yield step
        done = min((number_ + 1) * size, total)
        if sys.stderr.isatty():
            bar = "#" * (30 * done // total)
            rate = done / (time.monotonic() - began)
            print(f"\r[{bar:<30}] {done:,} of {total:,}, {rate:,.0f} rows a second ", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)


# ---------------------------------------------------------------------------
# Verifying
# ---------------------------------------------------------------------------


def expected_figures(folder, leave_out, limit):
    """Counts by stage, sums of close_value by agent and product, straight from the file.

    Shares no code with the import, on purpose.
    """
    figures = {"stage": Counter(), "agent": Counter(), "product": Counter()}
    with open(folder / "sales_pipeline.csv", encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        for row in itertools.islice(reader, limit):
            if reader.line_num in leave_out:
                continue
            figures["stage"][row["deal_stage"].strip()] += 1
            value = round(float(row["close_value"].strip() or 0), 2)
            figures["agent"]["".join(row["sales_agent"].lower().split())] += value
            figures["product"]["".join(row["product"].lower().split())] += value
    return figures


def actual_figures(importer, refs):
    """The same figures, read back from Odoo lead by lead."""
    figures = {"stage": Counter(), "agent": Counter(), "product": Counter()}
    open_stage = {
        stages[name]: name for stages in importer.stages.values() for name in ("Prospecting", "Engaging")
    }
    tags = {id_: squash(name) for name, id_ in importer.tags.items()}
    agents = {id_: squash(name) for name, id_ in importer.users.items()}
    for start in range(0, len(refs), 1000):
        leads = importer.odoo.read(
            "crm.lead", [["external_ref", "in", refs[start : start + 1000]]],
            ["won_status", "stage_id", "expected_revenue", "user_id", "tag_ids"],
        )  # fmt: skip
        for lead in leads:
            closed = lead["won_status"] in ("won", "lost")
            stage = (
                lead["won_status"].capitalize()
                if closed
                else open_stage.get(lead["stage_id"][0], lead["stage_id"][1])
            )
            figures["stage"][stage] += 1
            value = round(lead["expected_revenue"], 2) if closed else 0
            user = lead["user_id"] or [False, "nobody"]
            figures["agent"][agents.get(user[0], user[1])] += value
            for tag in lead["tag_ids"]:
                if tag in tags:
                    figures["product"][tags[tag]] += value
    return figures


STAGES = ("Won", "Lost", "Engaging", "Prospecting")


def verify(importer, folder, limit):
    """Print what the file says and what Odoo says; True when they agree."""
    expected = expected_figures(folder, importer.report.rejected(), limit)
    actual = actual_figures(importer, list(importer.pipeline.deals))
    same = True
    for title in ("stage", "agent", "product"):
        print(f"\n{'by ' + title:<28}{'file':>16}{'Odoo':>16}")
        names = STAGES if title == "stage" else sorted(set(expected[title]) | set(actual[title]), key=str)
        for name in names:
            left, right = round(expected[title][name], 2), round(actual[title][name], 2)
            same = same and left == right
            print(f"{name!s:<28}{left:>16,}{right:>16,}{'' if left == right else '   differs'}")
    same = same and set(expected["stage"]) | set(actual["stage"]) <= set(STAGES)
    print("\nOdoo and the file agree." if same else "\nOdoo and the file differ.")
    return same


# ---------------------------------------------------------------------------
# Measuring
# ---------------------------------------------------------------------------

# Runs a method on the server and counts the statements of its transaction.
COUNTER = """
request = env.context['measured']
before, start = env.cr.sql_log_count, time.time()
model = env[request['model']].with_context(**request['context'])
if request['method'] == 'load':
    result = model.load(request['fields'], request['rows'])
    problems = result['messages']
else:
    result = model.process_import(request['rows'])
    problems = result['errors']
env.flush_all()
action = {'sql': env.cr.sql_log_count - before, 'seconds': time.time() - start, 'problems': problems}
"""


class Measurement:
    """Brings the same rows into a scratch team, with Odoo's own import and with ours; then deletes them."""

    def __init__(self, importer, count):
        self.odoo, self.importer = importer.odoo, importer
        refs = list(importer.pipeline.deals)[:count]
        self.rows = [self.scratch_row(ref) for ref in refs]

    def scratch_row(self, ref):
        row = self.importer.row_of(ref, self.importer.pipeline.deals[ref])
        row.pop("process_step", None)
        return row | {"external_ref": f"measure {time.time_ns()} {ref}"}

    def run(self):
        action = self.odoo.call("ir.actions.server", "create", {
            "name": "Measure an import", "state": "code", "code": COUNTER,
            "model_id": self.odoo.read("ir.model", [["model", "=", "crm.lead"]], ["id"])[0]["id"],
        })  # fmt: skip
        teams = []
        try:
            figures = defaultdict(list)
            for round_ in range(2):  # in turns; the better one counts, the machine has other things to do
                for title, request in (
                    ("Odoo's load()", self.load_request),
                    ("process_import()", self.import_request),
                ):
                    teams.append(self.odoo.call("crm.team", "create", {"name": f"Scratch {round_}: {title}"}))
                    measured = request(teams[-1], round_)
                    figures[title].append(
                        self.odoo.call("ir.actions.server", "run", [action], context={"measured": measured})
                    )
        finally:
            leads = self.odoo.call(
                "crm.lead", "search", [["team_id", "in", teams]], context={"active_test": False}
            )
            self.odoo.call("crm.lead", "unlink", leads)
            self.odoo.call("crm.team", "unlink", teams)
            self.odoo.call("ir.actions.server", "unlink", [action])
        self.show(figures)

    def load_request(self, team, _round):
        """As the import dialog does it: no tracking; neither dates nor history can be given."""
        columns = [
            "name",
            "type",
            "partner_id/.id",
            "user_id/.id",
            "team_id/.id",
            "stage_id/.id",
            "expected_revenue",
            "tag_ids/.id",
        ]
        table = [
            [
                values["name"], "opportunity", values["partner_id"] or "", values["user_id"], team,
                row["stage_history"][0]["stage"], values["expected_revenue"], values["tag_ids"][0][2][0],
            ]
            for row in self.rows
            for values in [row["values"]]
        ]  # fmt: skip
        return {
            "model": "crm.lead", "method": "load", "fields": columns, "context": {"tracking_disable": True},
            "rows": [[str(cell) for cell in row] for row in table],
        }  # fmt: skip

    def import_request(self, team, round_):
        rows = [
            row
            | {"external_ref": f"{row['external_ref']} {round_}", "values": row["values"] | {"team_id": team}}
            for row in self.rows
        ]
        return {"model": "crm.lead", "method": "process_import", "context": {}, "rows": rows}

    def show(self, figures):
        print(f"\n{len(self.rows):,} rows{'':<14}{'rows a second':>16}{'SQL a row':>12}{'problems':>10}")
        for title, rounds in figures.items():
            figure = min(rounds, key=lambda figure: figure["seconds"])
            speed, sql = len(self.rows) / figure["seconds"], figure["sql"] / len(self.rows)
            print(f"{title:<24}{speed:>16,.0f}{sql:>12.2f}{len(figure['problems']):>10}")


# ---------------------------------------------------------------------------
# The command
# ---------------------------------------------------------------------------


def parse_options(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--url", default="http://127.0.0.1:8069", help="address of the server (%(default)s)")
    parser.add_argument("--db", required=True, help="database")
    parser.add_argument("--user", default="admin", help="an administrator: users are made (%(default)s)")
    parser.add_argument(
        "--password-env", default="ODOO_PASSWORD", metavar="NAME", help="where the password is (%(default)s)"
    )
    parser.add_argument("--password", help="the password itself, for others on this machine to see")
    parser.add_argument("--batch", type=positive, default=500, help="rows a call (%(default)s)")
    parser.add_argument("--limit", type=positive, help="only so many rows of the pipeline")
    parser.add_argument(
        "--report", type=Path, default=Path("import_report.csv"), metavar="FILE", help="(%(default)s)"
    )
    parser.add_argument(
        "--process", default="new_business", help="code of the process; '' for none (%(default)s)"
    )
    parser.add_argument(
        "--prospecting-step", default="complete_lead", help="where those deals enter it (%(default)s)"
    )
    parser.add_argument(
        "--engaging-step", default="contact_result", help="where those deals enter it (%(default)s)"
    )
    parser.add_argument("--mail-domain", default="example.com", help="of the new users' logins (%(default)s)")
    parser.add_argument(
        "--timeout", type=positive, default=600, help="seconds to wait for an answer (%(default)s)"
    )
    parser.add_argument("--measure", type=positive, nargs="?", const=1000, metavar="ROWS",
                        help="compare with Odoo's own load() in scratch teams (%(const)s rows)")  # fmt: skip
    parser.add_argument(
        "--verify", action="store_true", help="read the figures back and compare them with the file"
    )
    options = parser.parse_args(arguments)
    options.steps = {"Prospecting": options.prospecting_step, "Engaging": options.engaging_step}
    return options


def positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected a number above zero")
    return int(text)


def run(options):
    report = Report()
    pipeline = read_pipeline(options.folder, report, options.limit)
    importer = Importer(connect(options), pipeline, options)
    began = time.monotonic()
    try:
        importer.prepare()
        created, known = importer.run()
    finally:
        report.write(options.report)
    seconds = time.monotonic() - began
    print(
        f"{created:,} opportunities made, {known:,} were there, in {seconds:.0f} s; "
        f"{report.count('error'):,} rows left out, {report.count('warning'):,} warnings: {options.report}"
    )
    if options.measure:
        Measurement(importer, options.measure).run()
    same = not options.verify or verify(importer, options.folder, options.limit)
    return 0 if same and not report.count("error") else 1


def main(arguments=None):
    options = parse_options(arguments)
    try:
        return run(options)
    except Stop as stop:
        print(f"import_pipeline: {stop}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nimport_pipeline: interrupted; what is in stays in, run it again to go on", file=sys.stderr)
    except (OSError, RuntimeError) as error:
        print(f"import_pipeline: {first_line(error)}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
