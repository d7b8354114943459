"""`make test-one FILE=… [K=…]`: one file of tests, as fast as it goes."""

from pathlib import Path

from .. import postgres, stages, templates
from ..console import Problem, step
from ..settings import ADDONS, ROOT


def main(arguments) -> int:
    """Choose the stage by where the file lies."""
    file, keyword = [*arguments, "", ""][:2]
    path = (ROOT / file.partition("::")[0]).resolve()
    if not file or not path.exists():
        raise Problem("name a test file: make test-one FILE=addons/sales_process/tests/test_x.py [K=name]")
    chosen = [file, *(["-k", keyword] if keyword else [])]
    if ADDONS in path.parents:
        return _inside_odoo(chosen)
    stage = {"engine": stages.engine, "tools": stages.provisioning}.get(_folder(path), stages.end_to_end)
    return stage(*chosen)


def _inside_odoo(chosen: list[str]) -> int:
    """On a template that is made anew only when tables, views or data change."""
    server = postgres.server("test")
    with step("Template database (made anew when models or data have changed)"):
        template = templates.with_addons(server, demo=False, exact=False)
    return stages.addon_tests(server, template, *chosen, name="one")


def _folder(path: Path) -> str:
    """`engine` for tests/engine/test_x.py."""
    return path.relative_to(ROOT / "tests").parts[0] if ROOT / "tests" in path.parents else ""
