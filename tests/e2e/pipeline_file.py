"""A made-up sales pipeline in the shape of a real one, and what pandas reads out of such a folder."""

import random
import shutil
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

FIRST, LAST = date(2021, 10, 20), date(2022, 12, 31)
PRODUCTS = {"Pump One": 550, "Pump Pro": 4821, "Valve": 55, "Valve Plus": 1096, "Turbine 500": 26768}
OFFICES = {"Greta Moss": "North", "Hugo Fern": "South", "Ines Holt": "West"}
AGENTS = 9
COUNTRIES = ("United States", "Germany", "Kenya", "Korea", "Philipines", "Atlantis")
STAGES = {"Won": 200, "Lost": 120, "Engaging": 75, "Prospecting": 25}
COMPANYLESS = {"Won": 0, "Lost": 0, "Engaging": 0.7, "Prospecting": 0.7}
# What the import puts right, and what Odoo does not know.
RIGHT = {"Philipines": "Philippines", "Korea": "South Korea", "Atlantis": None}
FILES = ("accounts.csv", "products.csv", "sales_teams.csv", "sales_pipeline.csv")


def make(folder: Path) -> Path:
    """Write the four files, always the same ones."""
    dice = random.Random(20221231)
    folder.mkdir(parents=True, exist_ok=True)
    accounts = [f"Company {number:02}" for number in range(12)]
    agents = [f"Agent {chr(ord('A') + number)}" for number in range(AGENTS)]
    managers = [list(OFFICES)[number * len(OFFICES) // AGENTS] for number in range(AGENTS)]
    tables = {
        "accounts.csv": pd.DataFrame({
            "account": accounts, "sector": "retail", "year_established": 1990, "revenue": 10.5,
            "employees": 20,
            "office_location": [COUNTRIES[number % len(COUNTRIES)] for number in range(len(accounts))],
            "subsidiary_of": "",
        }),
        "products.csv": pd.DataFrame({
            "product": list(PRODUCTS), "series": "Series", "sales_price": list(PRODUCTS.values()),
        }),
        "sales_teams.csv": pd.DataFrame({
            "sales_agent": agents, "manager": managers, "regional_office": [OFFICES[one] for one in managers],
        }),
        "sales_pipeline.csv": pd.DataFrame([
            _deal(dice, f"M{number:04}", stage, agents, accounts)
            for number, stage in enumerate(stage for stage, count in STAGES.items() for _one in range(count))
        ]),
    }  # fmt: skip
    for name, table in tables.items():
        table.to_csv(folder / name, index=False)
    return folder


def _deal(dice, reference, stage, agents, accounts):
    """Quick and slow deals, cheap and dear ones, more of them in the later quarters."""
    product = dice.choices(list(PRODUCTS), (6, 4, 6, 5, 1))[0]
    days = (LAST - FIRST).days
    ended = LAST - timedelta(days=int((days - 130) * dice.random() ** 1.3))
    engaged = ended - timedelta(days=min(dice.choice((1, 3, 8, 20, 45, 70, 100)) + dice.randrange(9), 130))
    if stage == "Engaging":
        engaged, ended = LAST - timedelta(days=dice.randrange(4, 300)), ""
    if stage == "Prospecting":
        engaged = ended = ""
    value = {"Won": round(PRODUCTS[product] * dice.uniform(0.7, 1.3), 2), "Lost": 0}.get(stage, "")
    return {
        "opportunity_id": reference,
        "sales_agent": dice.choices(agents, range(1, len(agents) + 1))[0],
        "product": product.replace("Pump Pro", "PumpPro"),
        "account": "" if dice.random() < COMPANYLESS[stage] else dice.choice(accounts),
        "deal_stage": stage,
        "engage_date": engaged,
        "close_date": ended,
        "close_value": value,
    }


def shift(source: Path, target: Path, today: date) -> Path:
    """A copy whose deals came and went lately: all days moved on by the same number of weeks."""
    target.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(source / name, target / name)
    deals = pd.read_csv(source / "sales_pipeline.csv", dtype=str, keep_default_na=False)
    days = {name: pd.to_datetime(deals[name].replace("", None)) for name in ("engage_date", "close_date")}
    last = max(column.max() for column in days.values()).date()
    weeks = pd.Timedelta(weeks=((today - last).days - 3) // 7)
    for name, column in days.items():
        deals[name] = (column + weeks).dt.strftime("%Y-%m-%d").fillna("")
    deals.to_csv(target / "sales_pipeline.csv", index=False)
    return target


def read(folder: Path) -> pd.DataFrame:
    """A row for each deal: ref, agent, team, product, country, stage, engaged, closed, price, value."""
    files = {name.removesuffix(".csv"): pd.read_csv(folder / name, keep_default_na=False) for name in FILES}
    deals, teams, products, accounts = (
        files[name] for name in ("sales_pipeline", "sales_teams", "products", "accounts")
    )
    deals["squashed"] = deals["product"].str.replace(" ", "")
    products["squashed"] = products["product"].str.replace(" ", "")
    teams["team"] = teams["manager"] + ", " + teams["regional_office"]
    country = accounts["office_location"].replace(RIGHT)
    deals = deals.drop(columns="product").merge(products, on="squashed").merge(teams, on="sales_agent")
    deals["country"] = deals["account"].map(dict(zip(accounts["account"], country, strict=True)))
    deals["engaged"] = pd.to_datetime(deals["engage_date"].replace("", None))
    deals["closed"] = pd.to_datetime(deals["close_date"].replace("", None))
    deals["value"] = pd.to_numeric(deals["close_value"], errors="coerce")
    names = {"opportunity_id": "ref", "sales_agent": "agent", "sales_price": "price", "deal_stage": "stage"}
    return deals.rename(columns=names)[
        ["ref", "agent", "team", "product", "country", "stage", "engaged", "closed", "price", "value"]
    ]
