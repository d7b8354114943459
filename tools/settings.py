"""Where things are and what they are called: the one place for paths, ports, names and logins.

Whatever a user may want to change is read from an environment variable, so `make run HTTP_PORT=9000` works.
"""

import configparser
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
ADDONS = ROOT / "addons"
STAND_INS = ROOT / "tests" / "fakes"
LOCK_FILE = ROOT / "tools" / "requirements.lock"

VENV = VAR / "venv"
VENV_PYTHON = VENV / "bin" / "python"
VENV_ODOO = VENV / "bin" / "odoo"
LOG = VAR / "log"
RUN = VAR / "run"
MAIL = VAR / "mail"
DATA_DIR = VAR / "filestore"
UNPACKED = VAR / "odoo"
TEST = VAR / "test"
NODE = VAR / "node"

HTTP_PORT = int(os.environ.get("HTTP_PORT", "8069"))
MAIL_PORT = int(os.environ.get("MAIL_PORT", "8025"))
DATABASE = os.environ.get("DATABASE", "sales_process")
MODULE = "sales_process"
ODOO_VERSION = "19.0"

# One system user runs the embedded PostgreSQL when we are root: PostgreSQL itself refuses root.
PG_SYSTEM_USER = "sales_process_pg"
PG_ROLE = "odoo"

LIBRARY_MODULES = ["crm", "sale_management", "sale_crm", "calendar", "portal"]


@dataclass(frozen=True)
class Login:
    """A user of the demo data and what to call them on the screen."""

    title: str
    login: str
    password: str


ADMIN = Login("administrator", "admin", "admin")
LEADER = Login("team leader", "leader", "leader")
REP = Login("sales rep", "rep", "rep")
LOGINS = (ADMIN, LEADER, REP)


def base_url(port: int = HTTP_PORT) -> str:
    """The address the server answers at; loopback only."""
    return f"http://127.0.0.1:{port}"


def committed_options() -> dict[str, str]:
    """The options of the project's own odoo.conf."""
    parser = configparser.RawConfigParser()
    parser.read(ROOT / "odoo.conf")
    return dict(parser["options"]) if parser.has_section("options") else {}


def use_stand_ins() -> None:
    """Let tests of bridges find stand-ins for add-ons that are not here; the real ones come first."""
    named = os.environ.get("EXTRA_ADDONS")
    os.environ["EXTRA_ADDONS"] = ":".join(filter(None, [named, str(STAND_INS)]))


def extra_addons() -> list[Path]:
    """Folders of other add-ons (OCA, say) named by EXTRA_ADDONS, separated by colons."""
    named = os.environ.get("EXTRA_ADDONS", "")
    return [Path(name).expanduser().resolve() for name in named.split(":") if name]
