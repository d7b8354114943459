"""The stages of `make test`: each one a pytest run of its own, its results written as JUnit XML."""

import os
import re
import signal
import subprocess
import threading
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from . import addons, databases, odoo_server, templates
from .console import Problem, say, step
from .postgres import Server
from .settings import ADDONS, ROOT, TEST, VENV_PYTHON

RESULTS = TEST / "results"
PATIENCE = 40 * 60
# Add-ons of Odoo that ours do something for without needing them.
NEIGHBOURS = ("event_crm", "sale_margin", "survey_crm")
PYTEST = [str(VENV_PYTHON), "-m", "pytest", "-p", "no:cacheprovider"]
WITHOUT_ODOO = ["-p", "no:odoo"]
# Browser and HTTP tests skip themselves when something is missing. That must not pass for success.
FORBIDDEN_SKIP = re.compile(r"--odoo-http|chrom|websocket|wkhtmltopdf|not installed", re.IGNORECASE)
_running: set[subprocess.Popen] = set()
_interrupted = threading.Event()


def pytest_stage(name: str, *arguments, patience: int = PATIENCE, output=None) -> int:
    """Run pytest; whatever is wrong with the run itself becomes a failed test in its results.

    :param output: the file that gets what is printed, instead of the screen.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    xml = RESULTS / f"{name}.xml"
    xml.unlink(missing_ok=True)
    print(f"\n== {name}", file=output, flush=True)
    command = [*PYTEST, f"--junitxml={xml}", "-o", "junit_logging=no", *map(str, arguments)]
    code = _run(command, patience, output)
    wrong = _judge(xml, code)
    if wrong:
        _add_failure(xml, name, wrong)
    return 1 if wrong else code


def _run(command: list[str], patience: int, output) -> int:
    """The exit code; a run that hangs is ended with everything it started."""
    if _interrupted.is_set():
        raise KeyboardInterrupt
    environment = odoo_server.environment() | {"PYTHONDONTWRITEBYTECODE": "1"}
    options = {"cwd": ROOT, "env": environment, "start_new_session": True, "stdout": output}
    process = subprocess.Popen(command, stderr=output, **options)
    _running.add(process)
    try:
        return process.wait(patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return -signal.SIGKILL
    except KeyboardInterrupt:
        _interrupt()
        raise
    finally:
        _running.discard(process)


def _interrupt() -> None:
    """End every stage that runs, also those beside this one: each is a session of its own."""
    _interrupted.set()
    for process in tuple(_running):
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def beside(name: str, act):
    """Run stages beside others, on the second core; what they print is kept for later.

    :param act: called with the file for their output, gives exit codes.
    :return: function that waits for the end, prints what was kept, and gives the exit codes.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.log"
    pool = ThreadPoolExecutor(1)

    def run():
        with open(path, "w") as output:
            return act(output)

    future = pool.submit(run)

    def wait():
        try:
            return future.result()
        finally:
            say(path.read_text(errors="replace").rstrip())
            pool.shutdown()

    return wait


def _judge(xml: Path, code: int) -> str:
    """What is wrong with a run beyond its failed tests; empty when nothing is."""
    if code == 5:
        return "no tests were found"
    if code not in (0, 1):
        return f"pytest did not finish (exit code {code})"
    if not xml.exists():
        return "pytest wrote no results"
    tree = ElementTree.parse(xml)
    skipped = [node.get("message", "") for node in tree.iter("skipped")]
    if forbidden := {reason for reason in skipped if FORBIDDEN_SKIP.search(reason)}:
        return "tests were skipped for want of something they need:\n" + "\n".join(sorted(forbidden))
    failed = any(True for kind in ("failure", "error") for _ in tree.iter(kind))
    return "" if failed == bool(code) else f"exit code {code} does not fit the results"


def _add_failure(xml: Path, name: str, text: str) -> None:
    """Write a failed test into the results, so that the closing line counts it."""
    try:
        root = ElementTree.parse(xml).getroot()
    except (FileNotFoundError, ElementTree.ParseError):
        root = ElementTree.Element("testsuites")
    suite = root.find("testsuite")
    suite = ElementTree.SubElement(root, "testsuite") if suite is None else suite
    case = ElementTree.SubElement(suite, "testcase", classname="stage", name=name)
    ElementTree.SubElement(case, "failure", message=text.splitlines()[0]).text = text
    ElementTree.ElementTree(root).write(xml)


