"""`make chaos`: workers killed at random moments (RUNS=100), while renewing too; then a backlog."""

import random
import subprocess
import sys

from ..console import say
from ..settings import ROOT, VENV_PYTHON


def main(arguments) -> int:
    """Bounded in time: about twenty seconds a run, ten minutes for the renewals, half an hour at most for
    the backlog."""
    runs = int(next(filter(None, arguments), 100))
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import crash
    import crash_figures
    import crash_renewals

    seed = random.randrange(10**6)
    say(f"{runs} runs, two workers, kill -9 at random moments (seed {seed})")
    wrong = crash.run(runs, seed=seed, say=say)
    say(f"{runs} runs: {wrong or 'nothing done twice, nothing lost'}")
    wrong_renewals = crash_renewals.run(seed=seed, say=say)
    say(f"renewals: {wrong_renewals or 'each once, none lost'}")
    wrong_figures = crash_figures.run(runs, seed=seed, say=say)
    say(f"kept figures: {wrong_figures or 'those of a rebuild'}")
    backlog = subprocess.run([VENV_PYTHON, ROOT / "benchmarks" / "bench_backlog.py"], cwd=ROOT)
    return 1 if wrong or wrong_renewals or wrong_figures else backlog.returncode
