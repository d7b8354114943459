"""Measurements inside Odoo: in throw-away databases, with plain Odoo beside ours in the same run."""

import json
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import databases, odoo_server, postgres, templates  # noqa: E402

INSIDE = Path(__file__).resolve().parent / "inside"
MARK = "--figures--"


class Bench:
    """A throw-away database; `run("timers", "escalate", count=9)` calls that of inside/timers.py in Odoo."""

    def __init__(self, server, name):
        self.server, self.database = server, f"{templates.PREFIX}_{name}"
        self.conf = templates.conf(server, name, db_name=self.database, dbfilter=f"^{self.database}$")

    def run(self, module, function, **parameters):
        code = (
            f"import json, sys\nsys.path.insert(0, {str(INSIDE)!r})\nimport {module}\n"
            f"figures = {module}.{function}(env, **json.loads({json.dumps(json.dumps(parameters))}))\n"
            f"print({MARK!r} + json.dumps(figures))\n"
        )
        printed = odoo_server.shell(self.conf, self.database, code)
        return json.loads(printed.rpartition(MARK)[2])

    def rows(self, query, values=()):
        return databases.rows(self.server, self.database, query, values)


@contextmanager
def plain(name="bench_plain"):
    """Odoo without our add-on, with automation rules."""
    server = postgres.server("test")
    with _copy(server, name, templates.library(server, demo=False)) as bench:
        odoo_server.install(bench.conf, bench.database, ["base_automation"], demo=False)
        yield bench


@contextmanager
def ours(name="bench_ours", exact=False):
    """Odoo with our add-on; `exact`: the template of `make test`, else that of a developer's loop."""
    server = postgres.server("test")
    with _copy(server, name, templates.with_addons(server, demo=False, exact=exact)) as bench:
        yield bench


@contextmanager
def _copy(server, name, source):
    bench = Bench(server, name)
    databases.copy(server, source, bench.database)
    try:
        yield bench
    finally:
        databases.drop(server, bench.database)


def table(title, header, rows):
    """Print rows of text and numbers in columns."""
    cells = [list(map(str, row)) for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    print(f"\n{title}")
    for row in cells:
        _first, *rest = (text.rjust(width) for text, width in zip(row, widths, strict=True))
        print("  " + "  ".join([row[0].ljust(widths[0]), *rest]))


def verdict(value, most):
    """Whether a figure meets its target, as text."""
    return f"{'met' if value <= most else 'NOT MET'} (at most {most:g})"
