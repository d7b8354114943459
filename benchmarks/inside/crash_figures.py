"""What a crash test of the kept figures begins with and how it must end."""

from collections import Counter

from dynamics import fill

KEPT = {
    "sales_process_dynamics": "date, stage_id, user_id, team_id, company_id, source_id, country_id,"
    " process_id, currency_id, entered, moved_on, moved_back, won, lost, change, round(amount_entered, 2),"
    " round(amount_won, 2), round(amount_change, 2)",
    "sales_process_left": "day, stage_id, arrived_id, way, reason_id, company_id, team_id, type, currency_id,"
    " deals, round(amount::numeric, 2), round(days::numeric, 4)",
    "sales_process_task_day": "level, day, step_id, user_id, lead_user_id, team_id, company_id, tasks,"
    " finished, deadline_kept, deadline_missed, escalations, overrides, round(hours::numeric, 3),"
    " round(working_hours::numeric, 3), round(hours_late::numeric, 3), round(amount_late::numeric, 2),"
    " round(delay::numeric, 1)",
}


def prepare(env, leads=2000, stays=10000):
    """Deals of three years with their figures kept, and no job but the roll-up's."""
    fill(env, leads, stays)
    env["sales.process.working.interval"]._cron_refresh()
    make_all(env)
    roll_up = env.ref("sales_process.ir_cron_sales_process_dynamics")
    env["ir.cron"].search([("id", "!=", roll_up.id)]).active = False
    env.cr.commit()


def make_all(env):
    """Make every day anew."""
    for model in ("sales.process.dynamics.day", "sales.process.task.day"):
        env[model]._mark_all()
        while env[model]._roll_up():
            env.cr.commit()


def wrong(env):
    """{table: how many rows a rebuild makes otherwise, or are missing}"""
    kept = {table: rows_of(env, table) for table in KEPT}
    make_all(env)
    made = {table: rows_of(env, table) for table in KEPT}
    assert all(made.values()), "there is nothing to compare"
    found = {table: (kept[table] - made[table]) + (made[table] - kept[table]) for table in KEPT}
    return {table: sum(rows.values()) for table, rows in found.items() if rows}


def rows_of(env, table):
    env.cr.execute(f"SELECT {KEPT[table]} FROM {table}")
    return Counter(env.cr.fetchall())
