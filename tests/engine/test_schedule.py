"""Due moments: working time over nights, weekends and leaves, forward and back; quiet hours."""

from datetime import datetime, timedelta

import pytest
from engine.definition import Delay
from engine.schedule import due_moment, outside_quiet_hours, working_span, working_time
from hypothesis import given
from hypothesis import strategies as st

MONDAY = datetime(2026, 3, 2)


def moment(day, hour=0, minute=0):
    """A time in March 2026; the 2nd is a Monday."""
    return datetime(2026, 3, day, hour, minute)


def week(first, leave=()):
    """Monday to Friday, 9 to 13 and 14 to 18, without the days of leave."""
    return [
        (moment(day, begin), moment(day, end))
        for day in range(first, first + 5) if day not in leave
        for begin, end in ((9, 13), (14, 18))
    ]  # fmt: skip


WEEKS = week(2) + week(9)


@pytest.mark.parametrize(
    ("start", "amount", "unit", "due"),
    [
        (moment(2, 10), 30, "minutes", moment(2, 10, 30)),
        (moment(2, 10), 1, "hours", moment(2, 11)),
        (moment(2, 12, 30), 1, "hours", moment(2, 14, 30)),  # over lunch
        (moment(2, 12), 1, "hours", moment(2, 13)),  # to the last minute
        (moment(2, 17), 2, "hours", moment(3, 10)),  # over night
        (moment(6, 17), 2, "hours", moment(9, 10)),  # over the weekend
        (moment(7, 12), 1, "hours", moment(9, 10)),  # from a Saturday
        (moment(2, 3), 1, "hours", moment(2, 10)),  # before work begins
        (moment(2, 13, 30), 1, "hours", moment(2, 15)),  # at lunch
        (moment(2, 10), 1, "days", moment(3, 10)),
        (moment(6, 10), 1, "days", moment(9, 10)),
        (moment(2, 10), 5, "days", moment(9, 10)),
        (moment(2, 10), 0.5, "days", moment(2, 15)),
        (moment(2, 10), 0, "hours", moment(2, 10)),
        (moment(7, 10), 0, "hours", moment(9, 9)),  # at once, but at work
    ],
)
def test_working_time(start, amount, unit, due):
    assert due_moment(start, Delay(amount, unit), WEEKS) == due


@pytest.mark.parametrize(
    ("start", "amount", "unit", "due"),
    [
        (moment(2, 11), 1, "hours", moment(2, 10)),
        (moment(2, 14, 30), 1, "hours", moment(2, 12, 30)),
        (moment(3, 10), 2, "hours", moment(2, 17)),
        (moment(9, 10), 2, "hours", moment(6, 17)),
        (moment(8, 12), 1, "hours", moment(6, 17)),
        (moment(9, 10), 1, "days", moment(6, 10)),
    ],
)
def test_backwards(start, amount, unit, due):
    assert due_moment(start, Delay(amount, unit), WEEKS, backwards=True) == due


def test_leave_does_not_count():
    with_leave = week(2, leave=(3, 4)) + week(9)
    assert due_moment(moment(2, 17), Delay(2), with_leave) == moment(5, 10)
    assert due_moment(moment(5, 10), Delay(2), with_leave, backwards=True) == moment(2, 17)


def test_clock_time():
    clock = Delay(3, "days", working=False)
    assert due_moment(moment(6, 17), clock, WEEKS) == moment(9, 17)
    assert due_moment(moment(6, 17), clock, backwards=True) == moment(3, 17)


def test_the_length_of_a_working_day():
    assert working_span(Delay(2, "days"), 7.5) == timedelta(hours=15)
    assert due_moment(moment(2, 9), Delay(1, "days"), WEEKS, hours_per_day=4) == moment(2, 13)


def test_too_few_intervals():
    assert due_moment(moment(13, 17), Delay(2), WEEKS) is None
    assert due_moment(moment(2, 10), Delay(2), WEEKS, backwards=True) is None
    assert due_moment(moment(2, 10), Delay(1), []) is None


def test_how_much_was_worked():
    assert working_time(moment(2, 12), moment(3, 10), WEEKS) == timedelta(hours=6)
    assert working_time(moment(7), moment(8), WEEKS) == timedelta(0)


MOMENTS = st.datetimes(MONDAY, moment(8))
HOURS = st.integers(0, 24 * 60).map(lambda minutes: Delay(minutes, "minutes"))


@given(MOMENTS, HOURS)
def test_the_way_there_holds_as_much_work_as_was_asked_for(start, delay):
    due = due_moment(start, delay, WEEKS)
    assert working_time(start, due, WEEKS) == timedelta(minutes=delay.amount)


@given(MOMENTS, HOURS, HOURS)
def test_longer_is_later(start, one, other):
    first, second = sorted((one, other), key=lambda delay: delay.amount)
    assert due_moment(start, first, WEEKS) <= due_moment(start, second, WEEKS)


@given(MOMENTS, HOURS)
def test_there_and_back(start, delay):
    due = due_moment(start, delay, WEEKS)
    back = due_moment(due, delay, WEEKS, backwards=True)
    if back is not None and delay.amount:
        assert working_time(back, due, WEEKS) == timedelta(minutes=delay.amount)
        assert working_time(min(back, start), max(back, start), WEEKS) == timedelta(0)


@pytest.mark.parametrize(
    ("quiet_from", "quiet_to", "at", "then"),
    [
        (21, 8, moment(2, 20, 59), moment(2, 20, 59)),
        (21, 8, moment(2, 21), moment(3, 8)),
        (21, 8, moment(2, 23, 59), moment(3, 8)),
        (21, 8, moment(3, 0), moment(3, 8)),
        (21, 8, moment(3, 7, 59), moment(3, 8)),
        (21, 8, moment(3, 8), moment(3, 8)),
        (21.5, 7.25, moment(2, 21, 29), moment(2, 21, 29)),
        (21.5, 7.25, moment(2, 21, 30), moment(3, 7, 15)),
        (12, 14, moment(2, 12), moment(2, 14)),
        (12, 14, moment(2, 14), moment(2, 14)),
        (12, 14, moment(2, 9), moment(2, 9)),
        (22, 24, moment(2, 23), moment(3, 0)),
        (0, 8, moment(2, 3), moment(2, 8)),
        (8, 8, moment(2, 8), moment(2, 8)),
    ],
)
def test_quiet_hours(quiet_from, quiet_to, at, then):
    assert outside_quiet_hours(at, quiet_from, quiet_to) == then


@given(MOMENTS, st.integers(0, 23), st.integers(0, 23))
def test_it_is_never_quiet_afterwards(at, quiet_from, quiet_to):
    then = outside_quiet_hours(at, quiet_from, quiet_to)
    assert at <= then <= at + timedelta(days=1)
    assert outside_quiet_hours(then, quiet_from, quiet_to) == then
