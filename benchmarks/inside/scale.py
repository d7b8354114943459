"""What must not grow: an idle tick, the start of cases, memory; and what must not be lost."""

import resource
import time
from statistics import median

from common import Watch, lead_vals, make_due, make_process, make_reps, make_template, start

NOTHING_DUE = """
SELECT id FROM sales_process_timer
 WHERE date_due <= now() AT TIME ZONE 'UTC' AND state = 'pending'
 ORDER BY date_due, id LIMIT 500
"""
TOMORROW = "(now() AT TIME ZONE 'UTC') + interval '1 day' + n * interval '1 second'"


def idle(env, tasks, rounds=7):
    """A tick of the timers and of the runner with nothing due, at so many open tasks."""
    _team, _reps, leads, _process = start(env, 100)
    more_tasks(env, leads.process_open_task_ids[:1], tasks - 100)
    Task = env["sales.process.task"]
    sql, seconds = [], []
    for _round in range(rounds + 1):
        with Watch(env) as watch:
            Task._cron_run_timers()
            Task._cron_run_queued()
        sql.append(watch.sql)
        seconds.append(watch.seconds)
    plan, buffers = explain(env)
    return {
        "sql": sql[-1],
        "ms": median(seconds[1:]) * 1000,
        "plan": plan,
        "buffers": buffers,
        "tick_buffers": tick_buffers(env),
    }


def tick_buffers(env, rounds=5, ticks=()):
    """Blocks that PostgreSQL looks at in a tick, all statements of these jobs together with their planning.

    :param ticks: the jobs' methods; without any, those of timers and of the runner
    """
    Task = env["sales.process.task"]
    ticks = ticks or (Task._cron_run_timers, Task._cron_run_queued)

    def looked_at():
        env.cr.execute("SELECT pg_stat_force_next_flush()")
        env.cr.commit()
        env.cr.execute("SELECT pg_stat_clear_snapshot()")
        env.cr.execute(
            "SELECT pg_stat_get_db_blocks_fetched(oid) FROM pg_database WHERE datname = current_database()"
        )
        (blocks,) = env.cr.fetchone()
        env.cr.commit()
        return blocks

    counts = []
    for _round in range(rounds):
        before, own = looked_at(), looked_at()
        for tick in ticks:
            tick()
        counts.append(looked_at() - own - (own - before))
    return median(counts)


def more_tasks(env, task, count):
    """So many more open tasks with timers; as further visits of one case, which the tick does not look at."""
    env.flush_all()
    copy = clone(env, "sales_process_task", task.id, count, visit="n + 1", activity_id="NULL")
    clone(env, "sales_process_timer", task.timer_ids[:1].id, count, task_id=copy, date_due=TOMORROW)
    for table in ("sales_process_task", "sales_process_timer"):
        env.cr.execute(f"ANALYZE {table}")
    env.cr.commit()


def multiply(env, task, count):
    """So many more leads, cases, tasks and timers like those of this task, made with generate_series.

    The timers count in working time like the first; they are due from tomorrow on.
    """
    env.flush_all()
    lead = clone(env, "crm_lead", task.lead_id.id, count)
    case = clone(env, "sales_process_case", task.case_id.id, count, lead_id=lead)
    copy = clone(env, "sales_process_task", task.id, count, lead_id=lead, case_id=case, activity_id="NULL")
    clone(
        env,
        "sales_process_timer",
        task.timer_ids[:1].id,
        count,
        task_id=copy,
        case_id=case,
        date_due=TOMORROW,
    )
    for table in ("crm_lead", "sales_process_case", "sales_process_task", "sales_process_timer"):
        env.cr.execute(f"ANALYZE {table}")
    env.cr.commit()


