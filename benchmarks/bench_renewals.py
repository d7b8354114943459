#!/usr/bin/env python3
"""The contracts' timer with nothing due: it must not grow with the contracts."""

import argparse

from harness import ours, table, verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contracts", type=int, default=1_000_000, help="running contracts (%(default)s)")
    options = parser.parse_args()
    figures = {}
    for count in (1000, options.contracts):
        with ours() as bench:
            figures[count] = bench.run("renewals", "idle", contracts=count)
    rows = [
        (f"{count:,}", one["sql"], f"{one['ms']:.2f}", one["tick_buffers"],
         " + ".join(str(buffers) for _plan, buffers in one["plans"]))
        for count, one in figures.items()
    ]  # fmt: skip
    header = ("running contracts", "SQL", "ms (median of 7)", "buffers of the tick", "of its two questions")
    table("A tick of the contracts' job with nothing due", header, rows)
    few, many = figures[1000], figures[options.contracts]
    plans = [[plan for plan, _buffers in one["plans"]] for one in (few, many)]
    print(f"  same plans: {plans[0] == plans[1]} ({'; '.join(plans[1])})")
    for name in ("ms", "tick_buffers"):
        print(f"  {name}: {many[name] / few[name]:.2f} times: {verdict(many[name] / few[name], 1.2)}")


if __name__ == "__main__":
    main()
