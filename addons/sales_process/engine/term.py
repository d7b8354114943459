"""Contract terms as plain dates: values in, values out.

One rule carries everything: a contract remembers its *anchor*, the first day of its
first term. A term of n months ends on the day before the anchor's day, n months on.
Where the month has no such day the term ends with the month. Because every end is
counted from the anchor, and never from the end before it, renewals do not drift:

    31 January, monthly: ends 28 February, 30 March, 30 April, 30 May ...
    29 February 2024, yearly: ends 28 February 2025, 2026, 2027 and 2028,
    and the fifth term starts on 29 February 2028 again.
"""

import calendar
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction

DAY = timedelta(days=1)
MAX_MONTHS = 1200


@dataclass(frozen=True)
class Term:
    """One term of a contract. ``end`` is its last day; without one it runs until it is ended.

    ``months`` is its length where that is a whole number of months, else 0.
    """

    start: date
    end: date | None
    months: int
    anchor: date


def month_day(anchor: date, months: int) -> date:
    """The first day of the term that begins ``months`` after the anchor.

    A day the month does not have becomes the first of the following month, since
    the term before it ends with the month.
    """
    year, month = _month_after(anchor, months)
    if anchor.day <= calendar.monthrange(year, month)[1]:
        return date(year, month, anchor.day)
    return date(year, month, calendar.monthrange(year, month)[1]) + DAY


def months_since(anchor: date, start: date) -> int | None:
    """How many months after the anchor a term begins on ``start``; None: on none of its days."""
    guess = (start.year - anchor.year) * 12 + start.month - anchor.month
    # A missing day moves the start into the next month: one less is the other candidate.
    for months in (guess, guess - 1):
        if months >= 0 and month_day(anchor, months) == start:
            return months
    return None


def make_term(start: date, months: int = 0, end: date | None = None, anchor: date | None = None) -> Term:
    """The term that starts on ``start``: of ``months`` months, or up to ``end``, or open-ended.

    An anchor on whose rhythm ``start`` does not lie is not this contract's any more:
    the term begins a rhythm of its own.
    """
    if anchor is None or months_since(anchor, start) is None:
        anchor = start
    if months:
        if not 0 < months <= MAX_MONTHS:
            raise ValueError(f"a term has 1 to {MAX_MONTHS} months, not {months}")
        return Term(start, month_day(anchor, months_since(anchor, start) + months) - DAY, months, anchor)
    if end is None:
        return Term(start, None, 0, anchor)
    if end < start:
        raise ValueError(f"a term cannot end ({end}) before it starts ({start})")
    return Term(start, end, whole_months(start, end, anchor), anchor)


def whole_months(start: date, end: date, anchor: date | None = None) -> int:
    """The length of a term in months where it is a whole number of them, else 0."""
    if anchor is None or months_since(anchor, start) is None:
        anchor = start
    first = months_since(anchor, start)
    after = months_since(anchor, end + DAY)
    return after - first if after is not None and after > first else 0


def next_term(term: Term, months: int | None = None) -> Term:
    """The term that follows at once: as long as the one before it, or of ``months``.

    A term that is no whole number of months is followed by one of as many days.
    """
    if term.end is None:
        raise ValueError("an open-ended contract has no next term")
    start = term.end + DAY
    months = term.months if months is None else months
    if months:
        return make_term(start, months, anchor=term.anchor)
    # Another length starts a rhythm of its own, which its end must not be measured by.
    return replace(make_term(start, end=start + (term.end - term.start)), months=0)


def share(start: date, end: date, months: int, anchor: date | None = None) -> Fraction:
    """How much of a term of ``months`` months lies between two days, both of them included.

    Whole months count as such, whatever their length; the days that remain are a part of the
    month they lie in: half a year is a half, and 15 days of June are half a month.
    """
    if not 0 < months <= MAX_MONTHS:
        raise ValueError(f"a term has 1 to {MAX_MONTHS} months, not {months}")
    if end < start:
        raise ValueError(f"a term cannot end ({end}) before it starts ({start})")
    if anchor is None or months_since(anchor, start) is None:
        anchor = start
    first, after = months_since(anchor, start), end + DAY
    whole = (after.year - start.year) * 12 + after.month - start.month + 1
    while month_day(anchor, first + whole) > after:
        whole -= 1
    begin, until = month_day(anchor, first + whole), month_day(anchor, first + whole + 1)
    return (whole + Fraction((after - begin).days, (until - begin).days)) / months


def notice_date(end: date | None, notice_days: int = 0) -> date | None:
    """The last day on which notice can be given, ``notice_days`` before the end; None: no notice needed."""
    if end is None or notice_days <= 0:
        return None
    return _back(end, notice_days)


def renewal_due(end: date | None, notice_days: int = 0, lead_days: int = 60) -> date | None:
    """The day to start on the renewal: ``lead_days`` before the notice date, or before the end."""
    if end is None:
        return None
    return _back(notice_date(end, notice_days) or end, max(lead_days, 0))


def _month_after(day: date, months: int) -> tuple[int, int]:
    """Year and month, ``months`` after those of the day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return year, month + 1


def _back(day: date, days: int) -> date:
    """So many days earlier, but never before the calendar begins."""
    return date.fromordinal(max(day.toordinal() - days, 1))
