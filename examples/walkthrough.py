#!/usr/bin/env python3
"""One lead on its whole way: from a web request to the signed contract, and on to its renewal.

    make run
    var/venv/bin/python examples/walkthrough.py

Everybody does their part over the interface they really have: the web site, the rep and the leader call
Odoo's API (OdooRPC), the customer reads the letters that `make run`'s mail catcher wrote and answers on the
pages they link to. It says what it does, saves the PDFs under var/walkthrough/ and lists the mails.

Exit status: 0 the lead went all the way, 1 it got stuck, and where is said.
"""

import argparse
import base64
import email
import email.policy
import http.cookiejar
import json
import re
import sys
import time
import urllib.parse
import urllib.request
import uuid
from datetime import date, timedelta
from pathlib import Path

import odoorpc

# A drawn signature: the smallest picture that is one.
SIGNATURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FAAhKDveksOjmAAAAAElFTkSuQmCC"
)
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) walkthrough of a customer"


class Stuck(Exception):
    """The lead does not go on."""


def say(text=""):
    print(text, flush=True)


class Seller:
    """Somebody of the company, over OdooRPC."""

    def __init__(self, arguments, login, password):
        url = urllib.parse.urlsplit(arguments.url)
        self.login = login
        secure = url.scheme == "https"
        self.odoo = odoorpc.ODOO(
            url.hostname,
            port=url.port or (443 if secure else 80),
            protocol="jsonrpc+ssl" if secure else "jsonrpc",
            timeout=120,
        )
        self.odoo.login(arguments.db, login, password)

    def __call__(self, model, method, *args, **kwargs):
        return self.odoo.execute_kw(model, method, list(args), kwargs)

    def open_tasks(self, lead_id):
        """The lead's tasks that are not done: {step code: task id}."""
        tasks = self(
            "sales.process.task",
            "search_read",
            [("lead_id", "=", lead_id), ("state", "in", ("queued", "open", "failed"))],
            ["step_id", "state", "error"],
        )
        steps = self("sales.process.step", "read", [task["step_id"][0] for task in tasks], ["code"])
        codes = {step["id"]: step["code"] for step in steps}
        for task in tasks:
            if task["state"] == "failed":
                raise Stuck(f"step {codes[task['step_id'][0]]} failed: {task['error']}")
        return {codes[task["step_id"][0]]: task["id"] for task in tasks}

    def wait_for_step(self, lead_id, code):
        """The task of a step, once the runner has come to it."""
        return wait(lambda: self.open_tasks(lead_id).get(code), f"the step {code}")

    def complete(self, lead_id, code, outcome, values=None, comment=None):
        """Do a step: wait until it is there, complete it, tell what follows."""
        task_id = self.wait_for_step(lead_id, code)
        following = self("sales.process.task", "complete", [task_id], outcome, values or {}, comment)
        again = self("sales.process.task", "complete", [task_id], outcome, values or {}, comment)
        if again != following:
            raise Stuck(f"completing {code} twice gave {following} and {again}")
        say(f"   {self.login}: {code} -> {outcome}")


class Customer:
    """Who asks, over e-mail and the pages that the letters link to; without an account."""

    def __init__(self, address, mail_dir):
        self.address = address
        self.mail_dir = Path(mail_dir)
        self.read_mails = set()
        jar = http.cookiejar.CookieJar()
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        self.browser.addheaders = [("User-Agent", BROWSER)]

    def letters(self):
        """All letters to this customer so far, oldest first."""
        found = []
        for path in sorted(self.mail_dir.glob("*.eml")):
            letter = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if self.address in f"{letter['To']} {letter['X-Envelope-To']}":
                found.append((path, letter))
        return found

    def wait_for_letter(self, page):
        """The next unread letter that links to a page of ours; the address of that page."""
        return wait(lambda: self._next_letter(page), f"a letter with a link to {page}")

    def _next_letter(self, page):
        for path, letter in self.letters():
            if path in self.read_mails:
                continue
            body = letter.get_body(("html", "plain")).get_content()
            link = re.search(rf"https?://[^\s\"'<>]*{page}[^\s\"'<>]*", body)
            if link:
                self.read_mails.add(path)
                say(f"   {self.address} gets “{letter['Subject']}”")
                return link.group(0)
        return None

    def open(self, url):
        with self.browser.open(url, timeout=60) as answer:
            return answer.read()

    def page(self, url):
        return self.open(url).decode()

    def post(self, url, fields, files=()):
        """Send a form as a browser does, the page's own CSRF token with it."""
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        parts += [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
            f"Content-Type: application/octet-stream\r\n\r\n".encode()
            + content
            + b"\r\n"
            for name, filename, content in files
        ]
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        request = urllib.request.Request(
            url, body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        )
        with self.browser.open(request, timeout=60) as answer:
            return answer.read().decode()

    def call(self, url, params):
        """Call a JSON-RPC route, as the signature pad of the page does."""
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with self.browser.open(request, timeout=120) as answer:
            result = json.loads(answer.read())
        if "error" in result or "error" in (result.get("result") or {}):
            raise Stuck(f"the page refused: {result}")
        return result["result"]

    def accept_proposal(self, url):
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.page(url)).group(1)
        self.post(f"{url}/accept", {"csrf_token": token, "name": "Clara Client"})

    def give_documents(self, url):
        """Answer each item of the list: a file where files are taken, else why it is not needed."""
        for item in dict.fromkeys(re.findall(r'name="version-(\d+)"', self.page(url))):
            page = self.page(url)
            version = re.search(rf'name="version-{item}"[^>]*value="(\d+)"', page).group(1)
            with_file = f'name="files-{item}"' in page
            fields = {f"version-{item}": version, "do": f"give-{item}" if with_file else f"skip-{item}"}
            if not with_file:
                fields[f"reason-{item}"] = "As in our last contract"
            files = [(f"files-{item}", "register.pdf", PDF)] if with_file else []
            self.post(url, fields, files)

    def sign(self, url):
        sha256 = re.search(r"sign/([0-9a-f]{64})", self.page(url)).group(1)
        self.call(f"{url}/sign/{sha256}", {"name": "Clara Client", "signature": SIGNATURE})


