"""`make regress`: Odoo's own suites without our add-ons and with them; what differs is ours.

Takes long (two runs of about ten minutes), so it is no part of `make test`. SUITES=crm,sale chooses.
"""

import os
import re
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from .. import addons, databases, odoo_server, postgres, stages, templates
from ..console import Problem, say, step

SUITES = ("crm", "sale", "sale_crm", "sales_team", "base_automation")
# These fail or come and go without us, too: a count of queries, a file, two tours on a busy machine.
WAVERING = (
    "test_assign_perf_no_duplicates",
    "test_import_quotation_template_xls",
    "crm_forecast",
    "mail_triggers",
)
# Our fields may cost Odoo's counted operations this many queries more.
MORE_QUERIES = 3
# seconds; a busy machine takes an hour for what a quiet one does in ten minutes
PATIENCE = 2 * 60 * 60


def main(arguments) -> int:
    """Two runs of the same tests, then the difference."""
    suites = tuple(os.environ.get("SUITES", ",".join(SUITES)).split(","))
    server = postgres.server("test")
    shutil.rmtree(stages.RESULTS / "regress", ignore_errors=True)
    before = _run(server, suites, "without", ())
    after = _run(server, suites, "with", addons.installable())
    return _compare(before, after)


def _run(server: postgres.Server, suites, name: str, ours) -> dict[str, str | None]:
    """Run the suites on a database with these of our add-ons; test -> text of its failure or None."""
    database = f"{templates.PREFIX}_regress_{name}"
    conf = templates.conf(server, f"regress-{name}", dbfilter=f"^{database}$")
    with step(f"Database {name} our add-ons"):
        databases.copy(server, templates.library(server, demo=False), database)
        odoo_server.install(conf, database, [*suites, *ours], demo=False)
        odoo_server.check_installed(server, database, [*suites, *ours])
        odoo_server.shell(conf, database, templates.PREGENERATE)
    odoo = [f"--odoo-config={conf}", f"--odoo-database={database}", "--odoo-http", "-q", "--tb=short"]
    try:
        stages.pytest_stage(f"regress-{name}", *odoo, *_folders(suites), patience=PATIENCE)
    finally:
        databases.drop(server, database)
    # Not among the results of `make test`, which its sum would count.
    xml = stages.RESULTS / f"regress-{name}.xml"
    return _outcomes(xml.rename(stages.TEST / xml.name))


def _folders(suites) -> list[Path]:
    """One folder of tests a suite. Debian's package shows the same add-ons at two places; Odoo imports
    those of `odoo/addons`, which is the last of the folders."""
    found = [[folder / name / "tests" for folder in addons.folders()] for name in suites]
    tests = [next(filter(Path.is_dir, reversed(places)), None) for places in found]
    if None in tests:
        raise Problem("this Odoo comes without tests: use Debian's package or a source checkout")
    return tests


def _outcomes(xml: Path) -> dict[str, str | None]:
    outcomes: dict[str, str | None] = {}
    for case in ElementTree.parse(xml).iter("testcase"):
        texts = [node.text or node.get("message", "") for node in case if node.tag in ("failure", "error")]
        name = f"{case.get('classname')}.{case.get('name')}"
        # subtests that fail are cases of the same name
        texts += [outcomes[name]] if outcomes.get(name) else []
        outcomes[name] = "\n".join(texts) or None
    return outcomes


def _compare(before: dict[str, str | None], after: dict[str, str | None]) -> int:
    """Print what fails only with our add-ons; those failures that are allowed are named but not counted."""
    failing = {name: text for name, text in after.items() if text}
    new = {name: text for name, text in failing.items() if not before.get(name)}
    bad = {name: text for name, text in new.items() if not _allowed(name, text)}
    gone = set(before) - set(after)
    say(f"\nWithout: {_count(before)}. With: {_count(after)}. Failing only with our add-ons: {len(new)}.")
    for name, text in new.items():
        say(f"{'  allowed' if name not in bad else 'NEW FAILURE'}: {name}\n{text if name in bad else ''}")
    for name in sorted(gone):
        say(f"NO LONGER RUN: {name}")
    say("The add-ons change nothing in Odoo's suites." if not bad and not gone else "Odoo's suites differ.")
    return 1 if bad or gone else 0


def _count(outcomes: dict[str, str | None]) -> str:
    failed = sum(1 for text in outcomes.values() if text)
    return f"{len(outcomes)} tests, {failed} failed"


def _allowed(name: str, text: str) -> bool:
    """A test that wavers by itself, or a ceiling of queries passed by a little."""
    if any(one in name or one in text for one in WAVERING):
        return True
    passed = re.findall(r"Query count more than expected.*?(\d+) > (\d+)", text, re.DOTALL)
    return bool(passed) and all(int(actual) - int(ceiling) <= MORE_QUERIES for actual, ceiling in passed)
