"""What a customer's yes would lead to, told before they say it."""

import pytest
from builder import outcome, process, step, wait
from engine.case import Case
from engine.events import Signal, Start
from engine.outlook import after, is_last_word
from engine.transition import decide
from shipped import load

YES = Signal("proposal_accepted", "proposal/1")
SALE = process(
    step("offer", outcome("made", "answer")),
    wait("answer", outcome("yes", "which", event="proposal_accepted"), outcome("no", "lost")),
    step(
        "which",
        outcome("small", "book", has_condition=True),
        outcome("known", "won", taken="offer.made", has_condition=True),
        outcome("large", "paper"),
        kind="decision",
    ),
    step("book", outcome("done", "won"), kind="action"),
    wait("paper", outcome("signed", "won", event="contract_signed"), outcome("never", "lost")),
)
WAITING = Case("running", decide(SALE, Case(), Start("answer"))[0].tasks, last={"offer": "made"})


@pytest.mark.parametrize(
    ("holding", "last_word", "steps"),
    [
        ({"which": ["small"]}, True, ["book"]),
        ({"which": ["known"]}, True, []),
        ({}, False, ["paper"]),
        ({"other": ["small"]}, False, ["paper"]),
    ],
)
def test_by_the_decisions_behind_it(holding, last_word, steps):
    assert is_last_word(SALE, WAITING, YES, "contract_signed", holding) is last_word
    assert [task.step for task in after(SALE, WAITING, YES, holding).tasks] == steps


def test_a_case_that_does_not_listen_is_not_moved():
    elsewhere = Case("running", decide(SALE, Case(), Start("book"))[0].tasks)
    assert not is_last_word(SALE, elsewhere, YES, "contract_signed", {})


@pytest.mark.parametrize("state", ["lost", "won", "merged"])
def test_a_case_that_is_over_is_not_moved(state):
    assert not is_last_word(SALE, WAITING._replace(state=state, tasks=()), YES, "contract_signed", {})


def test_a_paused_case_hears_it_when_it_goes_on():
    small = {"which": ["small"]}
    assert is_last_word(SALE, WAITING._replace(state="paused"), YES, "contract_signed", small)


@pytest.mark.parametrize(("holding", "last_word"), [({"contract_needed": ["no"]}, True), ({}, False)])
@pytest.mark.parametrize("stands", ["plan_meeting", "proposal_decision"])
def test_in_the_process_as_shipped(stands, holding, last_word):
    new_business = load("new_business")
    case, _effects = decide(new_business, Case(), Start(stands))
    assert is_last_word(new_business, case, YES, "contract_signed", holding) is last_word