def wait(question, what, patience=90):
    """Ask again and again, as the process works after commit, in its own job."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.5)
    raise Stuck(f"waited {patience} s in vain for {what}")


def find_team(admin, rep):
    """A team of the rep's that has a process for new business."""
    processes = admin(
        "sales.process",
        "search_read",
        [("state", "=", "active"), ("kind", "=", "new_business")],
        ["team_ids"],
    )
    team_ids = [team_id for process in processes for team_id in process["team_ids"]]
    teams = admin("crm.team", "search", [("id", "in", team_ids), ("member_ids", "in", [rep.odoo.env.uid])])
    if not teams:
        raise Stuck(
            f"no team of {rep.login} has a process for new business: give it one (CRM, Sales Process)"
        )
    return teams[0]


def take_in(web, team_id, customer):
    say("1. A request comes from the web site, twice: a client that got no answer calls again")
    reference = f"web-{uuid.uuid4()}"
    values = {
        "name": "Request from the web site",
        "contact_name": "Clara Client",
        "partner_name": "Client & Sons Ltd",
        "email_from": customer.address,
        "phone": "+44 20 7946 0018",
        "description": "We look for a yearly service.",
        "team_id": team_id,
    }
    first = web("crm.lead", "process_intake", values, reference)
    again = web("crm.lead", "process_intake", values, reference)
    if (first["lead_id"], again["created"]) != (again["lead_id"], False):
        raise Stuck("the same reference made two leads")
    say(f"   lead {first['lead_id']}, made once")
    return first["lead_id"]


def sell(rep, leader, customer, lead_id):
    say("2. The rep calls, and makes a proposal that the leader approves")
    rep.complete(lead_id, "call_customer", "reached", {"duration": 7}, "Wants a yearly contract")
    rep.complete(
        lead_id,
        "contact_result",
        "interested",
        {
            "description": "A yearly service",
            "expected_revenue": 2400.0,
            "date_deadline": (date.today() + timedelta(days=30)).isoformat(),
        },
    )
    rep.complete(lead_id, "make_proposal", "made")
    leader.complete(lead_id, "approve_proposal", "approved", comment="A good one")
    proposal = customer.wait_for_letter("/sales_process/paper/")
    rep.complete(lead_id, "plan_meeting", "not_needed")
    say("3. The customer accepts on the page, without an account")
    customer.accept_proposal(proposal)


def contract(rep, leader, customer, lead_id):
    say("4. The contract: the customer's documents, the paper, the leader's approval")
    rep.complete(lead_id, "request_information", "requested")
    documents = customer.wait_for_letter("/sales_process/documents/")
    customer.give_documents(documents)
    accept_documents(rep, lead_id)
    start = date.today() - timedelta(days=330)
    rep.complete(
        lead_id,
        "make_contract",
        "made",
        {
            "contract_date_start": start.isoformat(),
            "contract_term_months": 12,
            "contract_customer_signatory": "Clara Client",
        },
    )
    leader.complete(lead_id, "approve_contract", "approved", comment="As agreed")
    say("5. The customer signs; the signed copy goes to both sides, the deal is won")
    customer.sign(customer.wait_for_letter("/sales_process/paper/"))
    wait_for_state(rep, lead_id, "won")


def accept_documents(rep, lead_id):
    order_id = order_of(rep, lead_id)
    items = rep(
        "sales.document.request.item",
        "search",
        [("request_id.order_id", "=", order_id), ("state", "in", ("given", "not_needed"))],
    )
    rep("sales.document.request.item", "action_accept", items)
    say(f"   {rep.login}: {len(items)} documents accepted")


