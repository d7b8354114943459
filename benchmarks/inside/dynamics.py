"""Deal dynamics at full size: so many leads and stays, rolled up, and what tiles of a dashboard cost."""

import time
from statistics import median

FLOWS = ("entered", "moved_on", "moved_back", "won", "lost")
STOCK = ("opening", *FLOWS, "closing")


def measure(env, leads, stays, rounds=5):
    """Seconds and rows of the roll-up; {tile: (SQL, milliseconds)}; the same of the funnel."""
    fill(env, leads, stays)
    figures = {"roll_up": roll_up(env), "tiles": {}}
    for name, call in tiles(env).items():
        figures["tiles"][name] = watch(env, call, rounds)
    env.cr.execute("INSERT INTO sales_process_dynamics_day (day) VALUES ('2024-06-03'), ('2024-06-04')")
    begun = time.perf_counter()
    env["sales.process.dynamics.day"]._roll_up()
    figures["increment"] = time.perf_counter() - begun
    env.cr.rollback()
    return figures


def fill(env, leads, stays):
    """Leads and stays made with generate_series: three years, 50 reps, 5 teams, 10 sources."""
    each = stays // leads
    salesman = env.ref("sales_team.group_sale_salesman").id
    users = (
        env["res.users"]
        .with_context(no_reset_password=True)
        .create(
            [{"name": f"Rep {n}", "login": f"dynamics{n}", "group_ids": [(4, salesman)]} for n in range(50)]
        )
    )
    teams = env["crm.team"].create([{"name": f"Team {n}"} for n in range(5)])
    sources = env["utm.source"].create([{"name": f"Bench source {n}"} for n in range(10)])
    stages = env["crm.stage"].search([("is_won", "=", False)], limit=3)
    more = [{"name": f"Bench stage {n}", "sequence": 50 + n} for n in range(5 - len(stages))]
    stages += env["crm.stage"].create(more)
    env.flush_all()
    values = {"users": users.ids, "teams": teams.ids, "sources": sources.ids, "stages": stages.ids,
              "company": env.company.id, "each": each, "leads": leads}  # fmt: skip
    env.cr.execute(
        """
        INSERT INTO crm_lead (name, type, active, stage_id, probability, won_status, priority, user_id,
                              team_id, company_id, source_id, expected_revenue,
                              create_date, date_last_stage_update)
        SELECT 'Bench ' || n, 'opportunity', n %% 3 != 0, (%(stages)s::int[])[1 + (%(each)s - 1) %% 5], 20,
               CASE WHEN n %% 3 = 0 THEN 'lost' ELSE 'pending' END, '0',
               (%(users)s::int[])[1 + rep], (%(teams)s::int[])[1 + rep %% 5], %(company)s,
               (%(sources)s::int[])[1 + source], n %% 1000, day, day
          FROM (
              SELECT n, (random() * 49)::int AS rep, (random() * 9)::int AS source,
                     timestamp '2023-01-01' + (random() * 1000)::int * interval '1 day' AS day
                FROM generate_series(1, %(leads)s) n
          ) made
        """,
        values,
    )
    env.cr.execute(
        """
        INSERT INTO crm_lead_stage_history (lead_id, stage_id, date_enter, date_leave, won_status, user_id,
                                            team_id, company_id, expected_revenue)
        SELECT l.id, (%(stages)s::int[])[1 + k %% 5], l.create_date + k * l.pace,
               CASE WHEN k < %(each)s - 1 OR l.won_status = 'lost'
                    THEN l.create_date + (k + 1) * l.pace END,
               CASE WHEN k = %(each)s - 1 THEN l.won_status ELSE 'pending' END,
               l.user_id, l.team_id, l.company_id, l.expected_revenue
          FROM (
              SELECT *, interval '3 hours' + (random() * 30)::int * interval '1 day' AS pace
                FROM crm_lead
               WHERE name LIKE 'Bench %%'
          ) l, generate_series(0, %(each)s - 1) k
         ORDER BY l.id, k
        """,
        values,
    )
    env.cr.execute("ANALYZE crm_lead")
    env.cr.execute("ANALYZE crm_lead_stage_history")
    env.cr.commit()
    env.invalidate_all()


def roll_up(env):
    """(seconds, rows, totals) of making every day anew, a commit for each batch."""
    Day = env["sales.process.dynamics.day"]
    Day._mark_all()
    begun = time.perf_counter()
    while Day._roll_up():
        env.cr.commit()
    seconds = time.perf_counter() - begun
    env.cr.execute("ANALYZE sales_process_dynamics")
    env.cr.execute("ANALYZE sales_process_dynamics_total")
    env.cr.execute(
        "SELECT (SELECT count(*) FROM sales_process_dynamics), count(*) FROM sales_process_dynamics_total"
    )
    return (seconds, *env.cr.fetchone())


def tiles(env):
    """What a dashboard asks, as a leader; those of a rep are filtered by the record rules."""
    leader = env.ref("base.user_admin")
    rep = env["res.users"].search([("login", "=", "dynamics7")])
    source = env["utm.source"].search([("name", "=", "Bench source 3")])
    year = [("date", ">=", "2024-01-01"), ("date", "<=", "2024-12-31")]
    of_rep, of_source = [*year, ("user_id", "=", rep.id)], [*year, ("source_id", "=", source.id)]

    def dynamics(user, domain, sets, names):
        model = env["sales.process.dynamics"].with_user(user)
        return lambda: model._read_grouping_sets(domain, sets, [f"{name}:sum" for name in names])

    def funnel(user, domain):
        return lambda: env["crm.lead"].with_user(user).process_funnel(domain, "2025-08-01")

    months = [[], ["stage_id"], ["date:month"], ["stage_id", "date:month"]]
    return {
        "unfiltered: flows by stage": dynamics(leader, [], [[], ["stage_id"]], FLOWS),
        "unfiltered: a year's stock by stage": dynamics(leader, year, [[], ["stage_id"]], STOCK),
        "unfiltered: a year's stock by stage and month": dynamics(leader, year, months, STOCK),
        "one rep: a year's stock by stage and month": dynamics(leader, of_rep, months, STOCK),
        "one source: a year's stock by stage": dynamics(leader, of_source, [["stage_id"]], STOCK),
        "by rep: a year's flows": dynamics(leader, year, [["user_id"]], FLOWS),
        "as a rep: a year's stock by stage": dynamics(rep, year, [[], ["stage_id"]], STOCK),
        "funnel, unfiltered": funnel(leader, []),
        "funnel of one rep": funnel(leader, [("user_id", "=", rep.id)]),
    }


def watch(env, call, rounds):
    """(SQL, median milliseconds) of a call that was warmed up."""
    call()
    times = []
    for _round in range(rounds):
        before, begun = env.cr.sql_log_count, time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return env.cr.sql_log_count - before, median(times) * 1000