def failed(name: str, text: str) -> int:
    """Record that a stage could not even begin."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    _add_failure(RESULTS / f"{name}.xml", name, text)
    return 1


def engine(*arguments, output=None) -> int:
    """The engine's tests: no Odoo in the process at all."""
    return pytest_stage("engine", *WITHOUT_ODOO, *(arguments or ("tests/engine",)), output=output)


def provisioning(*arguments, output=None) -> int:
    """Tests of tools/."""
    return pytest_stage("tools", *WITHOUT_ODOO, *(arguments or ("tests/tools",)), output=output)


def end_to_end(*arguments, output=None) -> int:
    """Against a running server, which the fixture starts."""
    return pytest_stage("e2e", *WITHOUT_ODOO, *(arguments or ("tests/e2e",)), output=output)


def addon_tests(server: Server, template: str, *arguments, name: str = "addons", output=None) -> int:
    """Tests that run inside Odoo, on a copy of a template, with its web server for browser tests."""
    chosen = arguments or addon_test_folders()
    if not chosen:
        return failed(name, "no installed add-on has a folder of tests")  # pytest would search everything
    database = f"{templates.PREFIX}_{name}"
    databases.copy(server, template, database)
    conf = templates.conf(server, name, dbfilter=f"^{database}$")
    odoo = [f"--odoo-config={conf}", f"--odoo-database={database}", "--odoo-http"]
    try:
        return pytest_stage(name, *odoo, *chosen, output=output)
    finally:
        databases.drop(server, database)


def addon_test_folders() -> list[Path | str]:
    """The test folders of the add-ons that are installed, without what wants Odoo's other add-ons."""
    folders = _test_folders(addons.installable())
    return folders and [*folders, *(f"--ignore={file}" for file in _neighbour_tests())]


def _neighbour_tests() -> list[Path]:
    return [
        file for folder in _test_folders(addons.installable()) for file in folder.glob("test_neighbours.py")
    ]


def _tests_everywhere() -> list[Path]:
    """What is tested with the bridges as well as without."""
    return [file for folder in _test_folders(addons.installable()) for file in folder.glob("test_terms.py")]


def bridge_tests(server: Server, template: str, output=None) -> int:
    """Tests of the bridges and of what is done where Odoo's other add-ons are, on a copy of a template that
    gets them and what they tie in."""
    chosen = [*_test_folders(addons.bridges()), *_neighbour_tests(), *_tests_everywhere()]
    if not chosen:
        return 0
    try:
        with bridges_installed(server, template) as database:
            return addon_tests(server, database, *chosen, name="bridges", output=output)
    except Problem as problem:
        return failed("bridges", str(problem))


@contextmanager
def bridges_installed(server: Server, template: str):
    """A copy of a template with the bridges and Odoo's other add-ons, dropped in the end."""
    names = [*addons.bridges(), *NEIGHBOURS]
    database = f"{templates.PREFIX}_bridges_template"
    conf = templates.conf(server, "bridges-install")
    try:
        with step(f"Database with {', '.join(names)}"):
            databases.copy(server, template, database)
            odoo_server.install(conf, database, names, demo=False)
            odoo_server.check_installed(server, database, names)
        yield database
    finally:
        databases.drop(server, database)


def _test_folders(names) -> list[Path]:
    return [folder for name in names if (folder := ADDONS / name / "tests").is_dir()]


def sum_up() -> int:
    """One last pytest session whose items are the results of all stages: its closing line counts them all."""
    say("\n== all together")
    plugin = ["-p", "tools.pytest_sum", "--no-header", "-rsfE", "--tb=short", f"--rootdir={RESULTS}"]
    command = [*PYTEST, *WITHOUT_ODOO, *plugin, *map(str, sorted(RESULTS.glob("*.xml")))]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=RESULTS, env=environment).returncode