def order_of(seller, lead_id):
    return seller("sales.process.case", "search_read", [("lead_id", "=", lead_id)], ["order_id"], limit=1)[0][
        "order_id"
    ][0]


def wait_for_state(seller, lead_id, state):
    wait(
        lambda: seller("crm.lead", "read", [lead_id], ["process_state"])[0]["process_state"] == state,
        f"the state {state}",
    )
    say(f"   lead {lead_id} is {state}")


def renew(admin, rep, leader, customer, lead_id):
    say("6. The contract ends in a month: its timer starts the renewal")
    order_id = order_of(rep, lead_id)
    cron = admin(
        "ir.model.data",
        "search_read",
        [("module", "=", "sales_process"), ("name", "=", "ir_cron_sales_process_contract_timers")],
        ["res_id"],
    )
    admin("ir.cron", "method_direct_trigger", [cron[0]["res_id"]])
    renewal = wait(
        lambda: rep("sale.order", "read", [order_id], ["renewal_lead_id"])[0]["renewal_lead_id"],
        "the renewal",
    )
    say(f"   lead {renewal[0]}: {renewal[1]}")
    rep.complete(renewal[0], "renewal_call", "agreed", {"duration": 3})
    rep.complete(renewal[0], "make_renewal", "made")
    leader.complete(renewal[0], "approve_contract", "approved", comment="Again")
    customer.sign(customer.wait_for_letter("/sales_process/paper/"))
    wait_for_state(rep, renewal[0], "won")
    return renewal[0]


def save_papers(seller, lead_ids, folder):
    """Every PDF that was made for these leads' orders."""
    documents = seller(
        "sales.document",
        "search_read",
        [("lead_id", "in", lead_ids)],
        ["attachment_id", "kind", "version", "sha256"],
    )
    folder.mkdir(parents=True, exist_ok=True)
    say(f"7. {len(documents)} papers, saved under {folder}")
    for document in documents:
        [file] = seller("ir.attachment", "read", [document["attachment_id"][0]], ["name", "datas"])
        path = folder / f"{document['id']:05d}-{document['kind']}-v{document['version']}.pdf"
        path.write_bytes(base64.b64decode(file["datas"]))
        say(f"   {path.name}  {path.stat().st_size:7d} bytes  sha256 {document['sha256'][:16]}…")
    return documents


def tell_story(seller, lead_ids):
    say("8. What the process wrote down, and the time each stage took")
    for lead_id in lead_ids:
        events = seller("sales.process.event", "search_count", [("lead_id", "=", lead_id)])
        stays = seller(
            "crm.lead.stage.history",
            "search_read",
            [("lead_id", "=", lead_id)],
            ["stage_id", "date_enter", "date_leave"],
            order="date_enter, id",
        )
        say(
            f"   lead {lead_id}: {events} events, stages {' -> '.join(stay['stage_id'][1] for stay in stays)}"
        )


def list_mails(customer, count):
    letters = wait(lambda: len(customer.letters()) >= count and customer.letters(), f"{count} letters")
    say(f"9. {len(letters)} letters to {customer.address}")
    for path, letter in letters:
        say(f"   {path.name}: {letter['Subject']}")


def walk(arguments):
    admin = Seller(arguments, *arguments.admin.split(":", 1))
    leader = Seller(arguments, *arguments.leader.split(":", 1))
    rep = Seller(arguments, *arguments.rep.split(":", 1))
    customer = Customer(
        f"clara.{uuid.uuid4().hex[:8]}@client-{uuid.uuid4().hex[:6]}.example.com", arguments.mail_dir
    )
    lead_id = take_in(rep, find_team(admin, rep), customer)
    sell(rep, leader, customer, lead_id)
    contract(rep, leader, customer, lead_id)
    renewal_id = renew(admin, rep, leader, customer, lead_id)
    papers = save_papers(rep, [lead_id, renewal_id], Path(arguments.out))
    tell_story(rep, [lead_id, renewal_id])
    # welcome, proposal, documents, contract, signed copy; reminder, contract, signed copy
    list_mails(customer, 7)
    if len(papers) < 5:
        raise Stuck(f"only {len(papers)} papers were made")
    say("The lead went all the way.")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8069")
    parser.add_argument("--db", default="sales_process")
    parser.add_argument("--admin", default="admin:admin", help="login:password")
    parser.add_argument("--leader", default="leader:leader", help="login:password")
    parser.add_argument("--rep", default="rep:rep", help="login:password")
    parser.add_argument("--mail-dir", default="var/mail", help="where the mail catcher writes")
    parser.add_argument("--out", default="var/walkthrough", help="where the PDFs go")
    arguments = parser.parse_args()
    try:
        walk(arguments)
    except Stuck as stuck:
        say(f"Stuck: {stuck}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
