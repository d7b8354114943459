"""Figures at full size: so many leads, stays, cases and tasks, and what tiles of a dashboard cost."""

import time
from datetime import timedelta
from statistics import median

from odoo import fields

FLOWS = ("entered", "moved_on", "moved_back", "won", "lost")
STOCK = ("opening", *FLOWS, "closing")
WALK = ("complete_lead", "call_customer", "contact_result", "make_proposal", "approve_proposal",
        "proposal_decision", "confirm_order")  # fmt: skip
TABLES = ("crm_lead", "crm_lead_stage_history", "sales_process_case", "sales_process_task",
          "sales_process_event", "sale_order")  # fmt: skip


def measure(env, leads, stays, rounds=5):
    """Seconds and rows of the roll-up; {tile: (SQL, milliseconds)}; the same of the funnel."""
    fill(env, leads, stays)
    figures = {"roll_up": roll_up(env), "jobs": jobs(env), "tasks": roll_up_tasks(env)}
    vacuum(env)
    figures["tiles"] = measure_tiles(env, rounds)
    env.cr.execute("INSERT INTO sales_process_dynamics_day (day) VALUES ('2024-06-03'), ('2024-06-04')")
    begun = time.perf_counter()
    env["sales.process.dynamics.day"]._roll_up()
    figures["increment"] = time.perf_counter() - begun
    env.cr.rollback()
    return figures


def measure_tiles(env, rounds=5, only=""):
    """{what: (SQL, median milliseconds, least milliseconds, shared buffers)} of what somebody waits for.

    One round asks all of them in turn, so that a busy moment of the machine falls on all alike.

    :param only: those with this in their name.
    """
    calls = {name: call for name, call in tiles(env).items() if only in name}
    for call in calls.values():
        call()
    seen = [{name: watch(env, call) for name, call in calls.items()} for _round in range(rounds)]
    found = {}
    for name in calls:
        statements, times, buffers = zip(*(one[name] for one in seen), strict=True)
        found[name] = (statements[-1], median(times), min(times), median(buffers))
    return found


# ------------------------------------------------------------------
# FILLING
# ------------------------------------------------------------------


def fill(env, leads, stays):
    """Three years of 50 reps, 5 teams and 10 sources, made with generate_series.

    Of those that have had time to end, half were won and 3 in 10 lost, as among the real opportunities of
    the import example. Each deal took a way of two to six steps through the process that is shipped.
    """
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
    reasons = env["crm.lost.reason"].create([{"name": f"Bench reason {n}"} for n in range(6)])
    partners = env["res.partner"].create([{"name": f"Bench customer {n}"} for n in range(200)])
    process = env["sales.process"].search([("code", "=", "new_business"), ("state", "=", "active")], limit=1)
    steps = {step.code: step.id for step in process.step_ids}
    env.flush_all()
    values = {"users": users.ids, "teams": teams.ids, "sources": sources.ids, "stages": stages.ids,
              "won": env["crm.stage"].search([("is_won", "=", True)], limit=1).id,
              "company": env.company.id, "each": each, "leads": leads, "reasons": reasons.ids,
              "process": process.id, "phase": process.phase_ids[:1].id,
              "walk": [steps[code] for code in WALK],
              "partners": partners.ids, "now": fields.Datetime.now()}  # fmt: skip
    for statement in (LEADS, STAYS, CASES, TASKS, WAYS, EVENTS, CONTRACTS):
        env.cr.execute(statement, values)
    env.cr.commit()
    for table in TABLES:
        env.cr.execute(f"ANALYZE {table}")
    env.cr.commit()
    env.invalidate_all()


LEADS = """
INSERT INTO crm_lead (name, type, active, stage_id, probability, won_status, priority, user_id,
                      team_id, company_id, source_id, expected_revenue, lost_reason_id,
                      create_date, date_last_stage_update, date_closed)
SELECT 'Bench ' || n, 'opportunity', status != 'lost',
       CASE WHEN status = 'won' THEN %(won)s ELSE (%(stages)s::int[])[1 + (%(each)s - 1) %% 5] END, 20,
       status, '0', (%(users)s::int[])[1 + rep], (%(teams)s::int[])[1 + rep %% 5], %(company)s,
       (%(sources)s::int[])[1 + source], n %% 1000,
       CASE WHEN status = 'lost' THEN (%(reasons)s::int[])[1 + n %% 6] END,
       day, day + pace * (%(each)s - 1), CASE WHEN status != 'pending' THEN day + pace * %(each)s END
  FROM (
      SELECT *, CASE WHEN age < 40 OR luck >= 0.8 THEN 'pending'
                     WHEN luck < 0.5 THEN 'won' ELSE 'lost' END AS status,
             %(now)s::timestamp - age * interval '1 day' AS day,
             LEAST(15 * random(), age / %(each)s - 0.01) * interval '1 day' AS pace
        FROM (
            SELECT n, (random() * 49)::int AS rep, (random() * 9)::int AS source, random() AS luck,
                   1 + random() * 1094 AS age
              FROM generate_series(1, %(leads)s) n
        ) drawn
  ) made
"""