def clone(env, table, source, count, **values):
    """Rows like one row, but for these values, in which `{id}` is the row's own id; the SQL expression
    for the id of the n-th of them."""
    env.cr.execute(f"SELECT nextval('{table}_id_seq')")
    (before,) = env.cr.fetchone()
    env.cr.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name != 'id'",
        (table,),
    )
    columns = [name for (name,) in env.cr.fetchall()]
    names = ", ".join(f'"{name}"' for name in columns)
    values = {name: value.replace("{id}", f"{before} + n") for name, value in values.items()}
    taken = ", ".join(values.get(name, f't."{name}"') for name in columns)
    # What checks the foreign keys was planned when the table was small: it would read all of it for each row.
    env.cr.execute("DISCARD PLANS")
    env.cr.execute(
        f"INSERT INTO {table} ({names}) "
        f"SELECT {taken} FROM {table} t, generate_series(1, {int(count)}) n "
        f"WHERE t.id = {int(source)} ORDER BY n"
    )
    return f"{before} + n"


def explain(env):
    """(plan without figures, buffers touched) of the query for what is due."""
    env.cr.execute(NOTHING_DUE)  # once before, so that all pages are in memory
    env.cr.execute(
        "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT JSON) " + NOTHING_DUE
    )
    root = env.cr.fetchone()[0][0]["Plan"]
    return nodes_of(root), root["Shared Hit Blocks"] + root["Shared Read Blocks"]


def nodes_of(root):
    """A plan as text without figures: its nodes with their indexes."""
    nodes, todo = [], [root]
    while todo:
        node = todo.pop()
        nodes.append(" ".join(filter(None, (node["Node Type"], node.get("Index Name")))))
        todo += node.get("Plans", [])
    return " > ".join(nodes)


def start_cost(env, count, with_process):
    """(SQL, ms) a lead of one create, in a team with the process or without."""
    reps, team = (
        make_reps(env),
        env["crm.team"].create({"name": "Bench", "user_id": env.ref("base.user_admin").id}),
    )
    if with_process:
        make_process(env, team, make_template(env))
    env["crm.lead"].create(lead_vals(team, reps, 20))
    with Watch(env) as watch:
        env["crm.lead"].create(lead_vals(team, reps, count, 1000))
    return watch.per(count)


def plain_start_cost(env, count):
    """The same with plain Odoo."""
    reps, team = make_reps(env), env["crm.team"].create({"name": "Bench"})
    env["crm.lead"].create(lead_vals(team, reps, 20))
    with Watch(env) as watch:
        env["crm.lead"].create(lead_vals(team, reps, count, 1000))
    return watch.per(count)


def memory(env, count):
    """MiB by which the process grows over a run with so many due timers, after its first batches."""
    _team, _reps, leads, _process = start(env, 100)
    task = leads.process_open_task_ids[:1]
    multiply(env, task, count)
    make_due(env)
    env.cr.commit()
    Timer = env["sales.process.timer"]
    peaks, done, begun = [], 0, time.perf_counter()
    original = type(env["ir.cron"])._commit_progress

    def spy(cron, processed=0, **values):
        nonlocal done
        done += processed
        peaks.append(resident())
        return original(cron, processed, **values)

    type(env["ir.cron"])._commit_progress = spy
    try:
        Timer._cron_run()
    finally:
        type(env["ir.cron"])._commit_progress = original
    return {"done": done, "growth": max(peaks) - peaks[min(4, len(peaks) - 1)], "first": peaks[0],
            "seconds": time.perf_counter() - begun}  # fmt: skip


def resident():
    """MiB of memory this process holds."""
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[1]) * resource.getpagesize() / 2**20


def one_bad(env, count):
    """One record of so many fails: (done, on the error desk, activities for the owner)."""
    _team, _reps, leads, process = start(env, count)
    make_due(env)
    # the template cuts the name, which this lead does not have
    leads[count // 2].contact_name = False
    Task = env["sales.process.task"]
    Task._cron_run_timers()
    Task._cron_run_queued()
    env.invalidate_all()
    open_tasks = leads.process_open_task_ids
    return {
        "done": len(open_tasks.filtered(lambda task: task.step_id.code == "follow_up")),
        "failed": env["sales.process.task"].search_count([("state", "=", "failed")]),
        "warnings": len(process._warnings()),
    }
