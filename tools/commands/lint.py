"""`make lint`: ruff, pylint-odoo, and Odoo's own checks where their tools are there."""

import os
import shutil
import subprocess
from pathlib import Path

from .. import addons, odoo_server, postgres, stages, templates
from ..console import Problem, run_logged, say, step, warn
from ..settings import ADDONS, NODE, ROOT, VENV

ODOO_RULES = "used-before-assignment,undefined-variable,eval-used,unreachable,function-redefined"
ODOO_RULES += (
    ",sql-injection,missing-gettext,gettext-variable,gettext-placeholders,gettext-repr,raise-unlink-override"
)
ODOO_CHECKERS = (
    "_pylint_path_setup,_odoo_checker_sql_injection,_odoo_checker_gettext,_odoo_checker_unlink_override"
)
# test_checkers tests the checkers; test_pylint always reads all of Odoo: its rules run here on ours instead.
# The others left out read every model of the registry, which is Odoo's, not ours.
ODOO_FILES = (
    "test_dunderinit", "test_eslint", "test_i18n", "test_jstranslate", "test_manifests", "test_markers",
    "test_onchange_domains", "test_orm_import", "test_pofile", "test_test_holes",
)  # fmt: skip


def main(arguments) -> int:
    """Every tool runs; one that complains makes the whole fail."""
    results = {
        "ruff": _run("ruff", "check", "."),
        "ruff format": _run("ruff", "format", "--check", "."),
        "pylint-odoo": _pylint_odoo(),
        "Odoo's pylint rules": _odoo_pylint(),
        "Odoo's test_lint": _odoo_tests(),
    }
    complaints = [name for name, code in results.items() if code]
    say(f"Complaints: {', '.join(complaints)}." if complaints else "Nothing to complain about.")
    return 1 if complaints else 0


def _run(program: str, *arguments, **options) -> int:
    say(f"== {program} {' '.join(map(str, arguments))[:80]}")
    command = [str(VENV / "bin" / program), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, **options).returncode


def _our_folders() -> list[Path]:
    return sorted(path.parent for path in ADDONS.glob("*/__manifest__.py"))


def _pylint_odoo() -> int:
    return _run("pylint", "--rcfile=.pylintrc", *_our_folders())


def _lint_module() -> Path | None:
    """Odoo's test_lint; some packages of Odoo leave their tests out."""
    for folder in addons.folders():
        if (folder / "test_lint" / "tests" / "_odoo_checker_gettext.py").is_file():
            return folder / "test_lint" / "tests"
    warn("this Odoo has no test_lint: its own checks are left out")
    return None


def _odoo_pylint() -> int:
    """The rules of Odoo's test_pylint, on our add-ons only."""
    tests = _lint_module()
    if not tests:
        return 0
    environment = os.environ | {"PYTHONPATH": str(tests)}
    # what our comments tell pylint-odoo is nothing to Odoo's own rules
    silent = "all,useless-option-value,unknown-option-value"
    options = [f"--rcfile={os.devnull}", f"--disable={silent}", f"--enable={ODOO_RULES}"]
    options += [f"--load-plugins={ODOO_CHECKERS}", "--score=no"]
    return _run("pylint", *options, *_our_folders(), env=environment)


def _odoo_tests() -> int:
    """Odoo's other checks, which run inside Odoo."""
    tests = _lint_module()
    if not tests:
        return 0
    server = postgres.server("test")
    with step("Template database"):
        database = templates.with_addons(server, demo=False, exact=False)
    _eslint()
    conf = templates.conf(server, "lint", dbfilter=f"^{database}$")
    files = [tests / f"{name}.py" for name in ODOO_FILES if (tests / f"{name}.py").exists()]
    command = [*stages.PYTEST, "-p", "tools.pytest_only_ours", "-rs", "-q", "-W", "ignore"]
    command += [f"--odoo-config={conf}", f"--odoo-database={database}", *map(str, files)]
    path = os.pathsep.join([str(NODE / "node_modules" / ".bin"), os.environ["PATH"]])
    ours = {
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "OUR_ADDONS": ",".join(addons.installable() + addons.bridges()),
    }
    # Odoo's configuration lies elsewhere, and eslint looks for its plugins beside that.
    ours["NODE_PATH"] = str(NODE / "node_modules")
    return subprocess.run(command, cwd=ROOT, env=odoo_server.environment() | ours).returncode


def _eslint() -> None:
    """eslint and prettier of the versions Odoo wants, into var/node; without npm their test is skipped."""
    if (NODE / "node_modules" / ".bin" / "eslint").exists():
        return
    if not shutil.which("npm"):
        return warn("npm is missing, so JavaScript is not checked: sudo apt-get install npm")
    NODE.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "tools" / "eslint" / "package.json", NODE)
    try:
        with step("eslint and prettier"):
            run_logged(["npm", "install", "--no-audit", "--no-fund"], "npm-install.log", cwd=NODE)
    except Problem as problem:
        warn(f"JavaScript is not checked: {problem}")
