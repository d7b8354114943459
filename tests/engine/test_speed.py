"""Speed to lead: shares of the wait, grades, what is left to the person."""

import pytest
from engine.speed import Speed, grade, latest_start, split
from hypothesis import given
from hypothesis import strategies as st

hours = st.floats(min_value=0, max_value=10_000)


@pytest.mark.parametrize(
    ("until_assigned", "total", "paused", "expected"),
    [
        (0.5, 2.0, 0.0, Speed(0.5, 1.5)),
        (None, 2.0, 0.0, Speed(2.0, 0.0)),  # nobody had it
        (0.5, 2.0, 1.0, Speed(0.5, 0.5)),  # put aside for an hour
        (3.0, 2.0, 0.0, Speed(2.0, 0.0)),  # talked to before anybody was assigned
        (1.0, 2.0, 5.0, Speed(0.0, 0.0)),
    ],
)
def test_split(until_assigned, total, paused, expected):
    assert split(until_assigned, total, paused) == expected


@given(st.none() | hours, hours, hours)
def test_the_shares_are_the_wait(until_assigned, total, paused):
    parts = split(until_assigned, total, paused)
    assert parts.total == pytest.approx(max(total - paused, 0))
    assert min(parts) >= 0


@pytest.mark.parametrize(
    ("waited", "running", "expected"),
    [
        (0.4, True, "good"),
        (0.5, True, "hurry"),
        (0.5, False, "good"),
        (1.0, True, "hurry"),
        (1.0, False, "good"),
        (1.01, True, "missed"),
        (1.01, False, "missed"),
    ],
)
def test_grade(waited, running, expected):
    assert grade(waited, 1.0, running) == expected


def test_half_is_left_to_the_person():
    assert latest_start(1.0) == 0.5
