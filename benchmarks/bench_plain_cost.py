#!/usr/bin/env python3
"""What the add-on costs a team that has no process: creating leads and moving them, beside plain Odoo.

Two databases of the same content, one with the add-on, take turns, so that a busy machine slows both; the
best run of each is shown, since other work on the machine can only add to it.
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import databases, postgres, templates  # noqa: E402
from tools.odoo_server import shell  # noqa: E402

MARK = "--figures--"

# Runs inside `odoo shell`; everything is rolled back.
MEASURE = """
import json, time

def measured(work):
    env.flush_all()
    env.invalidate_all()
    statements, start = env.cr.sql_log_count, time.perf_counter()
    work()
    env.flush_all()
    return env.cr.sql_log_count - statements, time.perf_counter() - start

def create(count):
    return env['crm.lead'].create([
        {'name': f'Deal {number}', 'team_id': team.id, 'type': 'opportunity', 'expected_revenue': number}
        for number in range(count)
    ])

def one_by_one(leads, stage):
    for lead in leads:
        lead.write({'stage_id': stage.id})
        env.flush_all()

team = env['crm.team'].create({'name': 'Without a process'})
first, second = env['crm.stage'].create([
    {'name': name, 'team_ids': team.ids, 'sequence': -2} for name in 'AB'
])
leads = create(50)
leads.write({'stage_id': second.id})
env.flush_all()
figures = {}
made = []
figures['create'] = measured(lambda: made.append(create(COUNT)))
leads = made[0]
figures['move together'] = measured(lambda: leads.write({'stage_id': second.id}))
figures['move one by one'] = measured(lambda: one_by_one(leads[:COUNT // 5], first))
figures['lose together'] = measured(leads.action_set_lost)
figures['restore together'] = measured(leads.action_unarchive)
figures['delete'] = measured(leads.unlink)
env.cr.rollback()
print(MARK + json.dumps(figures))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=1000, help="how many (%(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=5, help="the best of so many runs is shown (%(default)s)"
    )
    options = parser.parse_args()
    server = postgres.server("test")
    sources = {
        "plain": templates.library(server, demo=False),
        "ours": templates.with_addons(server, demo=False),
    }
    runs = {name: [] for name in sources}
    try:
        for name, source in sources.items():
            databases.copy(server, source, database(name))
        for _round in range(options.rounds):
            for name, results in runs.items():
                results.append(measure(server, name, options.leads))
    finally:
        for name in sources:
            databases.drop(server, database(name))
    show(runs, options.leads)


def database(name):
    return f"{templates.PREFIX}_bench_{name}"


def measure(server, name, count):
    code = MEASURE.replace("COUNT", str(count)).replace("MARK", repr(MARK))
    printed = shell(templates.conf(server, f"bench_{name}"), database(name), code)
    return json.loads(printed.rpartition(MARK)[2])


def show(runs, count):
    """SQL and milliseconds a lead, and what the add-on adds."""
    print(f"{count:,} leads in a team without a process; best of {len(runs['plain'])} runs\n")
    print(f"{'':<20}{'SQL a lead':>30}{'ms a lead':>30}")
    print(f"{'':<20}" + f"{'plain':>10}{'ours':>10}{'more':>10}" * 2)
    for action in runs["plain"][0]:
        number = count // 5 if action == "move one by one" else count
        cells = []
        for position, scale in ((0, 1), (1, 1000)):
            plain, ours = (
                min(run[action][position] for run in runs[name]) * scale / number
                for name in ("plain", "ours")
            )
            cells += [plain, ours, ours - plain]
        print(f"{action:<20}" + "".join(f"{cell:>10.3f}" for cell in cells))


if __name__ == "__main__":
    main()
