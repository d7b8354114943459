"""Due moments in the working time of Odoo's calendars, asked for in batches."""

from datetime import UTC, datetime, timedelta

from ..engine.definition import Delay
from ..engine.schedule import clock_span, due_moment, working_time

HORIZONS = tuple(timedelta(days=days) for days in (14, 56, 224, 730))


class WorkingTime:
    """Working intervals of calendars, fetched once a batch and only as far as they are needed."""

    def __init__(self):
        self._intervals = {}
        self._spans = {}

    def due(self, calendar, start: datetime, delay: Delay, backwards: bool = False) -> datetime:
        """The moment that lies `delay` after `start`, or before it.

        :param calendar: `resource.calendar`; empty: every hour counts as working time.
        :param start: naive UTC, as Odoo keeps it; so is the result.

        A calendar that has no working time for two years (everybody is on leave, nobody set any
        hours) falls back to clock time: a late reminder is better than none.
        """
        if not delay.working or not calendar:
            return due_moment(start, Delay(delay.amount, delay.unit, working=False), backwards=backwards)
        hours = calendar.hours_per_day or 8.0
        for horizon in HORIZONS:
            intervals = self._between(calendar, start, horizon, backwards)
            moment = due_moment(start, delay, intervals, hours, backwards)
            if moment:
                return moment
        return start - clock_span(delay) if backwards else start + clock_span(delay)

    def hours(self, calendar, start: datetime, stop: datetime) -> float:
        """The working hours from `start` to `stop`, both naive UTC; 0 where `stop` comes first.

        Without a calendar, or by one without any working time around then, every hour counts.
        Ask for the earliest start first: what was fetched for it serves the others.
        """
        if stop <= start:
            return 0.0
        intervals = self._spanning(calendar, start, stop) if calendar else ()
        span = working_time(start, stop, intervals) if intervals else stop - start
        return span / timedelta(hours=1)

    def _spanning(self, calendar, start, stop):
        """Working intervals from the fortnight before `start` to the day of `stop`."""
        begin, end, intervals = self._spans.get(calendar.id, (start, start, ()))
        if not (begin < start and stop < end):
            begin = min(begin, start) - HORIZONS[0]
            end = max(end, stop) + timedelta(days=1)
            intervals = self._fetch(calendar, begin, end)
            self._spans[calendar.id] = (begin, end, intervals)
        return intervals

    def _between(self, calendar, start, horizon, backwards):
        """Working intervals of the horizon before or after `start`, from whole days for reuse."""
        day = start.replace(hour=0, minute=0, second=0, microsecond=0)
        begin, stop = (
            (day - horizon, day + timedelta(days=1))
            if backwards
            else (day - timedelta(days=1), day + horizon)
        )
        key = (calendar.id, begin, stop)
        if key not in self._intervals:
            self._intervals[key] = self._fetch(calendar, begin, stop)
        return self._intervals[key]

    def _fetch(self, calendar, begin, stop):
        found = calendar.sudo()._work_intervals_batch(begin.replace(tzinfo=UTC), stop.replace(tzinfo=UTC))[
            False
        ]
        return [(_naive(first), _naive(last)) for first, last, _meta in found]


def _naive(moment):
    return moment.astimezone(UTC).replace(tzinfo=None)
