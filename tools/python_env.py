"""The virtual environment in var/venv, filled from the lock file by the machine's own pip configuration."""

import hashlib
import os
import shutil
import subprocess
import sys

from .console import Problem, run_logged, step
from .debian import apt_install
from .settings import LOCK_FILE, VAR, VENV, VENV_PYTHON

STAMP = VENV / "lock.sha256"


def lock_hash() -> str:
    """What the environment was made of: the lock file and the Python."""
    return hashlib.sha256(LOCK_FILE.read_bytes() + sys.version.encode()).hexdigest()


def ready() -> bool:
    """True when the environment holds exactly what the lock file says."""
    return STAMP.exists() and STAMP.read_text() == lock_hash() and VENV_PYTHON.exists()


def create() -> None:
    """Make an empty environment; Debian keeps the means for that in a package of its own."""
    VAR.mkdir(exist_ok=True)
    shutil.rmtree(VENV, ignore_errors=True)
    if not _can_make_venv():
        package = f"python3.{sys.version_info[1]}-venv"
        if os.geteuid() != 0:
            raise Problem(f"Python cannot make virtual environments. Run: sudo apt-get install {package}")
        with step(f"Debian package: {package}"):
            apt_install([package])
    run_logged([sys.executable, "-m", "venv", VENV], "venv.log")


def _can_make_venv() -> bool:
    return not subprocess.run(
        [sys.executable, "-c", "import ensurepip, venv"], capture_output=True
    ).returncode


def start_filling() -> subprocess.Popen:
    """Start pip. The lock names every package and its hashes, so nothing is to be worked out."""
    command = [VENV_PYTHON, "-m", "pip", "install", "--no-deps", "--require-hashes", "-r", LOCK_FILE]
    (VAR / "log").mkdir(parents=True, exist_ok=True)
    with open(VAR / "log" / "pip.log", "wb") as log:
        return subprocess.Popen([str(part) for part in command], stdout=log, stderr=subprocess.STDOUT)


def finish_filling(pip: subprocess.Popen) -> None:
    """Wait for pip and remember which lock file it has followed."""
    if pip.wait():
        from .console import tail

        raise Problem(f"pip could not install {LOCK_FILE.name}:\n{tail(VAR / 'log' / 'pip.log')}")
    STAMP.write_text(lock_hash())
