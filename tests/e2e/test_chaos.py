"""The short form of `make chaos`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

import crash
import crash_renewals


def test_workers_that_are_killed_do_nothing_twice_and_lose_nothing():
    assert crash.run(5, cases_a_run=10, name="chaos", exact=True) == {}


def test_renewals_are_started_once_by_workers_that_are_killed():
    assert crash_renewals.run(200, due=40, rounds=4, name="chaos_renewals", exact=True) == {}
