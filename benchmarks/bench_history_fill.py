#!/usr/bin/env python3
"""How long installing takes to fill the stage history of the leads a company has."""

import argparse

from harness import ours, table


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, nargs="+", default=[5_000, 50_000], help="how many leads")
    options = parser.parse_args()
    with ours("bench_history_fill") as bench:
        figures = [(count, *bench.run("history_fill", "fill", count=count)) for count in options.count]
    rows = [(f"{count:,}", f"{stays:,}", f"{seconds:.1f}") for count, seconds, stays in figures]
    table("Filling in the stage history", ("leads", "stays", "seconds"), rows)


if __name__ == "__main__":
    main()
