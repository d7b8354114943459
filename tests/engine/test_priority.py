"""What to do first: the money at risk grows with everything that is a reason to act."""

import pytest
from engine.priority import MOST, Facts, money_at_risk, order_key, pressure
from hypothesis import given
from hypothesis import strategies as st

facts = st.builds(
    Facts,
    stake=st.floats(min_value=1, max_value=1e9),
    hours_late=st.none() | st.floats(min_value=-1e5, max_value=1e5),
    opened=st.booleans(),
    waiting=st.booleans(),
    letter=st.booleans(),
    days_left=st.none() | st.integers(min_value=-1000, max_value=1000),
    escalations=st.integers(min_value=0, max_value=50),
)


@pytest.mark.parametrize(
    ("given_facts", "expected"),
    [
        (Facts(100, hours_late=0), 1.0),
        (Facts(100, hours_late=24), 2.0),
        (Facts(100, hours_late=-24), 0.5),
        (Facts(100), 0.125),
        (Facts(100, hours_late=0, opened=True, waiting=True, letter=True, escalations=2), 4.0),
        (Facts(100, hours_late=0, days_left=15), 2.0),
        (Facts(100, hours_late=0, days_left=-5), 3.0),
        (Facts(100, hours_late=0, days_left=90), 1.0),
    ],
)
def test_pressure(given_facts, expected):
    assert pressure(given_facts) == pytest.approx(expected)


@given(facts)
def test_no_more_than_the_deal_is_lost(some):
    assert 0 < pressure(some) <= MOST
    assert 0 <= money_at_risk(some) <= some.stake


@given(facts, st.sampled_from(["opened", "waiting", "letter"]))
def test_each_reason_makes_it_more_urgent(some, reason):
    calm, urgent = some._replace(**{reason: False}), some._replace(**{reason: True})
    assert money_at_risk(urgent) >= money_at_risk(calm)


@given(facts, st.floats(min_value=0, max_value=1000))
def test_later_is_never_less_urgent(some, more):
    late = 0 if some.hours_late is None else some.hours_late
    assert pressure(some._replace(hours_late=late + more)) >= pressure(some._replace(hours_late=late)) - 1e-9


def test_overdue_first():
    small_and_late, large_and_early = Facts(10, hours_late=1), Facts(1_000_000, hours_late=-1)
    assert sorted([large_and_early, small_and_late], key=order_key)[0] == small_and_late
