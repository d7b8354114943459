"""The board (kanban of the pipeline) as the web client asks for its cards; with the add-on or without."""

import time
from statistics import median

from lxml import etree

LEADS = """
INSERT INTO crm_lead (name, type, active, stage_id, probability, won_status, priority, user_id,
                      team_id, company_id, expected_revenue, email_from, create_date, date_last_stage_update)
SELECT 'Board ' || n, 'opportunity', TRUE, (%(stages)s::int[])[1 + n %% 3], 20, 'pending',
       (n %% 3)::text, %(user)s, %(team)s, %(company)s, n %% 1000, 'one@customer' || n || '.example.org',
       now() AT TIME ZONE 'UTC' - n * interval '1 minute', now() AT TIME ZONE 'UTC' - n * interval '1 minute'
  FROM generate_series(1, %(leads)s) n
"""


def fill(env, leads):
    """So many open leads in three stages of one team."""
    stages = env["crm.stage"].search([("is_won", "=", False)], limit=3)
    values = {"leads": leads, "stages": stages.ids, "user": env.ref("base.user_admin").id,
              "team": env["crm.team"].create({"name": "Board"}).id, "company": env.company.id}  # fmt: skip
    env.cr.execute(LEADS, values)
    env.cr.execute("ANALYZE crm_lead")
    if "sales.process.case" in env:
        fill_process(env)
    env.cr.commit()
    env.invalidate_all()


def fill_process(env):
    """Each of them stands at its call, since its creation."""
    process = env["sales.process"].search([("code", "=", "new_business"), ("state", "=", "active")], limit=1)
    step = process.step_ids.filtered(lambda step: step.code == "call_customer")
    env.cr.execute(
        "INSERT INTO sales_process_case"
        " (lead_id, process_id, state, team_id, company_id, date_start, create_date)"
        " SELECT id, %s, 'running', team_id, company_id, create_date, create_date FROM crm_lead"
        " WHERE name LIKE 'Board %%'",
        [process.id],
    )
    env.cr.execute(
        "INSERT INTO sales_process_task"
        " (case_id, lead_id, process_id, step_id, visit, state, user_id, team_id,"
        " company_id, date_open, date_deadline, create_date)"
        " SELECT c.id, c.lead_id, c.process_id, %s, 1, 'open', l.user_id, c.team_id, c.company_id,"
        " c.date_start, c.date_start + interval '1 day', c.date_start"
        " FROM sales_process_case c JOIN crm_lead l ON l.id = c.lead_id WHERE l.name LIKE 'Board %%'",
        [step.id],
    )
    for table in ("sales_process_case", "sales_process_task"):
        env.cr.execute(f"ANALYZE {table}")


def measure(env, leads, rounds=9):
    """(SQL, least milliseconds) of the columns with their first 80 cards each and the bars above them."""
    fill(env, leads)
    return show(env, rounds)


def show(env, rounds=9):
    """As `measure`, with the leads that are there; what an open server keeps in memory is kept."""
    team = env["crm.team"].search([("name", "=", "Board")], limit=1)
    Lead = env["crm.lead"].with_context(default_team_id=team.id)
    arch = etree.fromstring(Lead.get_views([(False, "kanban")])["views"]["kanban"]["arch"])
    asked = {node.get("name") for node in arch.iter("field")}
    specification = {name: told(Lead._fields[name]) for name in sorted(asked) if name in Lead._fields}
    domain = [("type", "=", "opportunity"), ("team_id", "=", team.id)]
    bar = {
        "field": "activity_state",
        "colors": {"planned": "success", "today": "warning", "overdue": "danger"},
    }

    def board():
        Lead.web_read_group(
            domain, ["stage_id"], ["expected_revenue:sum"], auto_unfold=True,
            unfold_read_specification=specification, unfold_read_default_limit=80,
        )  # fmt: skip
        Lead.read_progress_bar(domain, "stage_id", bar)

    board()
    figures = []
    for _round in range(rounds):
        env.cr.commit()
        env.invalidate_all()
        before, begun = env.cr.sql_log_count, time.perf_counter()
        board()
        figures.append((time.perf_counter() - begun, env.cr.sql_log_count - before))
    return {"sql": median(sql for _seconds, sql in figures), "ms": min(figures)[0] * 1000}


def told(field):
    """What the client asks of a field."""
    if field.type in ("one2many", "many2many"):
        return {"fields": {"display_name": {}}}
    return {"fields": {"display_name": {}}} if field.type == "many2one" else {}
