"""How far prices were raised from one contract to the next."""

import pytest
from engine.approval import price_rise, worsening
from hypothesis import given
from hypothesis import strategies as st

CENT = 0.01
PRICES = st.dictionaries(
    st.text("abc", min_size=1, max_size=2), st.integers(1, 10**7).map(lambda cents: cents / 100), max_size=4
)


@pytest.mark.parametrize(
    ("before", "now", "percent"),
    [
        ({"a": 100.0}, {"a": 110.0}, 10.0),
        ({"a": 100.0, "b": 10.0}, {"a": 90.0, "b": 12.0}, 20.0),
        ({"a": 100.0}, {"a": 90.0}, 0.0),
        ({"a": 100.0}, {"b": 900.0}, 0.0),
        ({"a": 0.0}, {"a": 5.0}, 0.0),
        ({}, {}, 0.0),
    ],
)
def test_known_rises(before, now, percent):
    assert price_rise(before, now) == percent


@given(PRICES)
def test_nothing_changed_is_no_rise(prices):
    assert price_rise(prices, prices) == price_rise(prices, prices, CENT) == 0


@given(PRICES, st.integers(0, 300))
def test_rounding_to_the_cent_never_passes_what_was_agreed(prices, percent):
    now = {product: round(price * (1 + percent / 100), 2) for product, price in prices.items()}
    assert price_rise(prices, now, CENT) <= percent + 0.01


@given(PRICES.filter(bool), st.integers(1, 300), st.data())
def test_one_that_is_raised_is_seen_whatever_the_others_do(prices, percent, data):
    raised = data.draw(st.sampled_from(sorted(prices)))
    now = {product: price / 2 for product, price in prices.items()}
    now[raised] = prices[raised] * (1 + percent / 100)
    assert price_rise(prices, now) == pytest.approx(percent, abs=0.01)


def test_only_a_further_rise_is_worse():
    judged = {"uplift": 8.0}
    assert worsening(judged, {"uplift": 8.0}) == worsening(judged, {"uplift": 3.0}) == []
    assert worsening(judged, {"uplift": 9.0}) == worsening({}, {"uplift": 9.0}) == ["uplift"]
