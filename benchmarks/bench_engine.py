#!/usr/bin/env python3
"""The rules alone: cases through "New business" on a virtual clock, without Odoo or a database."""

import argparse
import random
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "engine"), str(ROOT / "addons" / "sales_process")]

import shipped  # noqa: E402
from engine.trial import Act, Trial  # noqa: E402

BEGIN = datetime(2026, 3, 2, 9)


class Crowd:
    """Made-up people: mostly it goes on, else anything may come of it; customers may be silent."""

    def __init__(self, seed, process):
        self.random = random.Random(seed)
        self.timed_waits = {
            step.code
            for step in process.steps
            if step.kind == "wait" and any(rung.action == "outcome" for rung in step.escalations)
        }

    def __call__(self, step, case, number):
        if step.code in self.timed_waits and self.random.random() < 0.3:
            return None
        chosen = step.outcomes[0] if self.random.random() < 0.75 else self.random.choice(step.outcomes)
        return Act(chosen.code, timedelta(hours=self.random.randint(1, 48)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    process = shipped.load("new_business")
    trial = Trial(process, Crowd(options.seed, process), BEGIN)
    begun = time.process_time()
    states = trial.run(options.cases, timedelta(days=3650))
    seconds = time.process_time() - begun
    print(f"{options.cases:,} cases: {', '.join(f'{count:,} {state}' for state, count in states.items())}")
    print(f"{len(trial.diary):,} lines of diary, {len(trial.diary) / options.cases:.1f} a case")
    print(f"{seconds:.2f} s, {seconds / options.cases * 1e6:.0f} µs a case (target: 10,000 in 5 s)")
    print("Odoo imported:", "odoo" in sys.modules)
    return 0 if states.keys() <= {"won", "lost", "merged"} else 1


if __name__ == "__main__":
    sys.exit(main())