STAYS = """
INSERT INTO crm_lead_stage_history (lead_id, stage_id, date_enter, date_leave, won_status, user_id,
                                    team_id, company_id, expected_revenue)
SELECT l.id,
       CASE WHEN k = %(each)s - 1 THEN l.stage_id ELSE (%(stages)s::int[])[1 + k %% 5] END,
       l.create_date + k * l.pace,
       CASE WHEN k < %(each)s - 1 OR l.won_status = 'lost' THEN l.create_date + (k + 1) * l.pace END,
       CASE WHEN k = %(each)s - 1 THEN l.won_status ELSE 'pending' END,
       l.user_id, l.team_id, l.company_id, l.expected_revenue
  FROM (
      SELECT *, (date_last_stage_update - create_date) / (%(each)s - 1) AS pace
        FROM crm_lead
       WHERE name LIKE 'Bench %%'
  ) l, generate_series(0, %(each)s - 1) k
 ORDER BY l.create_date + k * l.pace
"""

CASES = """
INSERT INTO sales_process_case (lead_id, process_id, phase_id, state, team_id, company_id,
                                date_start, date_end, create_date, revision)
SELECT id, %(process)s, %(phase)s, CASE won_status WHEN 'pending' THEN 'running' ELSE won_status END,
       team_id, company_id, create_date, date_closed, create_date, 1
  FROM crm_lead
 WHERE name LIKE 'Bench %%'
 ORDER BY id
"""

# Most take the first outcome of a step; some go slowly and visit a step twice.
TASKS = """
INSERT INTO sales_process_task (case_id, lead_id, process_id, step_id, visit, state, is_passed,
                                user_id, team_id, company_id,
                                date_open, date_deadline, date_done, outcome_id, outcome_code,
                                escalation_count, create_date)
SELECT case_id, lead_id, %(process)s, step_id, row_number() OVER (PARTITION BY case_id, step_id ORDER BY nth),
       CASE WHEN is_open THEN 'open' ELSE 'done' END, NOT is_open AND nth = 0 AND luck < 0.8,
       user_id, team_id, company_id, date_open, date_open + pace * (0.8 + luck),
       CASE WHEN NOT is_open THEN date_open + pace END,
       outcome.id, outcome.code, (luck * 1.2)::int, date_open
  FROM (
      SELECT c.id AS case_id, c.lead_id, c.team_id, c.company_id, lead.user_id, nth, random() AS luck,
             c.state = 'running' AND nth = visits - 1 AS is_open,
             c.date_start + nth * pace.pace AS date_open, pace.pace,
             (%(walk)s::int[])[1 + LEAST((nth * (0.6 + (c.id %% 5) * 0.1))::int, 6)] AS step_id
        FROM sales_process_case c
        JOIN crm_lead lead ON lead.id = c.lead_id
       CROSS JOIN LATERAL (
           SELECT CASE c.state WHEN 'won' THEN 5 + c.id %% 2 ELSE 2 + c.id %% 3 END AS visits
       ) length
       CROSS JOIN LATERAL (
           SELECT (COALESCE(c.date_end, lead.date_last_stage_update) - c.date_start) / visits AS pace
       ) pace
       CROSS JOIN LATERAL generate_series(0, visits - 1) nth
       WHERE lead.name LIKE 'Bench %%'
  ) visit
  LEFT JOIN LATERAL (
      SELECT o.id, o.code FROM sales_process_outcome o
       WHERE o.step_id = visit.step_id AND NOT is_open
       ORDER BY o.id OFFSET CASE WHEN luck < 0.75 THEN 0 ELSE 1 END LIMIT 1
  ) outcome ON TRUE
 ORDER BY date_open
"""

WAYS = """
UPDATE sales_process_case c
   SET way_text = walked.hops
  FROM (
      SELECT case_id, string_agg(
                 concat_ws(':', step_id, COALESCE(outcome_id, 0), (is_passed IS TRUE)::int), ',' ORDER BY id
             ) AS hops
        FROM sales_process_task
       GROUP BY case_id
  ) walked
 WHERE walked.case_id = c.id AND c.state != 'running'
"""

EVENTS = """
INSERT INTO sales_process_event (case_id, lead_id, task_id, step_id, user_id, kind, text, date)
SELECT case_id, lead_id, id, step_id, user_id,
       CASE WHEN id %% 100 = 0 THEN 'override' ELSE 'done' END, 'Bench', COALESCE(date_done, date_open)
  FROM sales_process_task
 ORDER BY 8
"""

