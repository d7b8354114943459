"""The arithmetic of contract terms: known hard days, and properties that hold for all."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from engine.term import (
    make_term,
    month_day,
    months_since,
    next_term,
    notice_date,
    renewal_due,
    share,
    whole_months,
)
from hypothesis import given
from hypothesis import strategies as st

DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2150, 12, 31))
MONTHS = st.integers(min_value=1, max_value=120)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2026, 1, 1), 12, date(2026, 12, 31)),
        (date(2026, 1, 15), 1, date(2026, 2, 14)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2026, 1, 30), 1, date(2026, 2, 28)),
        (date(2024, 1, 30), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 28)),
        (date(2026, 3, 31), 1, date(2026, 4, 30)),
        (date(2025, 12, 31), 2, date(2026, 2, 28)),
    ],
)
def test_known_ends(start, months, end):
    assert make_term(start, months).end == end


def test_monthly_from_the_31st_comes_back_to_the_31st():
    term = make_term(date(2026, 1, 31), 1)
    ends = []
    for _ in range(6):
        ends.append(term.end)
        term = next_term(term)
    assert ends == [date(2026, 2, 28), *(date(2026, month, 30) for month in (3, 4, 5, 6, 7))]
    assert make_term(date(2026, 1, 31), 12).end == date(2027, 1, 30)


def test_a_leap_day_is_found_again_after_four_years():
    term = make_term(date(2024, 2, 29), 12)
    starts = []
    for _ in range(5):
        starts.append(term.start)
        term = next_term(term)
    assert starts[1:4] == [date(year, 3, 1) for year in (2025, 2026, 2027)]
    assert starts[4] == date(2028, 2, 29)


@given(DAYS, MONTHS, st.integers(min_value=1, max_value=24))
def test_renewals_in_a_row_do_not_drift(start, months, count):
    """After n renewals a term ends where one term n+1 times as long would."""
    term = make_term(start, months)
    for _ in range(count):
        following = next_term(term)
        assert following.start == term.end + timedelta(days=1)
        assert following.months == months
        assert following.anchor == start
        term = following
    assert term.end == month_day(start, months * (count + 1)) - timedelta(days=1)


@given(DAYS, MONTHS)
def test_a_term_has_its_months(start, months):
    term = make_term(start, months)
    assert term.end >= start
    assert abs((term.end - start).days + 1 - months * 30.44) <= 4
    assert whole_months(start, term.end) == months


@given(DAYS, MONTHS, MONTHS)
def test_a_longer_term_ends_later(start, one, other):
    ends = [make_term(start, months).end for months in (one, other)]
    assert (ends[0] < ends[1]) == (one < other)


@given(DAYS, st.integers(min_value=0, max_value=600))
def test_the_way_back_from_a_start_to_its_months(anchor, months):
    """Two month counts never share a start, so the count can be read off it."""
    assert months_since(anchor, month_day(anchor, months)) == months


@given(DAYS, DAYS)
def test_a_foreign_start_begins_its_own_rhythm(anchor, start):
    term = make_term(start, 1, anchor=anchor)
    if months_since(anchor, start) is None:
        assert term == make_term(start, 1)
    else:
        assert term.anchor == anchor


@given(DAYS, st.integers(min_value=0, max_value=800))
def test_a_term_of_days_is_followed_by_as_many(start, days):
    term = make_term(start, end=start + timedelta(days=days))
    following = next_term(term)
    assert following.start == term.end + timedelta(days=1)
    if not term.months:
        assert following.end - following.start == term.end - term.start
        third = next_term(following)
        assert third.end - third.start == term.end - term.start


@given(DAYS, MONTHS, st.integers(min_value=0, max_value=400), st.integers(min_value=0, max_value=400))
def test_notice_and_due_come_in_order(start, months, notice, lead):
    end = make_term(start, months).end
    cancel_by, due = notice_date(end, notice), renewal_due(end, notice, lead)
    assert (cancel_by is None) == (notice == 0)
    assert due <= (cancel_by or end) <= end
    assert (cancel_by or end) - due == timedelta(days=lead)
    assert not cancel_by or end - cancel_by == timedelta(days=notice)


def test_another_length_can_follow():
    assert next_term(make_term(date(2026, 1, 31), 1), months=12).end == date(2027, 2, 28)


def test_an_open_ended_contract_has_nothing_to_count():
    term = make_term(date(2026, 5, 1))
    assert (term.end, term.months) == (None, 0)
    assert notice_date(None, 30) is None
    assert renewal_due(None, 30) is None
    with pytest.raises(ValueError):
        next_term(term)


def test_what_makes_no_term():
    with pytest.raises(ValueError):
        make_term(date(2026, 5, 1), end=date(2026, 4, 30))
    with pytest.raises(ValueError):
        make_term(date(2026, 5, 1), -1)
    with pytest.raises(ValueError):
        make_term(date(2026, 5, 1), 100_000)


def test_the_calendar_begins_somewhere():
    assert renewal_due(date(1, 1, 5), 0, 60) == date(1, 1, 1)


@pytest.mark.parametrize(
    ("start", "end", "months", "part"),
    [
        (date(2027, 1, 1), date(2027, 6, 30), 12, Fraction(1, 2)),
        (date(2027, 1, 1), date(2027, 12, 31), 12, Fraction(1)),
        (date(2027, 6, 1), date(2027, 6, 15), 1, Fraction(1, 2)),
        (date(2028, 2, 1), date(2028, 2, 29), 12, Fraction(1, 12)),
        (date(2027, 1, 1), date(2028, 6, 30), 12, Fraction(3, 2)),
        (date(2027, 1, 31), date(2027, 2, 28), 1, Fraction(1)),
        (date(2027, 5, 10), date(2027, 5, 10), 1, Fraction(1, 31)),
    ],
)
def test_known_shares(start, end, months, part):
    assert share(start, end, months) == part


@given(DAYS, MONTHS, st.integers(min_value=1, max_value=5))
def test_whole_terms_are_whole_shares(start, months, count):
    term = make_term(start, months)
    for _ in range(count - 1):
        term = next_term(term)
    assert share(start, term.end, months) == count


@given(DAYS, MONTHS, st.integers(min_value=1, max_value=3000))
def test_a_longer_part_is_a_larger_share(start, months, days):
    end = start + timedelta(days=days)
    assert 0 < share(start, end - timedelta(days=1), months) < share(start, end, months)


@given(DAYS, MONTHS, st.integers(min_value=1, max_value=60), st.integers(min_value=0, max_value=1500))
def test_shares_before_and_after_a_month_add_up(start, months, cut, days):
    """Cut where a month of the contract's rhythm begins, the parts are the whole."""
    middle = month_day(start, cut)
    end = middle + timedelta(days=days)
    before = share(start, middle - timedelta(days=1), months)
    assert before + share(middle, end, months, anchor=start) == share(start, end, months)


@given(DAYS, MONTHS, st.integers(min_value=0, max_value=1500))
def test_a_share_is_near_what_counting_days_says(start, months, days):
    end = start + timedelta(days=days)
    assert abs(float(share(start, end, months)) * months * 30.44 - (days + 1)) < 5


@pytest.mark.parametrize("months", [0, -1, 1201])
def test_no_share_of_no_term(months):
    with pytest.raises(ValueError, match="months"):
        share(date(2027, 1, 1), date(2027, 2, 1), months)


def test_no_share_before_the_start():
    with pytest.raises(ValueError, match="before"):
        share(date(2027, 1, 2), date(2027, 1, 1), 12)
