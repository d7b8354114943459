"""A running Odoo of its own for end-to-end tests: database, ports, mail catcher, and ways to talk to it."""

import email
import email.policy
import json
import time
import xmlrpc.client
from pathlib import Path

import odoorpc
import requests

from . import databases, mail_service, odoo_server, postgres, processes, templates
from .console import LOG, Problem
from .settings import ADMIN, LEADER, LOGINS, REP, TEST, base_url

MARK = "--result--"


class LiveServer:
    """Made from a template, with demo data (and its logins) or with an administrator alone; `close` removes
    it all."""

    admin, leader, rep = ADMIN, LEADER, REP

    def __init__(self, name: str = "e2e", *, demo: bool = True) -> None:
        self.name, self.demo = name, demo
        self.folder = TEST / name
        self.mail_dir = self.folder / "mail"
        self.log = LOG / f"{name}.log"
        self.passwords = {user.login: user.password for user in LOGINS}
        self._keys: dict[str, str] = {}
        self.db = f"{templates.PREFIX}_{name}"
        self.port = odoo_server.free_port()
        self.url = base_url(self.port)

    def open(self) -> "LiveServer":
        """Make the database and start everything."""
        self._end_leftovers()
        self.postgres = postgres.server("test")
        databases.copy(self.postgres, templates.with_addons(self.postgres, demo=self.demo), self.db)
        databases.set_addresses(self.postgres, self.db, self.url)
        mail_port = odoo_server.free_port()
        mail_service.start(mail_port, self.mail_dir, self.folder, LOG / f"{self.name}-mail.log")
        self.conf = templates.conf(
            self.postgres, self.name, http_port=self.port, smtp_port=mail_port, max_cron_threads=2,
            db_name=self.db, dbfilter=f"^{self.db}$",
        )  # fmt: skip
        self.start()
        return self

    def close(self) -> None:
        """Stop everything and drop the database."""
        self._end_leftovers()
        databases.drop(self.postgres, self.db)

    def _end_leftovers(self) -> None:
        self.stop()
        processes.stop(mail_service.NAME, self.folder)
        for path in self.mail_dir.glob("*.eml"):
            path.unlink()

    # The process

    def start(self) -> None:
        """Start Odoo and wait until it answers."""
        odoo_server.start("odoo", self.conf, folder=self.folder, log=self.log)
        odoo_server.wait_until_up(self.url, "odoo", self.folder, self.log)

    def stop(self) -> None:
        """End Odoo in an orderly way."""
        processes.stop("odoo", self.folder)

    def kill(self) -> None:
        """End Odoo as a power cut would."""
        processes.stop("odoo", self.folder, patience=0)

    def restart(self) -> None:
        """Stop and start: what survives is in the database."""
        self.stop()
        self.start()

    # Inside

    def odoo_shell(self, code: str):
        """Run code in `odoo shell` with `env`, commit, and return what it has put into `result`."""
        after = (
            f"\nimport json as _json\nenv.cr.commit()\nprint({MARK!r} + _json.dumps(result, default=str))\n"
        )
        printed = odoo_server.shell(self.conf, self.db, f"result = None\n{code}{after}")
        if MARK not in printed:
            raise Problem(f"the code did not reach its end; it printed:\n{printed}")
        return json.loads(printed.rpartition(MARK)[2])

    def sql(self, query: str, values=()) -> list[tuple]:
        """The rows of a query, as the database holds them."""
        return databases.rows(self.postgres, self.db, query, values)

    # Clients

    def xmlrpc(self, login: str = ADMIN.login):
        """`call(model, method, *args, **kwargs)` over XML-RPC."""
        password = self.passwords[login]
        user_id = xmlrpc.client.ServerProxy(f"{self.url}/xmlrpc/2/common").authenticate(
            self.db, login, password, {}
        )
        models = xmlrpc.client.ServerProxy(f"{self.url}/xmlrpc/2/object", allow_none=True)
        return lambda model, method, *args, **kwargs: models.execute_kw(
            self.db, user_id, password, model, method, args, kwargs
        )

    def odoorpc(self, login: str = ADMIN.login) -> odoorpc.ODOO:
        """OdooRPC's client, logged in."""
        client = odoorpc.ODOO("127.0.0.1", port=self.port, timeout=120)
        client.login(self.db, login, self.passwords[login])
        return client

    def api_key(self, login: str = ADMIN.login) -> str:
        """A key for JSON-2, made once for each user."""
        if login not in self._keys:
            self._keys[login] = self.odoo_shell(
                "from datetime import datetime, timedelta\n"
                f"user = env['res.users'].search([('login', '=', {login!r})])\n"
                # only administrators may have a key that never ends
                "end = datetime.now() + timedelta(days=1)\n"
                "result = env['res.users.apikeys'].with_user(user).sudo(False)._generate(None, 'tests', end)"
            )
        return self._keys[login]

    def json2(self, login: str = ADMIN.login):
        """`call(model, method, **arguments)` over JSON-2; an error answer raises with its text."""
        headers = {"Authorization": f"bearer {self.api_key(login)}", "X-Odoo-Database": self.db}

        def call(model: str, method: str, **arguments):
            answer = requests.post(
                f"{self.url}/json/2/{model}/{method}", json=arguments, headers=headers, timeout=120
            )
            if not answer.ok:
                raise requests.HTTPError(f"{answer.status_code}: {answer.text[:2000]}", response=answer)
            return answer.json()

        return call

    def session_id(self, login: str) -> str:
        """The cookie of a logged-in browser."""
        parameters = {"db": self.db, "login": login, "password": self.passwords[login]}
        answer = requests.post(
            f"{self.url}/web/session/authenticate", json={"params": parameters}, timeout=60
        )
        if "error" in answer.json():
            raise Problem(f"{login} cannot log in: {answer.json()['error']}")
        return answer.cookies["session_id"]

    # Mail

    def mails(self) -> list[email.message.EmailMessage]:
        """Every mail sent so far, oldest first; X-Envelope-To names the true recipients."""
        return [_parse(path) for path in sorted(self.mail_dir.glob("*.eml"))]

    def forget_mails(self) -> None:
        """Begin anew."""
        for path in self.mail_dir.glob("*.eml"):
            path.unlink()

    def wait_for(self, condition, patience: float = 30, what: str = "the condition"):
        """Ask until the answer is true; returns it."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if answer := condition():
                return answer
            time.sleep(0.2)
        raise AssertionError(f"{what} did not come true in {patience:.0f} s")


def _parse(path: Path) -> email.message.EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
