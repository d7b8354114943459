"""What a telephone system tells is read with care, and its order does not matter."""

from datetime import datetime, timedelta
from itertools import permutations

import pytest
from engine.call import Facts, Report, ReportError, clean_number, is_same_call, looks_like_number, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 3, 2, 9)


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def heard(*reports):
    facts = Facts()
    for report in reports:
        facts = facts.heard(report)
    return facts


def report(event, seconds=0, duration=0):
    return Report(event, "1", at(seconds), duration=duration)


REPORTS = st.builds(
    report,
    st.sampled_from(["ringing", "answered", "ended", "missed"]),
    st.integers(0, 3600),
    st.integers(0, 600),
)


@given(st.lists(REPORTS, min_size=1, max_size=6), st.randoms())
def test_order_and_repetition_change_nothing(reports, random):
    facts = heard(*reports)
    again = [*reports, *random.choices(reports, k=3)]
    random.shuffle(again)
    assert heard(*again) == facts


@given(st.lists(REPORTS, min_size=1, max_size=6))
def test_state_only_moves_forward(reports):
    rank = {"ringing": 0, "missed": 1, "answered": 2, "ended": 3}
    facts, before = Facts(), 0
    for one in reports:
        facts = facts.heard(one)
        assert rank[facts.state] >= before
        assert facts.seconds >= 0
        before = rank[facts.state]


def test_a_whole_call_in_every_order():
    told = (report("ringing"), report("answered", 8), report("ended", 98))
    for order in permutations(told):
        facts = heard(*order)
        assert (facts.state, facts.start, facts.answer, facts.end) == ("ended", at(0), at(8), at(98))
        assert facts.seconds == 90


def test_nobody_answered():
    assert heard(report("ringing"), report("ended", 20)).state == "missed"
    assert heard(report("missed")).state == "missed"
    # one telephone of a group did not answer, another did
    assert heard(report("missed", 20), report("answered", 21)).state == "answered"


def test_only_the_end_is_told():
    facts = heard(report("ended", 100, duration=60))
    assert (facts.state, facts.start, facts.seconds) == ("ended", at(40), 60)


def test_contact():
    short, long = heard(report("ended", 9, 9)), heard(report("ended", 60, 60))
    assert short.is_contact("in", 30)
    assert not short.is_contact("out", 30)
    assert long.is_contact("out", 30)
    assert not heard(report("answered", 9)).is_contact("out", 30)
    assert not heard(report("missed", 9)).is_contact("in", 0)
    assert not heard(report("missed", 9)).is_contact("out", 0)


def test_same_call():
    assert is_same_call(at(0), at(300), report("ended", 310, 290))
    assert is_same_call(at(0), at(300), report("missed", 20))
    assert not is_same_call(at(0), at(300), report("ringing", 400))
    assert not is_same_call(at(400), at(700), report("ended", 300, 200))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+49 (30) 123-45.67", "+49301234567"),
        ("sip:+49301234567@pbx.example.com;user=phone", "+49301234567"),
        ('"Ann" <sip:0301234567@10.0.0.1>', "0301234567"),
        ("tel:+493012345", "+493012345"),
        ("Anonymous", ""),
        ("anonymous@anonymous.invalid", ""),
        ("sip:anonymous@anonymous.invalid", ""),
        ("", ""),
        ("101", "101"),
    ],
)
def test_numbers(text, number):
    assert clean_number(text) == number


def test_what_looks_like_a_number():
    assert looks_like_number("+49301234567")
    assert looks_like_number("0301234567")
    assert not any(looks_like_number(text) for text in ("", "101", "alice", "+", "alice@example.com"))


def test_read():
    said = read(
        {
            "event": "Ended",
            "call_id": 4711,
            "direction": "out",
            "number": "+49 30 123",
            "duration": "61.4",
            "at": "2026-03-02T09:59:00+01:00",
            "recording": "https://pbx.example.com/4711.mp3",
            "lead_id": "17",
            "something": ["else"],
        },
        NOW,
    )
    assert said == Report(
        "ended",
        "4711",
        datetime(2026, 3, 2, 8, 59),
        "out",
        "+4930123",
        duration=61,
        recording="https://pbx.example.com/4711.mp3",
        lead_id=17,
    )


