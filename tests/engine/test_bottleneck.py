"""Where deals are held up: shares of a whole, and how grave they are."""

import pytest
from engine.bottleneck import LEVELS, level, shares
from hypothesis import given
from hypothesis import strategies as st


def test_shares():
    assert shares({"call": 30, "wait": 10, "sign": 0}) == {"call": 0.75, "wait": 0.25, "sign": 0}


@pytest.mark.parametrize("amounts", [{}, {"call": 0}, {"call": -5}])
def test_nothing_is_held_up(amounts):
    assert shares(amounts) == dict.fromkeys(amounts, 0)


@given(st.dictionaries(st.integers(), st.floats(min_value=-1e6, max_value=1e6)))
def test_shares_make_a_whole(amounts):
    found = shares(amounts)
    assert all(0 <= share <= 1 for share in found.values())
    whole = sum(amount for amount in amounts.values() if amount > 0)
    assert sum(found.values()) == pytest.approx(1 if whole else 0)


def test_levels():
    assert [level(share) for share in (0, 0.001, *LEVELS, 1)] == [0, 1, 2, 3, 4, 4]
