"""Template databases for tests: one with Odoo's modules, made once; one with ours, made anew."""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from . import addons, databases, odoo_server, odoo_source
from .postgres import Server
from .settings import ROOT, TEST

# Two checkouts may share a PostgreSQL server of the user's own.
PREFIX = f"sp_{hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]}"
# Odoo makes a page's scripts and styles at the first request; that takes long, and a test rolls it back.
PREGENERATE = "env['ir.qweb']._pregenerate_assets_bundles()\nenv.cr.commit()\n"


def conf(server: Server, name: str, **options) -> Path:
    """A configuration for tests: no jobs, and no mail gets anywhere."""
    defaults = {"max_cron_threads": 0, "smtp_port": 9, "screenshots": TEST / "screenshots"}
    return odoo_server.write_conf(TEST / f"{name}.conf", server, **(defaults | options))


def library(server: Server, *, demo: bool) -> str:
    """The database with everything ours depend on; named after what went into it."""
    modules = addons.library_modules()
    content = hashlib.sha256(repr((modules, odoo_source.current())).encode()).hexdigest()[:8]
    name = f"{PREFIX}_library_{_flavour(demo)}_{content}"
    if not databases.exists(server, name):
        _remove_old(server, f"{PREFIX}_library_{_flavour(demo)}_")
        _install(server, name, None, modules, demo)
    return name


def with_addons(server: Server, *, demo: bool, exact: bool = True) -> str:
    """The database with our add-ons as they are now."""
    kind = "ours" if exact else "loop"
    name = f"{PREFIX}_{kind}_{_flavour(demo)}_{addons.fingerprint(exact)}"
    if not databases.exists(server, name):
        _remove_old(server, f"{PREFIX}_{kind}_{_flavour(demo)}_")
        tested = f"{PREFIX}_ours_{_flavour(demo)}_{addons.fingerprint()}"
        if databases.exists(server, tested):  # left by `make test`: as good as a new installation
            databases.copy(server, tested, name)
        else:
            _install(server, name, library(server, demo=demo), addons.installable(), demo)
    return name


def both(server: Server) -> tuple[Future, Future]:
    """Begin to make the templates for `make test`, without and with demo data, on two cores at once."""
    addons.installable()
    pool = ThreadPoolExecutor(2)
    made = tuple(pool.submit(with_addons, server, demo=demo) for demo in (False, True))
    pool.shutdown(wait=False)
    return made


def forget_ours(server: Server) -> None:
    """`make test` installs our add-ons anew every time: the installation is a test as well."""
    _remove_old(server, f"{PREFIX}_ours_")


def _install(server: Server, name: str, source: str | None, modules, demo: bool) -> None:
    """Build under a working name; only a finished database gets the name that others look for."""
    working = f"{PREFIX}_making_{_flavour(demo)}"
    databases.drop(server, working)
    if source:
        databases.copy(server, source, working)
    path = conf(server, working)
    odoo_server.install(path, working, modules, demo=demo)
    odoo_server.check_installed(server, working, modules)
    if source:
        odoo_server.shell(path, working, PREGENERATE)
    databases.rename(server, working, name)


def _remove_old(server: Server, prefix: str) -> None:
    for name in databases.names(server, prefix):
        databases.drop(server, name)


def _flavour(demo: bool) -> str:
    return "demo" if demo else "plain"
