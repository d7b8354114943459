#!/usr/bin/env python3
"""Figures at full size: making and keeping the roll-up, what each tile and page of figures costs."""

import argparse

from harness import ours, table, verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=200_000, help="(%(default)s)")
    parser.add_argument("--stays", type=int, default=1_000_000, help="(%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="(%(default)s)")
    options = parser.parse_args()
    with ours("bench_dynamics") as bench:
        figures = bench.run(
            "dynamics", "measure", leads=options.leads, stays=options.stays, rounds=options.rounds
        )
    seconds, rows, totals = figures["roll_up"]
    print(f"{options.stays:,} stays of {options.leads:,} leads in {seconds:.0f} s:")
    print(f"  {rows:,} rows, {totals:,} totals")
    print(f"  two days anew: {figures['increment'] * 1000:.0f} ms")
    seconds, rows = figures["tasks"]
    print(f"  tasks that are over, by day: {rows:,} rows in {seconds:.0f} s")
    for job, taken in figures["jobs"].items():
        print(f"  {job}, once a day: {taken:.0f} s")
    lines = [
        (name, sql, f"{ms:.0f}", f"{least:.0f}", f"{pages:,.0f}")
        for name, (sql, ms, least, pages) in figures["tiles"].items()
    ]
    table("Tiles", ("", "SQL", "ms (median)", "ms (least)", "buffers"), lines)
    for name, (sql, ms, _least, _pages) in figures["tiles"].items():
        limit = 50 if name.startswith("unfiltered") else 300
        print(f"  {name}: ms {verdict(ms, limit)}; SQL {verdict(sql, 5)}")


if __name__ == "__main__":
    main()
