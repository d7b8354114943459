"""What a crash test begins with and how it must end."""

from common import start
from scale import multiply

CRONS = ("runner", "timers", "letters")


def prepare(env, count, runners=2):
    """So many cases whose escalation waits for its moment; several runners; no other jobs."""
    start_some = min(count, 200)
    _team, _reps, leads, _process = start(env, start_some)
    if count > start_some:
        multiply(env, leads.process_open_task_ids[:1], count - start_some)
    crons = env["ir.cron"].browse(env.ref(f"sales_process.ir_cron_sales_process_{name}").id for name in CRONS)
    env["ir.cron"].search([("id", "not in", crons.ids)]).active = False
    for _number in range(runners - 1):
        crons[:2].copy({"active": True})
    env.cr.execute("UPDATE sales_process_timer SET date_due = now() AT TIME ZONE 'UTC' + interval '1 year'")
    env.cr.commit()
    return count
