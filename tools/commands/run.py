"""`make run`: Odoo with the add-on and its demo data at one address, in the background."""

import time

from .. import addons, databases, mail_service, odoo_server, postgres, processes
from ..console import Problem, say, step
from ..settings import DATABASE, HTTP_PORT, LOGINS, MAIL, MODULE, RUN, base_url

NAME = "odoo"
FINGERPRINT = RUN / f"{DATABASE}.installed"


def main(arguments) -> None:
    """Start what is not running, and tell where it is."""
    begun = time.monotonic()
    if _up_to_date() and processes.pid_of(NAME) and odoo_server.answers(f"{base_url()}/web/login"):
        say("Odoo is running already (make stop ends it).")
        return _tell(postgres.server("run"))
    processes.stop(NAME)
    if odoo_server.port_taken(HTTP_PORT):
        raise Problem(f"port {HTTP_PORT} is taken by another program: make run HTTP_PORT={HTTP_PORT + 1}")
    server = postgres.server("run")
    mail_port = mail_service.start()
    conf = odoo_server.write_conf(
        RUN / "odoo.conf", server, http_port=HTTP_PORT, smtp_port=mail_port, db_name=DATABASE,
        dbfilter=f"^{DATABASE}$",
    )  # fmt: skip
    _prepare_database(server, conf)
    with step("Starting Odoo"):
        odoo_server.start(NAME, conf)
        odoo_server.wait_until_up(base_url(), NAME)
    say(f"Ready after {time.monotonic() - begun:.0f} s.")
    return _tell(server)


def _up_to_date() -> bool:
    """True when the database was made with our files as they are now."""
    return FINGERPRINT.exists() and FINGERPRINT.read_text() == addons.fingerprint()


def _prepare_database(server: postgres.Server, conf) -> None:
    """Install at the first start, update when our code has changed since, else leave it alone."""
    modules, there = addons.installable(), databases.exists(server, DATABASE)
    if there and _up_to_date():
        return
    if there and FINGERPRINT.exists():
        with step("Updating the add-on: its files have changed"):
            odoo_server.update(conf, server, DATABASE, modules)
    else:
        databases.drop(server, DATABASE)
        with step("Database with Odoo's CRM and sales, demo data (two minutes or so)"):
            odoo_server.install(conf, DATABASE, addons.library_modules(), demo=True)
        with step(f"Installing {', '.join(modules)}"):
            odoo_server.install(conf, DATABASE, modules, demo=True)
    odoo_server.check_installed(server, DATABASE, modules)
    databases.set_addresses(server, DATABASE, base_url())
    FINGERPRINT.write_text(addons.fingerprint())


def _tell(server: postgres.Server) -> None:
    """The address and the logins that are in the database."""
    query = "SELECT login FROM res_users WHERE active AND login = ANY(%s)"
    there = {login for (login,) in databases.rows(server, DATABASE, query, ([one.login for one in LOGINS],))}
    say(f"\n  {base_url()}        (database {DATABASE}, add-on {MODULE})\n")
    for user in LOGINS:
        if user.login in there:
            say(f"  {user.title:<14} login {user.login:<8} password {user.password}")
    say(
        f"\n  Mails are kept in {MAIL}; none leaves this machine.\n  Log: var/log/odoo.log   End: make stop\n"
    )
