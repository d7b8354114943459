"""When something is due: delays counted in clock time or in given working intervals."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta

from .definition import Delay

Interval = tuple[datetime, datetime]

HOURS_PER_WORKING_DAY = 8.0


def clock_span(delay: Delay) -> timedelta:
    """The delay as clock time."""
    return timedelta(**{delay.unit: delay.amount})


def due_moment(
    start: datetime,
    delay: Delay,
    intervals: Sequence[Interval] = (),
    hours_per_day: float = HOURS_PER_WORKING_DAY,
    backwards: bool = False,
) -> datetime | None:
    """The moment that lies `delay` after `start` (before it, if `backwards`).

    :param intervals: working intervals, sorted and apart, in the same time zone as `start`.
    :param hours_per_day: length of a working day.
    :return: None where the intervals end before the delay does: ask again with more of them.
    """
    if not delay.working:
        return start - clock_span(delay) if backwards else start + clock_span(delay)
    span = working_span(delay, hours_per_day)
    return _subtract(start, span, intervals) if backwards else _add(start, span, intervals)


def working_span(delay: Delay, hours_per_day: float = HOURS_PER_WORKING_DAY) -> timedelta:
    """The working time in a delay; a day is one working day."""
    if delay.unit == "days":
        return timedelta(hours=delay.amount * hours_per_day)
    return clock_span(delay)


def _add(start, span, intervals):
    first = max(0, bisect_right(intervals, (start, start)) - 1)
    for begin, stop in intervals[first:]:
        begin = max(begin, start)
        if begin >= stop:
            continue
        if stop - begin >= span:
            return begin + span
        span -= stop - begin
    return None


def _subtract(start, span, intervals):
    for begin, stop in reversed(intervals):
        stop = min(stop, start)
        if begin >= stop:
            continue
        if stop - begin >= span:
            return stop - span
        span -= stop - begin
    return None


def working_time(start: datetime, stop: datetime, intervals: Sequence[Interval]) -> timedelta:
    """How much of the time from `start` to `stop` lies in the working intervals."""
    total = timedelta()
    for begin, end in intervals:
        begin, end = max(begin, start), min(end, stop)
        if begin < end:
            total += end - begin
    return total


def outside_quiet_hours(moment: datetime, quiet_from: float, quiet_to: float) -> datetime:
    """The first moment at or after `moment` outside the quiet hours.

    :param moment: local time of the person who must not be disturbed.
    :param quiet_from: hour of the day (21.5 is 21:30) at which quiet begins; it may lie after
        `quiet_to`, the quiet then goes over midnight. Equal hours mean that there is none.
    """
    hour = moment.hour + moment.minute / 60 + moment.second / 3600
    over_midnight = quiet_from > quiet_to
    if over_midnight:
        quiet = hour >= quiet_from or hour < quiet_to
    else:
        quiet = quiet_from <= hour < quiet_to
    if not quiet:
        return moment
    morning = moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=quiet_to)
    return morning + timedelta(days=1) if over_midnight and hour >= quiet_from else morning
