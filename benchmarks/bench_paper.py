#!/usr/bin/env python3
"""What rendering a proposal or a contract costs over wkhtmltopdf's own time.

The subprocess is timed from its start to its end. "Rendering" is all between the ready page and the
finished file: page numbers, footers, heads of tables. "In all" adds reading the order, filling the
template and keeping the document. wkhtmltopdf runs as we call it, without scripts; Odoo's own way of
calling it, which waits a second for them, stands beside. Processor time tells more than the clock where
others use the machine.
"""

import argparse

from harness import ours, table, verdict

MOST_OVER = 10


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how many papers of each (%(default)s)")
    options = parser.parse_args()
    cases = [("proposal", lines, None) for lines in (1, 10, 60)] + [("contract", 3, None)]
    cases += [("proposal", 10, "ru_RU"), ("contract", 3, "ru_RU")]
    with ours("bench_paper") as bench:
        rows = [row(bench, *case, options.rounds) for case in cases]
    header = (
        "",
        "runs",
        "own ms (cpu)",
        "rendering ms",
        "over own, %",
        "cpu over own's, %",
        "in all ms (our cpu)",
        "Odoo's own ms",
        "in all over it, %",
        "again ms",
    )
    table(f"One paper; median of {options.rounds}", header, rows)


def row(bench, kind, lines, lang, rounds):
    found = bench.run("paper", "measure", lines=lines, kind=kind, rounds=rounds, lang=lang)
    own, render, total, odoos = (found[name] for name in ("own", "render", "total", "odoos"))
    over, of_cpu = 100 * (render - own) / own, 100 * found["render_cpu"] / found["own_cpu"]
    return (
        f"{kind}, {lines} lines" + (", Russian" if lang else ""),
        f"{found['runs']:g}",
        f"{own * 1000:.0f} ({found['own_cpu'] * 1000:.0f})",
        f"{render * 1000:.0f}",
        f"{over:.1f}, {verdict(over, MOST_OVER)}",
        f"{of_cpu:.1f}, {verdict(of_cpu, MOST_OVER)}",
        f"{total * 1000:.0f} ({found['total_cpu'] * 1000:.0f})",
        f"{odoos * 1000:.0f}",
        f"{100 * (total - odoos) / odoos:.1f}, {verdict(100 * (total - odoos) / odoos, MOST_OVER)}",
        f"{found['again'] * 1000:.0f}",
    )


if __name__ == "__main__":
    main()
