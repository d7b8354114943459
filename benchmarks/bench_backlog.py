#!/usr/bin/env python3
"""A backlog of due escalations, worked off by a worker that Odoo kills when a job takes longer than 20 s."""

import argparse
import sys
import time

import crash
from harness import ours


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="how many are due (%(default)s)")
    parser.add_argument("--limit", type=int, default=20, help="seconds a job may take (%(default)s)")
    parser.add_argument(
        "--patience", type=int, default=1800, help="seconds until it counts as stuck (%(default)s)"
    )
    options = parser.parse_args()
    with ours("bench_backlog") as bench:
        bench.run("crash", "prepare", count=options.count, runners=1)
        bench.rows(crash.MAKE_DUE + " RETURNING id", (options.count,))
        worker = crash.Worker(bench, "backlog", "--workers=1", f"--limit-time-real-cron={options.limit}")
        begun, left, still = time.monotonic(), options.count, 0
        print(f"{options.count:,} due, a job is killed after {options.limit} s\n{'s':>6} {'steps left':>12}")
        try:
            while left and time.monotonic() - begun < options.patience:
                before = left
                time.sleep(options.limit)
                crash.wake(bench)
                left = bench.rows(LEFT)[0][0]
                still += left == before
                print(f"{time.monotonic() - begun:6.0f} {left:12,}")
        finally:
            worker.process.terminate()
            worker.process.wait()
        kills = worker.log.read_text().count("timeout")
        bad = crash.wrong(bench)
        print(
            f"all done: {not left}; killed: {kills} times; {options.limit} s without progress: {still} times"
        )
        print(f"wrong: {bad or 'nothing'}")
    return 1 if left or bad else 0


# Two steps each: the timer, then the letter.
LEFT = """
SELECT 2 * (SELECT count(*) FROM sales_process_timer t JOIN sales_process_task k ON k.id = t.task_id
             WHERE t.state = 'pending' AND t.date_due <= now() AT TIME ZONE 'UTC')
     + (SELECT count(*) FROM sales_process_task WHERE state = 'queued')
"""

if __name__ == "__main__":
    sys.exit(main())
