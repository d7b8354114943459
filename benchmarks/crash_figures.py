"""Kept figures whose job is killed while deals change: in the end they are what a rebuild makes of rows."""

import random
import threading
import time
from contextlib import closing

from crash import Worker, settle, wake
from harness import ours

OPEN = """
SELECT (SELECT count(*) FROM sales_process_dynamics_day)
     + (SELECT count(*) FROM sales_process_task_day WHERE level = 'stale')
"""
# What a person's change does in one transaction: the change, and the marks of the days that it changes.
CHANGES = (
    "UPDATE crm_lead SET expected_revenue = expected_revenue + %(much)s, team_id = %(team)s"
    " WHERE id = ANY(%(ids)s)",
    "UPDATE crm_lead_stage_history SET expected_revenue = expected_revenue + %(much)s"
    " WHERE lead_id = ANY(%(ids)s)",
    "UPDATE sales_process_task SET escalation_count = COALESCE(escalation_count, 0) + 1"
    " WHERE lead_id = ANY(%(ids)s)",
    "INSERT INTO sales_process_task_day (level, day)"
    " SELECT DISTINCT 'stale', date_open::date FROM sales_process_task"
    "  WHERE lead_id = ANY(%(ids)s) AND state = 'done' AND date_open <= date_done",
    "INSERT INTO sales_process_dynamics_day (day)"
    " SELECT date_enter::date FROM crm_lead_stage_history WHERE lead_id = ANY(%(ids)s) UNION"
    " SELECT date_leave::date FROM crm_lead_stage_history"
    "  WHERE lead_id = ANY(%(ids)s) AND date_leave IS NOT NULL",
)


class People(threading.Thread):
    """Change some deals ten times a second, each time in a transaction of their own."""

    def __init__(self, bench, chance):
        super().__init__(daemon=True)
        self.bench, self.chance, self.done = bench, chance, threading.Event()
        self.leads = [row for (row,) in bench.rows("SELECT id FROM crm_lead WHERE name LIKE 'Bench %%'")]
        self.teams = [
            row for (row,) in bench.rows("SELECT id FROM crm_team WHERE name->>'en_US' LIKE 'Team %%'")
        ]
        self.changes = 0

    def run(self):
        with closing(self.bench.server.connect(self.bench.database)) as connection:
            connection.autocommit = False
            while not self.done.wait(0.1):
                values = {
                    "ids": self.chance.sample(self.leads, 5),
                    "team": self.chance.choice(self.teams),
                    "much": self.chance.randrange(1, 50),
                }
                with connection, connection.cursor() as cursor:
                    for change in CHANGES:
                        cursor.execute(change, values)
                self.changes += 1

    def stop(self):
        self.done.set()
        self.join()


def run(runs, seed=None, name="bench_crash_figures", exact=False, say=print):
    """Kill one or both of two workers at a random moment, so many times; what is wrong afterwards."""
    chance = random.Random(seed)
    with ours(name, exact) as bench:
        bench.run("crash_figures", "prepare")
        people, workers = People(bench, chance), [Worker(bench, number) for number in (1, 2)]
        people.start()
        unfinished = 0
        try:
            for number in range(runs):
                for worker in workers:
                    worker.ready()
                wake(bench)
                time.sleep(chance.uniform(0, 1.5))
                for worker in chance.choice((workers, workers[:1], workers[1:])):
                    worker.kill()
                    worker.start()
                unfinished += bool(bench.rows(OPEN)[0][0])
                if number % 10 == 9:
                    say(f"{number + 1} runs, {people.changes} changes, {bench.rows(OPEN)[0][0]} marks")
            people.stop()
            left = settle(bench, 180, OPEN)
        finally:
            people.stop()
            for worker in workers:
                worker.kill()
        say(f"{people.changes} changes; after {unfinished} of {runs} kills days were still to be made anew")
        found = bench.run("crash_figures", "wrong")
        return ({"days never made anew": left} if left else {}) | found


if __name__ == "__main__":
    print(run(30, seed=7) or "nothing is wrong")