def test_moments():
    good = {"event": "ringing", "call_id": "1"}
    assert read(good, NOW).at == NOW
    assert read({**good, "at": NOW.timestamp() + 7200 + 9e5}, NOW).at == NOW
    assert read({**good, "at": "2099-01-01"}, NOW).at == NOW
    assert read({**good, "at": "2026-03-02 08:00:00"}, NOW).at == datetime(2026, 3, 2, 8)
    assert read({**good, "at": "2026-03-02T08:00:00Z"}, NOW).at == datetime(2026, 3, 2, 8)


def test_no_other_address_than_of_the_web():
    good = {"event": "ended", "call_id": "1"}
    for link in ("javascript:alert(1)", "ftp://x", "/etc/passwd", "https://"):
        assert not read({**good, "recording": link}, NOW).recording


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ([], "not_a_dict", ""),
        ("text", "not_a_dict", ""),
        ({}, "missing", "event"),
        ({"event": "ringing"}, "missing", "call_id"),
        ({"event": "sung", "call_id": "1"}, "unknown", "event"),
        ({"event": "ringing", "call_id": "1", "direction": "up"}, "unknown", "direction"),
        ({"event": ["ringing"], "call_id": "1"}, "not_text", "event"),
        ({"event": "ringing", "call_id": True}, "not_text", "call_id"),
        ({"event": "ringing", "call_id": "\x00\ud800"}, "missing", "call_id"),
        ({"event": "ringing", "call_id": 10**5000}, "not_text", "call_id"),
        ({"event": "ringing", "call_id": "x" * 129}, "too_long", "call_id"),
        ({"event": "ringing", "call_id": "1", "number": {}}, "not_text", "number"),
        ({"event": "ended", "call_id": "1", "duration": -1}, "not_a_number", "duration"),
        ({"event": "ended", "call_id": "1", "duration": True}, "not_a_number", "duration"),
        ({"event": "ended", "call_id": "1", "duration": float("inf")}, "not_a_number", "duration"),
        ({"event": "ended", "call_id": "1", "duration": float("nan")}, "not_a_number", "duration"),
        ({"event": "ended", "call_id": "1", "duration": "long"}, "not_a_number", "duration"),
        ({"event": "ended", "call_id": "1", "duration": [1]}, "not_a_number", "duration"),
        ({"event": "ringing", "call_id": "1", "lead_id": 2**40}, "not_a_number", "lead_id"),
        ({"event": "ringing", "call_id": "1", "at": "yesterday"}, "not_a_moment", "at"),
        ({"event": "ringing", "call_id": "1", "at": [1]}, "not_a_moment", "at"),
        ({"event": "ringing", "call_id": "1", "at": "9" * 400}, "not_a_moment", "at"),
        ({"event": "ringing", "call_id": "1", "at": 10**30}, "not_a_moment", "at"),
        ({"event": "ringing", "call_id": "1", "at": "0001-01-01T00:00:00+14:00"}, "not_a_moment", "at"),
        ({"event": "ringing", "call_id": "1", "at": 12}, "too_old", "at"),
    ],
)
def test_what_cannot_be_read_is_named(values, code, field):
    with pytest.raises(ReportError) as caught:
        read(values, NOW)
    assert (caught.value.code, caught.value.field) == (code, field)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(
            ["event", "call_id", "direction", "number", "extension", "duration", "at", "lead_id", "name"]
        ),
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40), st.lists(st.none())
        ),
    )
)
def test_whatever_comes_is_read_or_refused(values):
    try:
        said = read({"event": "ended", "call_id": "1", **values}, NOW)
    except ReportError:
        return
    assert said.at <= NOW and said.duration >= 0
    Facts().heard(said)
