"""What a definition can tell about itself."""

import dataclasses

import pytest
from builder import outcome, process, step, wait
from engine.definition import AUTOMATIC_KINDS, KINDS, PERSON_KINDS, WAIT_KINDS

SALE = process(
    step("note", outcome(next="call"), kind="action"),
    step("call", outcome("reached", "offer"), outcome("silent", "call", limit=3, limit_next="rest")),
    step("letter", outcome(next="offer"), kind="mail", phase="second"),
    step(
        "offer", outcome("yes", "won", event="accepted", mode="jump"), outcome("no", "lost"), phase="second"
    ),
    wait("rest", outcome("alive", "call", event="sign_of_life"), outcome("silent", "lost")),
)


def test_every_kind_is_of_one_sort():
    assert len(AUTOMATIC_KINDS) + len(PERSON_KINDS) + len(WAIT_KINDS) == len(KINDS)


def test_a_definition_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SALE.start.code = "other"


def test_definitions_are_compared_by_what_they_say():
    assert step("call", outcome(next="won")) == step("call", outcome(next="won"))
    assert step("call", outcome(next="won")) != step("call", outcome(next="lost"))


@pytest.mark.parametrize(
    ("values", "ways"),
    [
        ({"next": "call"}, [("call", None)]),
        ({"next": "won"}, [(None, "won")]),
        ({"next": "call", "limit": 3, "limit_next": "rest"}, [("call", None), ("rest", None)]),
        ({"next": "call", "limit": 3, "limit_end": "lost"}, [("call", None), (None, "lost")]),
        ({"next": "call", "limit": 1, "limit_end": "lost"}, [(None, "lost")]),
        ({"next": "call", "limit_end": "lost"}, [("call", None)]),
        ({"next": "call", "limit": -1, "limit_end": "lost"}, [("call", None)]),
    ],
)
def test_ways_of_an_outcome(values, ways):
    assert list(outcome(**values).ways) == ways


@pytest.mark.parametrize(("count", "way"), [(1, "call"), (2, "call"), (3, "rest"), (4, "rest")])
def test_a_limit_holds_from_that_time_on(count, way):
    assert outcome(next="call", limit=3, limit_next="rest").at(count) == (way, None)


def test_followers_are_the_steps_that_can_come_next():
    assert list(SALE.by_code["call"].followers()) == ["offer", "call", "rest"]
    assert list(SALE.by_code["offer"].followers()) == []


def test_a_phase_is_entered_where_a_person_acts():
    assert SALE.entries == {"first": "call", "second": "offer"}
    only_waits = process(wait("rest", outcome("silent", "lost")))
    assert only_waits.entries == {"first": "rest"}, "where nobody acts, by its first step"


def test_places_in_the_funnel():
    assert [SALE.rank(one.code) for one in SALE.steps] == [0, 0, 1, 1, 0]
    assert SALE.start.code == "note"


def test_who_listens_to_the_customer():
    assert {event: [pair[0].code for pair in pairs] for event, pairs in SALE.listeners.items()} == {
        "accepted": ["offer"], "sign_of_life": ["rest"],
    }  # fmt: skip
    assert SALE.by_code["offer"].by_event["accepted"].code == "yes"


def test_outcomes_by_name():
    assert SALE.by_code["call"].by_outcome["silent"].limit == 3
    assert "call.silent" in SALE.outcome_keys


def test_what_is_ahead_and_what_is_behind():
    assert SALE.reach(["letter"]) == {"letter", "offer"}
    assert SALE.reach(["letter"], forward=False) == {"letter"}
    assert SALE.reach(["rest"]) == {"rest", "call", "offer"}, "loops end"


@pytest.mark.parametrize(
    ("event", "after", "awaited"),
    [
        ("accepted", "offer", True),
        ("accepted", "note", True),
        ("sign_of_life", "letter", False),
        ("signed", "note", False),
    ],
)
def test_an_act_of_the_customer_that_is_still_awaited(event, after, awaited):
    assert SALE.awaits(event, after) is awaited
