"""Inside Odoo: what is done to leads of a team without a process. Everything is rolled back."""

import time


def measure(env, count):
    """`{action: [SQL a lead, milliseconds a lead]}`."""
    team = env["crm.team"].create({"name": "Without a process"})
    first, second = env["crm.stage"].create(
        [{"name": name, "team_ids": team.ids, "sequence": -2} for name in ("First", "Second")]
    )
    make_leads(env, team, 50).write({"stage_id": second.id})  # warm up
    figures, made = {}, []
    figures["create"] = measured(env, lambda: made.append(make_leads(env, team, count)), count)
    leads = made[0]
    some = leads[: count // 5]
    figures["move together"] = measured(env, lambda: leads.write({"stage_id": second.id}), count)
    figures["move one by one"] = measured(env, lambda: one_by_one(some, first), len(some))
    figures["lose together"] = measured(env, leads.action_set_lost, count)
    figures["restore together"] = measured(env, leads.action_unarchive, count)
    figures["delete"] = measured(env, leads.unlink, count)
    env.cr.rollback()
    return figures


def measured(env, work, count):
    env.flush_all()
    env.invalidate_all()
    statements, start = env.cr.sql_log_count, time.perf_counter()
    work()
    env.flush_all()
    seconds = time.perf_counter() - start
    return [(env.cr.sql_log_count - statements) / count, 1000 * seconds / count]


def make_leads(env, team, count):
    return env["crm.lead"].create(
        [
            {"name": f"Deal {number}", "team_id": team.id, "type": "opportunity", "expected_revenue": number}
            for number in range(count)
        ]
    )


def one_by_one(leads, stage):
    """As people on the board do: each in a transaction of its own."""
    for lead in leads:
        lead.write({"stage_id": stage.id})
        lead.env.flush_all()
