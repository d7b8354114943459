"""The mail catcher as a background process."""

import sys
import time
from pathlib import Path

from . import odoo_server, processes
from .console import Problem
from .settings import LOG, MAIL, MAIL_PORT, ROOT, RUN

NAME = "mail"


def start(port: int = MAIL_PORT, mails: Path = MAIL, folder: Path = RUN, log: Path | None = None) -> int:
    """Start the catcher unless it runs, wait until it listens; returns its port."""
    if processes.pid_of(NAME, folder) and odoo_server.port_taken(port):
        return port
    processes.stop(NAME, folder)
    if odoo_server.port_taken(port):
        raise Problem(f"port {port} is taken by another program: make run MAIL_PORT={port + 1}")
    command = [sys.executable, "-m", "tools.mail_catcher", port, mails]
    processes.start(NAME, command, folder, log or LOG / "mail.log", cwd=ROOT)
    deadline = time.monotonic() + 20
    while not odoo_server.port_taken(port):
        if time.monotonic() > deadline or not processes.pid_of(NAME, folder):
            raise Problem(f"the mail catcher does not start; see {log or LOG / 'mail.log'}")
        time.sleep(0.1)
    return port
