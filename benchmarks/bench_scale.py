#!/usr/bin/env python3
"""What must not grow: idle ticks, the start of cases, memory; and that one bad record stops only itself."""

import argparse

from harness import ours, plain, table, verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tasks", type=int, default=1_000_000, help="open tasks at an idle tick (%(default)s)"
    )
    parser.add_argument("--leads", type=int, default=1000, help="leads created at once (%(default)s)")
    parser.add_argument("--due", type=int, default=100_000, help="due tasks in one run (%(default)s)")
    options = parser.parse_args()
    idle(options.tasks)
    starting(options.leads)
    with ours() as bench:
        found = bench.run("scale", "memory", count=options.due)
    print(f"\n{found['done']:,} due tasks in one run, {found['seconds']:.0f} s")
    print(f"  grows by {found['growth']:.1f} MiB: {verdict(found['growth'], 30)}")
    with ours() as bench:
        found = bench.run("scale", "one_bad", count=200)
    met = found == {"done": 199, "failed": 1, "warnings": 1}
    print(f"1 bad record of 200: {found['done']} done, {found['failed']} on the error desk: "
          f"{'met' if met else 'NOT MET'}")  # fmt: skip


def idle(tasks):
    """Ticks with nothing due, at few and at many open tasks."""
    figures = {}
    for count in (1000, tasks):
        with ours() as bench:
            figures[count] = bench.run("scale", "idle", tasks=count)
    rows = [
        (f"{count:,}", one["sql"], f"{one['ms']:.2f}", one["buffers"], one["tick_buffers"], one["plan"])
        for count, one in figures.items()
    ]  # fmt: skip
    header = ("open tasks", "SQL", "ms", "buffers of the query", "of the tick", "plan")
    table("A tick of timers and runner with nothing due", header, rows)
    few, many = figures[1000], figures[tasks]
    print(f"  SQL: {verdict(many['sql'], 5)}; same plan: {few['plan'] == many['plan']}")
    for name in ("ms", "tick_buffers"):
        print(f"  {name}: {many[name] / few[name]:.2f} times: {verdict(many[name] / few[name], 1.2)}")


def starting(leads):
    """Leads created at once: with the process, without one in the same database, and in plain Odoo."""
    figures = {}
    with plain() as bench:
        figures["plain Odoo"] = bench.run("scale", "plain_start_cost", count=leads)
    for name, with_process in (("team without a process", False), ("team with a process", True)):
        with ours() as bench:
            figures[name] = bench.run("scale", "start_cost", count=leads, with_process=with_process)
    base = figures["plain Odoo"][0]
    rows = [(name, f"{sql:.3f}", f"{sql - base:.3f}", f"{ms:.1f}") for name, (sql, ms) in figures.items()]
    table(f"{leads:,} leads in one create", ("", "SQL a lead", "more", "ms a lead"), rows)
    print(f"  without a process: {verdict(figures['team without a process'][0] - base, 0.05)}")
    print(f"  with a process: {verdict(figures['team with a process'][0] - base, 0.5)}")


if __name__ == "__main__":
    main()
