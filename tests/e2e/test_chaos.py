"""The short form of `make chaos`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

import crash


def test_workers_that_are_killed_do_nothing_twice_and_lose_nothing():
    assert crash.run(5, cases_a_run=10, name="chaos", exact=True) == {}