CONTRACTS = """
INSERT INTO sale_order (name, state, company_id, partner_id, partner_invoice_id, partner_shipping_id,
                        date_order, user_id, team_id, currency_id,
                        contract_state, contract_signing, contract_last_day, contract_value_at_risk,
                        amount_untaxed, currency_rate, contract_next_pricing)
SELECT 'Bench ' || n, 'sale', %(company)s, customer, customer, customer, %(now)s - interval '300 days',
       (%(users)s::int[])[1 + n %% 50], (%(teams)s::int[])[1 + n %% 5],
       (SELECT currency_id FROM res_company WHERE id = %(company)s),
       'running', 'customer', %(now)s::date + n %% 365, n, n, 1, 'agreed'
  FROM (
      SELECT n, (%(partners)s::int[])[1 + n %% 200] AS customer FROM generate_series(1, %(leads)s / 40) n
  ) made
"""


# ------------------------------------------------------------------
# JOBS
# ------------------------------------------------------------------


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


def roll_up_tasks(env):
    """(seconds, rows) of making every day of tasks anew, a commit for each batch."""
    Day = env["sales.process.task.day"]
    Day._mark_all()
    begun = time.perf_counter()
    while Day._roll_up():
        env.cr.commit()
    seconds = time.perf_counter() - begun
    env.cr.execute("ANALYZE sales_process_task_day")
    env.cr.execute("SELECT count(*) FROM sales_process_task_day")
    return (seconds, *env.cr.fetchone())


def jobs(env):
    """{job: seconds} of what is counted once a day."""
    seconds = {}
    for model in ("sales.process.forecast.chance", "sales.process.working.interval"):
        begun = time.perf_counter()
        env[model]._cron_refresh()
        env.cr.commit()
        seconds[model] = time.perf_counter() - begun
        env.cr.execute(f"ANALYZE {env[model]._table}")
    env.cr.execute("ANALYZE sales_process_forecast_past")
    env.cr.commit()
    return seconds


def vacuum(env):
    """What autovacuum does within minutes: after that an index alone answers what it holds."""
    connection = env.cr._cnx
    env.cr.commit()
    connection.autocommit = True
    with connection.cursor() as cursor:
        for table in (*TABLES, "sales_process_task_day", "sales_process_left"):
            cursor.execute(f"VACUUM ANALYZE {table}")
    connection.autocommit = False


# ------------------------------------------------------------------
# TILES
# ------------------------------------------------------------------


def tiles(env):
    """What a dashboard and the pages behind it ask; those of a rep are filtered by the record rules."""
    return {**dynamics_tiles(env), **dashboard_tiles(env), **page_tiles(env)}


def people(env):
    """(leader, rep)"""
    return env.ref("base.user_admin"), env["res.users"].search([("login", "=", "dynamics7")])


def asking(env, model, user):
    """A model as the web client of somebody asks it."""
    context = {"lang": user.lang, "tz": "Europe/Berlin", "allowed_company_ids": env.company.ids}
    return env[model].with_user(user).with_context(**context)


def dynamics_tiles(env):
    leader, rep = people(env)
    source = env["utm.source"].search([("name", "=", "Bench source 3")])
    last = fields.Date.today().year - 1
    year = [("date", ">=", f"{last}-01-01"), ("date", "<=", f"{last}-12-31")]
    of_rep, of_source = [*year, ("user_id", "=", rep.id)], [*year, ("source_id", "=", source.id)]

    def dynamics(user, domain, sets, names):
        model = asking(env, "sales.process.dynamics", user)
        return lambda: model._read_grouping_sets(domain, sets, [f"{name}:sum" for name in names])

    months = [[], ["stage_id"], ["date:month"], ["stage_id", "date:month"]]
    return {
        "unfiltered: flows by stage": dynamics(leader, [], [[], ["stage_id"]], FLOWS),
        "unfiltered: a year's stock by stage": dynamics(leader, year, [[], ["stage_id"]], STOCK),
        "unfiltered: a year's stock by stage and month": dynamics(leader, year, months, STOCK),
        "one rep: a year's stock by stage and month": dynamics(leader, of_rep, months, STOCK),
        "one source: a year's stock by stage": dynamics(leader, of_source, [["stage_id"]], STOCK),
        "by rep: a year's flows": dynamics(leader, year, [["user_id"]], FLOWS),
        "as a rep: a year's stock by stage": dynamics(rep, year, [[], ["stage_id"]], STOCK),
    }


