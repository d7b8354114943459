#!/usr/bin/env python3
"""Requests through `process_intake`: parallel clients, every tenth call repeated by another one."""

import argparse
import json
import re
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

import harness  # noqa: F401 - finds tools/
from harness import table

from tools.live_server import LiveServer

# What Odoo writes of a request: statements, seconds in SQL, seconds beside it.
LINE = re.compile(r"POST /json/2/crm\.lead/process_intake HTTP/1\.1\" 200 - (\d+) ([\d.]+) ([\d.]+)")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=8000, help="(%(default)s)")
    parser.add_argument("--clients", type=int, default=8, help="(%(default)s)")
    options = parser.parse_args()
    server = LiveServer("bench_intake").open()
    try:
        return measure(server, options.leads, options.clients)
    finally:
        server.close()


def measure(server, leads, clients):
    key = server.api_key("rep")
    team_id = server.odoo_shell("result = env.ref('sales_process.process_new_business').team_ids[:1].id")
    before = server.log.stat().st_size
    begun = time.monotonic()
    with ProcessPoolExecutor(clients) as pool:
        jobs = [
            pool.submit(client, server.url, server.db, key, team_id, leads, clients, one)
            for one in range(clients)
        ]
        answers = [answer for job in jobs for answer in job.result()]
    seconds = time.monotonic() - begun
    report(server, answers, leads, seconds, before)
    settle(server)
    return verify(server, answers, leads)


def client(url, database, key, team_id, leads, clients, number):
    """The calls of one client: its own requests, and every tenth of its neighbour's at the same moment."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=300)
    headers = {
        "Authorization": f"bearer {key}", "Content-Type": "application/json", "X-Odoo-Database": database,
    }  # fmt: skip
    answers = []
    for place in range(leads):
        repeated = place % 10 == 0 and (place + 1) % clients == number
        if place % clients != number and not repeated:
            continue
        body = json.dumps({"values": request(place, team_id), "external_ref": f"bench-{place}"})
        connection.request("POST", "/json/2/crm.lead/process_intake", body, headers)
        response = connection.getresponse()
        text = response.read()
        answers.append((place, response.status, json.loads(text) if response.status == 200 else text[:200]))
    return answers


def request(place, team_id):
    """Half of them bring all that the first task asks for."""
    complete = {"contact_name": f"Клиент {place}", "phone": f"+49 30 {1000000 + place}"}
    return {
        "name": f"Request {place}",
        "email_from": f"customer{place}@company{place}.example.org",
        "team_id": team_id,
        **(complete if place % 2 else {}),
    }


def report(server, answers, leads, seconds, before):
    with server.log.open("rb") as log:
        log.seek(before)
        lines = [LINE.search(line) for line in log.read().decode(errors="replace").splitlines()]
    sql = [int(found[1]) for found in lines if found]
    rows = [
        ("calls answered", f"{len(answers):,}"),
        ("calls that failed", sum(status != 200 for _place, status, _answer in answers)),
        ("leads a second", f"{leads / seconds:.0f}"),
        ("SQL a call, median", statistics.median(sql) if sql else "not logged"),
    ]
    table(f"{leads:,} requests, {seconds:.0f} s", ("", ""), rows)


def settle(server, patience=1800):
    """Let the runner do what the requests have queued."""
    begun = time.monotonic()
    while server.sql("SELECT count(*) FROM sales_process_task WHERE state = 'queued'")[0][0]:
        if time.monotonic() - begun > patience:
            break
        time.sleep(2)
    print(f"  the runner was done {time.monotonic() - begun:.0f} s later")


def verify(server, answers, leads):
    """Each request one lead, each lead one case; both answers of a repeated call name the same lead."""
    lead_of = {}
    for place, status, answer in answers:
        if status == 200:
            lead_of.setdefault(place, set()).add(answer["lead_id"])
    [(made, cases, references)] = server.sql(
        """SELECT (SELECT count(*) FROM crm_lead WHERE name ~ '^Request [0-9]+$'),
                  (SELECT count(*) FROM sales_process_case c JOIN crm_lead l ON l.id = c.lead_id
                    WHERE l.name ~ '^Request [0-9]+$'),
                  (SELECT count(*) FROM crm_lead_external_ref WHERE name LIKE 'bench-%%')"""
    )
    failed = server.sql("SELECT count(*) FROM sales_process_task WHERE state = 'failed'")[0][0]
    doubled = sum(len(ids) > 1 for ids in lead_of.values())
    print(f"  leads {made:,}, cases {cases:,}, references {references:,}, doubled {doubled}")
    print(f"  automatic steps that failed: {failed}")
    good = made == cases == references == leads == len(lead_of) and not doubled and not failed
    print("  " + ("each request made one lead and one case" if good else "NOT MET"))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
