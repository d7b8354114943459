#!/usr/bin/env python3
"""What making a proposal or a contract costs over wkhtmltopdf's own time.

The subprocess is timed from its start to its end, everything else (choosing the template, rendering
it, writing the file, drawing page numbers, keeping the document) is ours. Two measures: wkhtmltopdf
as we call it, without scripts, and as Odoo calls it, which waits a second for them.
"""

import argparse

from harness import ours, table, verdict

MOST_OVER = 10


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how many papers of each (%(default)s)")
    options = parser.parse_args()
    cases = (("proposal", 1), ("proposal", 10), ("proposal", 60), ("contract", 3))
    with ours("bench_paper") as bench:
        rows = [row(bench, kind, lines, options.rounds) for kind, lines in cases]
    header = (
        "",
        "runs",
        "own ms",
        "in all ms",
        "ours ms",
        "over own, %",
        "Odoo's own ms",
        "over it, %",
        "again ms",
    )
    table(f"One paper; median of {options.rounds}", header, rows)


def row(bench, kind, lines, rounds):
    runs, own, total, again, odoos = bench.run("paper", "measure", lines=lines, kind=kind, rounds=rounds)
    over = 100 * (total - odoos) / odoos
    return (
        f"{kind}, {lines} lines",
        f"{runs:g}",
        *(f"{seconds * 1000:.0f}" for seconds in (own, total, total - own)),
        f"{100 * (total - own) / own:.1f}",
        f"{odoos * 1000:.0f}",
        f"{over:.1f}, {verdict(over, MOST_OVER)}",
        f"{again * 1000:.0f}",
    )


if __name__ == "__main__":
    main()
