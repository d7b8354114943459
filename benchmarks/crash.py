"""Workers that are killed at random moments: nothing may be done twice, nothing lost."""

import random
import subprocess
import time
from contextlib import closing

from harness import odoo_server, ours

from tools.settings import LOG, VENV_ODOO

MAKE_DUE = """
UPDATE sales_process_timer SET date_due = now() AT TIME ZONE 'UTC' - interval '1 minute'
 WHERE id IN (SELECT id FROM sales_process_timer
               WHERE state = 'pending' AND date_due > now() AT TIME ZONE 'UTC' + interval '30 days'
               ORDER BY id LIMIT %s)
"""
WAKE = "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC', failure_count = 0 WHERE active"
# How far it is: timers due but not gone off, automatic steps not run, letters not sent.
OPEN = """
SELECT (SELECT count(*) FROM sales_process_timer
         WHERE state = 'pending' AND date_due <= now() AT TIME ZONE 'UTC' + interval '1 minute')
     + (SELECT count(*) FROM sales_process_task WHERE state = 'queued')
     + (SELECT count(*) FROM sales_process_message WHERE state = 'planned')
"""
WRONG = {
    "cases without exactly one letter queued": """
        SELECT c.id FROM sales_process_case c
          LEFT JOIN mail_message m
                 ON m.model = 'crm.lead' AND m.res_id = c.lead_id AND m.subject LIKE 'About Deal%%'
          LEFT JOIN mail_mail q ON q.mail_message_id = m.id
         GROUP BY c.id HAVING count(q.id) != 1""",
    "cases without exactly one of each step": """
        SELECT c.id FROM sales_process_case c JOIN sales_process_task t ON t.case_id = c.id
         GROUP BY c.id HAVING count(*) != 3 OR count(DISTINCT t.step_id) != 3""",
    "tasks that were not opened once": """
        SELECT t.id FROM sales_process_task t
          LEFT JOIN sales_process_event e ON e.task_id = t.id AND e.kind = 'opened'
         WHERE t.is_passed IS NOT TRUE GROUP BY t.id HAVING count(e.id) > 1""",
    "tasks done twice": """
        SELECT task_id FROM sales_process_event
         WHERE kind = 'done' GROUP BY task_id HAVING count(*) != 1""",
    "open tasks without exactly one activity": """
        SELECT t.id FROM sales_process_task t
          LEFT JOIN mail_activity a ON a.process_task_id = t.id AND a.active
         WHERE t.state = 'open' GROUP BY t.id HAVING count(a.id) != 1""",
    "cases that do not stand where they should": """
        SELECT c.id FROM sales_process_case c
          LEFT JOIN sales_process_task t ON t.case_id = c.id AND t.state = 'open'
          LEFT JOIN sales_process_step s ON s.id = t.step_id
         WHERE s.code IS DISTINCT FROM 'follow_up' OR c.state != 'running'""",
    "failed tasks, timers or letters": """
        SELECT id FROM sales_process_task WHERE state = 'failed'
        UNION ALL SELECT id FROM sales_process_timer WHERE state = 'failed'
        UNION ALL SELECT id FROM sales_process_message WHERE state = 'failed'""",
}


class Worker:
    """A process that runs scheduled jobs and nothing else."""

    def __init__(self, bench, number, *options):
        self.bench, self.number, self.options = bench, number, options
        self.log = LOG / f"crash-{number}.log"
        self.process = None
        self.start()

    def start(self):
        command = [VENV_ODOO, "-c", self.bench.conf, "--no-http", "--max-cron-threads=1", "--log-level=warn"]
        command = [str(part) for part in (*command, *self.options)]
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=odoo_server.environment())

    def ready(self, patience=300):
        """Wait until it listens for jobs: Odoo names its connections after its process. A busy machine
        takes minutes to start one."""
        listening = "SELECT 1 FROM pg_stat_activity WHERE datname = 'postgres' AND application_name = %s"
        deadline = time.monotonic() + patience
        while not self.bench.rows(listening, (f"odoo-{self.process.pid}",)):
            assert time.monotonic() < deadline, f"worker {self.number} does not come up: {self.log}"
            time.sleep(0.1)

    def kill(self):
        self.process.kill()
        self.process.wait()


def wake(bench):
    """Let the jobs be due and the workers know."""
    bench.rows(WAKE + " RETURNING id")
    with closing(bench.server.connect("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('cron_trigger', %s)", (bench.database,))


def settle(bench, patience, question=OPEN):
    """Wait until nothing is left to do; what is left after that time."""
    deadline = time.monotonic() + patience
    while (left := bench.rows(question)[0][0]) and time.monotonic() < deadline:
        wake(bench)
        time.sleep(1)
    return left


def wrong(bench):
    """What is wrong in the end: words -> how many."""
    found = {words: len(bench.rows(query)) for words, query in WRONG.items()}
    return {words: count for words, count in found.items() if count}


def run(runs, cases_a_run=20, seed=None, name="bench_crash", exact=False, say=print):
    """Kill one or both of two workers at a random moment, so many times; what is wrong afterwards."""
    chance = random.Random(seed)
    with ours(name, exact) as bench:
        bench.run("crash", "prepare", count=runs * cases_a_run)
        workers = [Worker(bench, number) for number in (1, 2)]
        try:
            for number in range(runs):
                for worker in workers:
                    worker.ready()
                bench.rows(MAKE_DUE + " RETURNING id", (cases_a_run,))
                wake(bench)
                # a batch takes half a second: somewhere in the timers, the letters, or after the end
                time.sleep(chance.uniform(0, 2))
                for worker in chance.choice((workers, workers[:1], workers[1:])):
                    worker.kill()
                    worker.start()
                if number % 10 == 9:
                    say(f"{number + 1} runs, {bench.rows(OPEN)[0][0]} things in hand")
            left = settle(bench, 180)
        finally:
            for worker in workers:
                worker.kill()
        return ({"things never done": left} if left else {}) | wrong(bench)
