"""Odoo as a process: its configuration file, installing modules, starting it and waiting for it."""

import configparser
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from . import addons, postgres, processes
from .console import Problem, run_logged, tail
from .settings import DATA_DIR, LOG, RUN, VENV_ODOO, committed_options


def write_conf(path: Path, server: postgres.Server, **options) -> Path:
    """The committed odoo.conf, and over it what depends on this machine and this run."""
    parser = configparser.RawConfigParser()
    machine = {
        "addons_path": ",".join(map(str, addons.folders())),
        "data_dir": str(DATA_DIR),
        **server.odoo_options(),
    }
    parser["options"] = committed_options() | machine | {key: str(value) for key, value in options.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
        parser.write(stream)
    return path


def environment() -> dict[str, str]:
    """PG* variables must not override the configuration: Odoo reads them too."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PG", "ODOO_RC"))}


def install(conf: Path, database: str, modules, *, demo: bool, update=()) -> None:
    """Install modules, and update others, in a database, which is made if need be."""
    command = [VENV_ODOO, "-c", conf, "-d", database, "--stop-after-init", "--no-http"]
    command += ["--max-cron-threads=0", "--log-level=warn"]
    for option, names in (("-i", modules), ("-u", update)):
        if names:
            command += [option, ",".join(names)]
    if demo:
        command.append("--with-demo")
    run_logged(command, f"install-{database}.log", env=environment())


def update(conf: Path, server: postgres.Server, database: str, modules) -> None:
    """Bring modules to the state of their files; those that are new are installed."""
    there = installed(server, database)
    new = [name for name in modules if name not in there]
    install(conf, database, new, demo=True, update=[name for name in modules if name in there])


def installed(server: postgres.Server, database: str) -> set[str]:
    """The modules a database has."""
    connection = server.connect(database)
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT name FROM ir_module_module WHERE state = 'installed'")
        return {name for (name,) in cursor.fetchall()}
    finally:
        connection.close()


def check_installed(server: postgres.Server, database: str, modules) -> None:
    """Odoo can skip a module without failing; then say so."""
    if missing := set(modules) - installed(server, database):
        log = LOG / f"install-{database}.log"
        raise Problem(f"not installed: {', '.join(sorted(missing))}; {log} ends:\n{tail(log)}")


def shell(conf: Path, database: str, code: str) -> str:
    """Run code in `odoo shell`; what it prints. Nothing is committed unless the code does it."""
    command = [VENV_ODOO, "shell", "-c", conf, "-d", database, "--no-http", "--log-level=error"]
    done = subprocess.run(
        [str(part) for part in command], input=code, capture_output=True, text=True, env=environment()
    )
    if done.returncode or "Traceback (most recent call last)" in done.stderr:
        raise Problem(f"odoo shell failed:\n{done.stderr[-4000:]}")
    return done.stdout


def export_terms(conf: Path, database: str, modules) -> None:
    """Write the texts of modules, as a database and their files hold them, into the templates in i18n/."""
    command = [VENV_ODOO, "i18n", "export", "-c", conf, "-d", database, *modules]
    run_logged(command, f"export-{database}.log", env=environment())


def start(name: str, conf: Path, *arguments, folder: Path = RUN, log: Path | None = None) -> int:
    """Start a server in the background."""
    return processes.start(name, [VENV_ODOO, "-c", conf, *arguments], folder, log, env=environment())


def wait_until_up(
    url: str, name: str, folder: Path = RUN, log: Path | None = None, patience: float = 180
) -> None:
    """Return when the login page comes; stop at once when the process ends."""
    deadline = time.monotonic() + patience
    log = log or LOG / f"{name}.log"
    while time.monotonic() < deadline:
        if not processes.pid_of(name, folder):
            raise Problem(f"Odoo has ended; {log} ends:\n{tail(log)}")
        if answers(f"{url}/web/login"):
            return
        time.sleep(0.3)
    raise Problem(f"no answer from {url} in {patience:.0f} s; {log} ends:\n{tail(log)}")


def answers(url: str) -> bool:
    """True when a GET brings a page; loopback addresses must not go through a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=30) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def port_taken(port: int) -> bool:
    """True when something listens on this port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
