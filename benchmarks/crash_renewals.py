"""Renewals that fall due while workers are killed: each reminded of once, each a task once, none lost."""

import random
import time

from crash import Worker, settle, wake
from harness import ours

# How far it is: contracts due without a renewal, automatic steps not run, letters not sent.
OPEN = """
SELECT (SELECT count(*) FROM sale_order
         WHERE contract_state = 'running' AND renewal_lead_id IS NULL
           AND contract_renewal_due <= CURRENT_DATE)
     + (SELECT count(*) FROM sales_process_task WHERE state = 'queued')
     + (SELECT count(*) FROM sales_process_message WHERE state = 'planned')
"""
DUE = """
SELECT id, renewal_lead_id FROM sale_order
 WHERE contract_state = 'running' AND contract_renewal_due <= CURRENT_DATE
"""
COUNTS = f"""
SELECT (SELECT count(*) FROM ({DUE}) due WHERE renewal_lead_id IS NOT NULL),
       (SELECT count(*) FROM sales_process_message p
          JOIN mail_mail q ON q.mail_message_id = p.mail_message_id),
       (SELECT count(*) FROM sales_process_task t JOIN sales_process_step s ON s.id = t.step_id
         WHERE s.code = 'renewal_call' AND t.state = 'open')
"""
WRONG = {
    "due contracts without a renewal": f"SELECT id FROM ({DUE}) due WHERE renewal_lead_id IS NULL",
    "renewals of contracts that are not due": """
        SELECT id FROM sale_order
         WHERE renewal_lead_id IS NOT NULL AND contract_renewal_due > CURRENT_DATE""",
    "renewal opportunities that no contract has": """
        SELECT l.id FROM crm_lead l LEFT JOIN sale_order o ON o.renewal_lead_id = l.id WHERE o.id IS NULL""",
    "renewals of several contracts": """
        SELECT renewal_lead_id FROM sale_order WHERE renewal_lead_id IS NOT NULL
         GROUP BY renewal_lead_id HAVING count(*) != 1""",
    "renewals without exactly one case": f"""
        SELECT due.id FROM ({DUE}) due LEFT JOIN sales_process_case c ON c.lead_id = due.renewal_lead_id
         GROUP BY due.id HAVING count(c.id) != 1""",
    "renewals without exactly one letter queued": f"""
        SELECT due.id FROM ({DUE}) due
          LEFT JOIN sales_process_message p ON p.lead_id = due.renewal_lead_id AND p.state = 'sent'
          LEFT JOIN mail_mail q ON q.mail_message_id = p.mail_message_id
         GROUP BY due.id HAVING count(q.id) != 1""",
    "renewals without exactly one task to call": f"""
        SELECT due.id FROM ({DUE}) due
          LEFT JOIN sales_process_task t ON t.lead_id = due.renewal_lead_id AND t.state = 'open'
               AND t.step_id IN (SELECT id FROM sales_process_step WHERE code = 'renewal_call')
         GROUP BY due.id HAVING count(t.id) != 1""",
    "tasks without exactly one activity": """
        SELECT t.id FROM sales_process_task t
          LEFT JOIN mail_activity a ON a.process_task_id = t.id AND a.active
         WHERE t.state = 'open' GROUP BY t.id HAVING count(a.id) != 1""",
    "contracts whose timer failed": "SELECT id FROM sale_order WHERE contract_timer_error_date IS NOT NULL",
    "failed tasks or letters": """
        SELECT id FROM sales_process_task WHERE state = 'failed'
        UNION ALL SELECT id FROM sales_process_message WHERE state IN ('failed', 'blocked')""",
}


def wrong(bench):
    """What is wrong in the end: words -> how many."""
    found = {words: len(bench.rows(query)) for words, query in WRONG.items()}
    return {words: count for words, count in found.items() if count}


def run(contracts=50_000, due=1000, rounds=40, seed=None, name="bench_renewals", exact=False, say=print):
    """Two workers do the renewals that are due and are killed at random moments, so many times or until all
    is done; then they are left alone.

    :return: what is wrong afterwards: words -> how many; empty when all is well
    """
    chance = random.Random(seed)
    with ours(name, exact) as bench:
        made = bench.run("renewals", "prepare", contracts=contracts, due=due)
        workers = [Worker(bench, number) for number in (1, 2)]
        kills = 0
        try:
            for _number in range(rounds):
                if not bench.rows(OPEN)[0][0]:
                    break
                for worker in workers:
                    worker.ready()
                wake(bench)
                time.sleep(chance.uniform(0.2, 3))
                for worker in chance.choice((workers, workers[:1], workers[1:])):
                    worker.kill()
                    worker.start()
                    kills += 1
            left = settle(bench, 300, OPEN)
        finally:
            for worker in workers:
                worker.kill()
        started, letters, tasks = bench.rows(COUNTS)[0]
        say(
            f"{made:,} contracts, {due:,} due, two workers, kill -9 {kills} times: "
            f"{started:,} renewals, {letters:,} letters, {tasks:,} tasks to call"
        )
        return ({"things never done": left} if left else {}) | wrong(bench)
