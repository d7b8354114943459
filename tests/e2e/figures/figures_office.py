"""A server into which a pipeline was brought, and how its figures are asked for."""

import os
import subprocess
import sys
from datetime import date

import pandas as pd
import requests
from odoorpc.error import RPCError

from tools.live_server import LiveServer
from tools.settings import ROOT

REASON = "Not recorded (imported)"
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


def tile(office, name, days, team=None):
    return office.call(
        "sales.process.dashboard", "process_dashboard_tile", name, days, office.teams[team] if team else False
    )


def teams_of(office):
    return (None, *sorted(office.teams))


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
