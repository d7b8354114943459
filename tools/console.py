"""What the user sees: steps with their time, and errors that say what to do."""

import subprocess
import sys
import time
from collections import deque
from contextlib import contextmanager
from pathlib import Path

from .settings import LOG


class Problem(Exception):
    """Something the user must know; the text says what is wrong and what to do about it."""


def say(text: str) -> None:
    """Print a line at once, also when the output is a pipe."""
    print(text, flush=True)


def warn(text: str) -> None:
    """Print a line that should not be overlooked."""
    print(f"  ! {text}", file=sys.stderr, flush=True)


@contextmanager
def step(text: str):
    """Announce a step and, when it is over, how long it took."""
    say(f"-- {text} ...")
    start = time.monotonic()
    yield
    seconds = time.monotonic() - start
    if seconds >= 1:
        say(f"   {seconds:.0f} s")


def run_logged(command, log_name: str, **options) -> None:
    """Run a command with its output in var/log; on failure show the last lines and stop."""
    LOG.mkdir(parents=True, exist_ok=True)
    path = LOG / log_name
    with open(path, "wb") as log:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=log,
            stderr=subprocess.STDOUT,
            **options,
        )
    if done.returncode:
        raise Problem(f"{Path(command[0]).name} failed ({done.returncode}); {path} ends:\n{tail(path)}")


def tail(path: Path, lines: int = 25) -> str:
    """The last lines of a file, indented."""
    with open(path, errors="replace") as stream:
        return "".join(f"    {line}" for line in deque(stream, lines)).rstrip()
