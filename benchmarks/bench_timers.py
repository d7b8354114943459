#!/usr/bin/env python3
"""A due escalation that mails the customer and opens the next task, beside an automation rule."""

import argparse

from harness import ours, plain, table, verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many are due at once (%(default)s)")
    options = parser.parse_args()
    with plain() as bench:
        rule = bench.run("timers", "automation_rule", count=options.count)
    with ours() as bench:
        timers = bench.run("timers", "escalate", count=options.count)
    rows = [
        (name, f"{sql:.2f}", f"{ms:.2f}") for name, (sql, ms) in (("automation rule", rule), ("ours", timers))
    ]
    table(f"{options.count:,} due escalations: mail and next task", ("", "SQL a record", "ms a record"), rows)
    print(f"  SQL a record: {verdict(timers[0], 0.5)}")
    print(f"  share of the rule's time: {timers[1] / rule[1]:.3f}: {verdict(timers[1] / rule[1], 0.15)}")


if __name__ == "__main__":
    main()
