"""Background processes of ours, by pid file; a process is ended only if it is still the one we started."""

import os
import signal
import subprocess
import time
from pathlib import Path

from .settings import LOG, RUN


def _start_time(pid: int) -> str | None:
    """The kernel's start time of a process: together with the pid it names one process for good."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets and may itself hold spaces and brackets.
    fields = text.rpartition(")")[2].split()
    state, start = fields[0], fields[19]
    return None if state == "Z" else start


def pid_of(name: str, folder: Path = RUN) -> int | None:
    """The pid of a process started under this name, if it is still that process."""
    try:
        pid, started = (folder / f"{name}.pid").read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return int(pid) if _start_time(int(pid)) == started else None


def start(name: str, command, folder: Path = RUN, log: Path | None = None, **options) -> int:
    """Start a process of its own session, its output going to a log, and remember it."""
    folder.mkdir(parents=True, exist_ok=True)
    log = log or LOG / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as stream:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **options,
        )
    (folder / f"{name}.pid").write_text(f"{process.pid} {_start_time(process.pid)}\n")
    return process.pid


def stop(name: str, folder: Path = RUN, patience: float = 20) -> bool:
    """Ask a process of ours to end, and insist after a while; False when there was none."""
    pid = pid_of(name, folder)
    if pid:
        _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while pid_of(name, folder) and time.monotonic() < deadline:
            _reap(pid)
            time.sleep(0.1)
        if pid_of(name, folder):
            _signal(pid, signal.SIGKILL)
            _reap(pid)
    (folder / f"{name}.pid").unlink(missing_ok=True)
    return bool(pid)


def _signal(pid: int, number: int) -> None:
    """Send a signal; a process that has just ended by itself is no error."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _reap(pid: int) -> None:
    """Collect the exit code if the process is our own child, so that it does not stay a zombie."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
