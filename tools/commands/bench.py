"""`make bench`: every benchmark, one after the other."""

import subprocess

from ..console import say
from ..settings import ROOT, VENV_PYTHON


def main(arguments) -> int:
    """Each prints its own table; a program that fails fails the whole."""
    code = 0
    for path in sorted((ROOT / "benchmarks").glob("bench_*.py")):
        say(f"\n== {path.name}")
        code |= bool(subprocess.run([VENV_PYTHON, path], cwd=ROOT).returncode)
    return code
