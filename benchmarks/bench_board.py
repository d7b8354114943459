#!/usr/bin/env python3
"""What the board's cards cost beside plain Odoo: the columns with their cards, before the funnel asks.

The two take turns, and the best run of each counts: other work on the machine can only add to it.
"""

import argparse

from harness import ours, plain, table, verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=10_000, help="(%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how many runs of each (%(default)s)")
    options = parser.parse_args()
    with plain("bench_plain_board") as without, ours("bench_our_board") as with_addon:
        runs = {"plain": [without.run("board", "measure", leads=options.leads)],
                "ours": [with_addon.run("board", "measure", leads=options.leads)]}  # fmt: skip
        for _round in range(options.rounds - 1):
            runs["plain"].append(without.run("board", "show"))
            runs["ours"].append(with_addon.run("board", "show"))
    best = {name: [min(run[what] for run in found) for what in ("sql", "ms")] for name, found in runs.items()}
    table(f"The board of {options.leads:,} leads", ("", "SQL", "ms"),
          [(name, sql, f"{ms:.0f}") for name, (sql, ms) in best.items()])  # fmt: skip
    print(f"  SQL: {verdict(best['ours'][0], best['plain'][0])}")
    print(f"  time: {verdict(best['ours'][1] / best['plain'][1], 1.1)}")


if __name__ == "__main__":
    main()
