#!/usr/bin/env python3
"""What the add-on costs a team that has no process: creating leads and moving them, beside plain Odoo.

The two take turns, and the best run of each counts: other work on the machine can only add to it.
"""

import argparse

from harness import ours, plain, table


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many leads (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="how many runs of each (%(default)s)")
    options = parser.parse_args()
    runs = {"plain": [], "ours": []}
    with plain("bench_plain_cost") as without, ours("bench_our_cost") as with_addon:
        for _round in range(options.rounds):
            for name, bench in (("plain", without), ("ours", with_addon)):
                runs[name].append(bench.run("plain_cost", "measure", count=options.count))
    header = ("", "SQL a lead: plain", "ours", "more", "ms a lead: plain", "ours", "more")
    title = f"{options.count:,} leads of a team without a process; best of {options.rounds} runs"
    table(title, header, [row(runs, action) for action in runs["plain"][0]])


def row(runs, action):
    """An action's figures without the add-on, with it, and the difference."""
    cells = [action]
    for position in (0, 1):
        without, with_addon = (min(run[action][position] for run in runs[name]) for name in ("plain", "ours"))
        cells += [f"{without:.3f}", f"{with_addon:.3f}", f"{with_addon - without:+.3f}"]
    return cells


if __name__ == "__main__":
    main()