def dashboard_tiles(env):
    """Each tile as the leader opens the page, with a year, with a team, and as a rep sees it."""
    leader, rep = people(env)
    team = env["crm.team"].search([("name", "=", "Team 3")])
    asked = {
        "unfiltered: tile %s": (leader, 90, None),
        "unfiltered: tile %s, a year": (leader, 365, None),
        "one team: tile %s": (leader, 90, team.id),
        "one team: tile %s, a year": (leader, 365, team.id),
        "as a rep: tile %s": (rep, 90, None),
        "as a rep: tile %s, a year": (rep, 365, None),
    }
    found = {}
    for tile in ("funnel", "dynamics", "forecast", "deadlines", "bottlenecks"):
        for name, (user, days, team_id) in asked.items():
            model = asking(env, "sales.process.dashboard", user)
            found[name % tile] = lambda m=model, t=tile, d=days, of=team_id: m.process_dashboard_tile(
                t, d, of
            )
    return found


def page_tiles(env):
    """The pages behind the tiles: ways, the map, the funnel of the board, the portlet, the bottlenecks."""
    leader, rep = people(env)
    team = env["crm.team"].search([("name", "=", "Team 3")])
    process = env["sales.process"].search([("code", "=", "new_business"), ("state", "=", "active")], limit=1)
    now = fields.Datetime.now()
    quarter, past = (now - timedelta(days=90)).date(), fields.Datetime.to_string(now - timedelta(days=200))

    def ways(user, **filters):
        return lambda: asking(env, "sales.process", user).process_ways("new_business", filters)

    def drawn(user, **filters):
        return lambda: asking(env, "sales.process", user).browse(process.id).get_map(filters)

    def funnel(user, domain, begin=quarter):
        return lambda: asking(env, "crm.lead", user).process_funnel(domain, begin)

    def portlet(user, domain):
        return lambda: asking(env, "crm.lead", user).process_stages_now(domain)

    def bottlenecks(user, domain):
        report = asking(env, "sales.process.task.report", user)
        late = [("deadline_missed", "=", 1), *domain]
        return lambda: report._read_group(
            late,
            ["step_id"],
            ["tasks:sum", "hours_late:avg", "amount_late:sum", "delay:sum"],
            order="delay:sum DESC",
        )

    def opened(user):
        def call():
            model = asking(env, "sales.process", user).browse(process.id)
            key = first.setdefault(user, model.process_ways("new_business")["ways"][0]["key"])
            action = model.action_ways_open(key)
            Lead = model.env["crm.lead"].with_context(**action["context"])
            return Lead.web_search_read(action["domain"], {"name": {}}, limit=80)

        return call

    first = {}
    of_team, of_rep = [("team_id", "=", team.id)], [("user_id", "=", rep.id)]
    return {
        "unfiltered: ways": ways(leader),
        "unfiltered: ways, all deals": ways(leader, result="all"),
        "unfiltered: ways, with outcomes": ways(leader, outcomes=True),
        "a quarter: ways": ways(leader, date_from=str(quarter)),
        "one team: ways": ways(leader, team_id=team.id),
        "as a rep: ways": ways(rep),
        "the deals of a way": opened(leader),
        "unfiltered: map now": drawn(leader),
        "one team: map now": drawn(leader, team_id=team.id),
        "as a rep: map now": drawn(rep),
        "a day gone by: map": drawn(leader, as_of=past),
        "a day gone by, one team: map": drawn(leader, as_of=past, team_id=team.id),
        "a day gone by, as a rep: map": drawn(rep, as_of=past),
        "unfiltered: funnel of the board": funnel(leader, [("type", "=", "opportunity")]),
        "since ever: funnel of the board": funnel(leader, [("type", "=", "opportunity")], None),
        "one rep: funnel of the board": funnel(leader, of_rep),
        "one source: funnel of the board": funnel(leader, [("source_id.name", "=", "Bench source 3")]),
        "as a rep: funnel of the board": funnel(rep, [("type", "=", "opportunity")]),
        "unfiltered: portlet": portlet(leader, []),
        "one team: portlet": portlet(leader, of_team),
        "as a rep: portlet": portlet(rep, of_rep),
        "unfiltered: bottleneck list": bottlenecks(leader, []),
        "one team: bottleneck list": bottlenecks(leader, of_team),
        "as a rep: bottleneck list": bottlenecks(rep, []),
    }


def watch(env, call):
    """(SQL, milliseconds, shared buffers) of a call in a session that has read nothing yet."""
    env.cr.commit()
    env.invalidate_all()
    pages = buffers(env)
    before, begun = env.cr.sql_log_count, time.perf_counter()
    call()
    seconds = time.perf_counter() - begun
    statements = env.cr.sql_log_count - before
    env.cr.commit()
    return statements, seconds * 1000, buffers(env) - pages


def buffers(env):
    """Shared buffers that this database has asked for so far."""
    env.cr.execute("SELECT pg_stat_force_next_flush()")
    env.cr.commit()
    env.cr.execute("SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()")
    [pages] = env.cr.fetchone()
    env.cr.commit()
    return pages
