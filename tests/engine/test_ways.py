"""The ways deals took: repetitions put together, ways counted."""

import pytest
from engine.ways import Hop, Walk, Way, collapse, simplify, tally
from hypothesis import given
from hypothesis import strategies as st


def hops(text):
    return tuple(Hop(step) for step in text)


def told(way):
    """A way as one reads it: ((A) B) C."""
    words = [hop.step for hop in way.hops]
    for begin, length in way.loops:
        words[begin] = f"({words[begin]}"
        words[begin + length - 1] += ")"
    return "".join(words)


@pytest.mark.parametrize(
    ("walked", "expected"),
    [
        ("", ""),
        ("ABC", "ABC"),
        ("AAB", "(A)B"),
        ("AAAAB", "(A)B"),
        ("ABABABC", "(AB)C"),
        ("AABABC", "((A)B)C"),
        ("ABAABC", "((A)B)C"),  # the repetition is in the second round alone
        ("ABCABCD", "(ABC)D"),
        ("XABABYABAB", "X(AB)Y(AB)"),
        ("AABBAABB", "((A)(B))"),
        ("ABA", "ABA"),
        ("ABCBCD", "A(BC)D"),
        ("AAXAAXB", "((A)X)B"),
        ("ABCACABC", "(ABC)"),  # what is repeated across two rounds is told by the rounds
    ],
)
def test_collapse(walked, expected):
    assert told(collapse(hops(walked))) == expected


def test_how_often_does_not_matter():
    assert collapse(hops("AAB")) == collapse(hops("AAAAAB"))
    assert collapse(hops("AB")) != collapse(hops("AAB"))


def test_outcomes_and_skips_tell_apart():
    first = (Hop("call", "not_reached"), Hop("call", "reached"))
    assert len(collapse(first).hops) == 2
    assert collapse(simplify(first, outcomes=False)) == Way((Hop("call"),), ((0, 1),))
    assert collapse((Hop("call"), Hop("call", skipped=True))).loops == ()


def test_what_is_left_out_separates_nothing():
    """Two calls with a notice between them are two calls."""
    assert told(collapse(simplify(hops("AnA"), kept={"A"}))) == "(A)"


@given(st.lists(st.sampled_from("ABC"), max_size=40).map("".join))
def test_collapsed_is_short_and_stays_as_it_is(walked):
    way = collapse(hops(walked))
    assert {hop.step for hop in way.hops} == set(walked)
    assert len(way.hops) <= len(walked)
    assert all(begin >= 0 and begin + length <= len(way.hops) for begin, length in way.loops)
    assert bool(way.loops) == (len(way.hops) < len(walked))
    assert collapse(way.hops).hops == way.hops


@given(st.lists(st.sampled_from("AB"), min_size=1, max_size=8).map("".join), st.integers(2, 5))
def test_rounds_are_one_round(walked, times):
    assert collapse(hops(walked * times)).hops == collapse(hops(walked)).hops


def test_tally():
    walks = [
        Walk(hops("AAB"), "won", 2, 300.0, (10.0, 30.0)),
        Walk(hops("AAAB"), "lost", 1, 50.0, (20.0,)),
        Walk(hops("AB"), "open", 1, 10.0),
        Walk(hops("AAB"), "none", 1, 0.0, (1.0,)),  # no sales case: counts in no rate
    ]
    often, once = tally(walks)
    assert (told(often.way), often.count, often.won, often.lost) == ("(A)B", 4, 2, 1)
    assert often.win_rate == pytest.approx(2 / 3)
    assert often.median_hours == 15
    assert often.amount == 350
    assert (told(once.way), once.count, once.win_rate, once.median_hours) == ("AB", 1, None, None)


@given(
    st.lists(st.tuples(st.sampled_from(["AB", "AAB", "B", "BABA"]), st.sampled_from(["won", "lost", "open"])))
)
def test_nobody_is_lost_or_counted_twice(rows):
    found = tally(Walk(hops(text), result, 1, 1.0) for text, result in rows)
    assert [sum(one.count for one in found), sum(one.amount for one in found)] == [len(rows)] * 2
    assert sum(one.won for one in found) == sum(result == "won" for _text, result in rows)
    assert len({one.way.key for one in found}) == len(found)
