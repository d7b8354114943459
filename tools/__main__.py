"""`python3 -m tools COMMAND`: prepares the environment with the system's Python, then goes on inside it."""

import importlib
import os
import sys

from . import debian, odoo_source, python_env
from .console import Problem, step, warn
from .settings import ROOT, VAR, VENV, VENV_PYTHON

COMMANDS = {
    "run", "stop", "clean", "test", "test_one", "test_engine", "chaos", "bench", "lint", "regress",
    "translate",
}  # fmt: skip
# These two need nothing, and must not build an environment in order to throw it away.
BARE = {"stop", "clean"}


def prepare() -> None:
    """Everything Odoo needs but its database; a second time this takes no time."""
    if sys.version_info < (3, 11):  # noqa: UP036 (this is what tells an older one)
        raise Problem("Python 3.11 or newer is needed (Debian 12: sudo apt-get install python3)")
    VAR.mkdir(exist_ok=True)
    debian.ensure_system_packages()
    pip = None
    if not python_env.ready():
        with step("Virtual environment"):
            python_env.create()
        pip = python_env.start_filling()
    # pip works while Odoo is downloaded and unpacked
    try:
        odoo = odoo_source.find_or_fetch()
    except BaseException:
        if pip:
            pip.kill()
        raise
    if pip:
        with step("Python packages from the lock file"):
            python_env.finish_filling(pip)
    odoo_source.put_on_path(odoo)


def main() -> int:
    """Run a command, the ones that need it inside the virtual environment."""
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        print(f"usage: python3 -m tools {'|'.join(sorted(COMMANDS))}", file=sys.stderr)
        return 2
    command, arguments = sys.argv[1], sys.argv[2:]
    os.chdir(ROOT)
    os.umask(0o022)  # root's PostgreSQL runs as another user, who must be able to read its programs
    try:
        if command not in BARE and os.path.realpath(sys.prefix) != os.path.realpath(VENV):
            prepare()
            os.execv(VENV_PYTHON, [str(VENV_PYTHON), "-m", "tools", *sys.argv[1:]])
        return importlib.import_module(f".commands.{command}", __package__).main(arguments) or 0
    except Problem as problem:
        warn(str(problem))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
