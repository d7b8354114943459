"""Each thing that can be wrong with a definition is found, at its step, and nothing else is."""

import pytest
from builder import DAY, outcome, process, rung, step, wait
from engine.check import Problem, check
from engine.definition import Escalation, Process

DONE = outcome(next="won")
CLEAN = process(
    step("greet", outcome(next="choose"), kind="mail"),
    step("choose", outcome("big", "call", has_condition=True), outcome("small", "rest"), kind="decision"),
    step(
        "call", outcome("yes", "won"), outcome("later", "rest", limit=2, limit_end="lost"), fields=("phone",)
    ),
    wait("rest", outcome("alive", "call", event="sign_of_life"), outcome("silent", "lost"), phase="second"),
)


def found(*steps, fields=None):
    return [(problem.code, problem.step) for problem in check(process(*steps), fields)]


def test_a_clean_definition_has_no_problems():
    assert check(CLEAN, {"phone"}) == []


CASES = {
    "unknown_kind": [step("a", DONE, kind="dance")],
    "unknown_phase": [step("a", DONE, phase="nowhere")],
    "no_outcome": [step("a")],
    "unknown_step": [step("a", outcome(next="b"))],
    "dead_end": [step("a", outcome(next=None))],
    "never_ends": [step("a", outcome(next="a"))],
    "endless_loop": [step("a", outcome(next="a"), outcome("other", "won"), kind="action")],
    "no_template": [step("a", DONE, kind="mail", has_template=False)],
    "no_assignee": [step("a", DONE, has_assignee=False)],
    "waits_for_nothing": [step("a", DONE, kind="wait")],
    "no_timer": [step("a", DONE, escalations=())],
    "no_deadline": [step("a", DONE, deadline=None)],
    "unknown_behaviour": [step("a", DONE, escalations=(rung(), rung("b", behaviour="asleep")))],
    "counts_from_opening": [step("a", DONE, escalations=(rung(), rung("b", behaviour="reopened")))],
    "no_default": [step("a", outcome(next="won", has_condition=True), kind="decision")],
    "unknown_field": [step("a", DONE, fields=("shoe_size",))],
    "unknown_outcome": [step("a", DONE, skip_outcome="other")],
}


@pytest.mark.parametrize("code", CASES)
def test_one_thing_wrong_is_one_problem(code):
    assert found(*CASES[code], fields={"phone"}) == [(code, "a")]


def test_steps_nobody_comes_to():
    assert found(step("a", DONE), step("b", DONE)) == [("unreachable", "b")]


def test_no_steps_at_all():
    assert check(Process("empty", 1, ())) == [Problem("no_steps", None)]


@pytest.mark.parametrize(
    ("code", "steps"),
    [
        ("unknown_step", [step("a", outcome(next="won", limit=2, limit_next="b"))]),
        ("unknown_step", [step("a", DONE, outcome("x", "won", unvisited="b"))]),
        ("unknown_outcome", [step("a", DONE, outcome("x", "won", taken="a.y"))]),
        (
            "unknown_outcome",
            [step("a", DONE, escalations=(rung(action="outcome", outcome="other"), rung("o")))],
        ),
        ("dead_end", [step("a", outcome(next="won", limit=2))]),
        ("never_ends", [step("a", outcome(next="a", limit_end="lost"))]),
        ("never_ends", [step("a", outcome(next="a", limit=1, limit_next="a"))]),
        ("no_template", [step("a", DONE, escalations=(rung("letter", "letter"), rung()))]),
        ("no_timer", [step("a", DONE, escalations=(rung("remind", "remind"),))]),
        ("no_default", [step("a", outcome(next="won", taken="a.done"), kind="decision")]),
        ("no_default", [step("a", outcome(next="won", unvisited="a"), kind="decision")]),
        # a limit of one is always reached: the usual way is never gone
        ("unreachable", [step("b", outcome(next="a", limit=1, limit_end="lost")), step("a", DONE)]),
    ],
)
def test_other_forms_of_a_problem(code, steps):
    assert (code, "a") in found(*steps)


@pytest.mark.parametrize(
    "steps",
    [
        [
            step("a", outcome(next="b"), kind="action"),
            step("b", outcome(next="a"), outcome("x", "won"), skip_outcome="done"),
        ],
        [
            step("a", outcome(next="b"), kind="decision"),
            step("b", outcome(next="a"), outcome("x", "won"), kind="notice"),
        ],
        # skipped, it leads back to itself once its limit is reached
        [step("a", outcome(next="won", limit=1, limit_next="a"), outcome("x", "won"), skip_outcome="done")],
        # entered quietly, the letter is passed
        [
            step("a", outcome(next="b"), outcome("x", "won"), writes_customer=True),
            step("b", outcome(next="a"), kind="mail"),
        ],
    ],
)
def test_a_loop_without_a_person_or_a_wait_is_endless(steps):
    assert "endless_loop" in {code for code, _step in found(*steps)}


@pytest.mark.parametrize(
    "steps",
    [
        [step("a", outcome(next="b"), kind="mail"), step("b", outcome("again", "a"), DONE)],
        [step("a", outcome(next="b"), kind="mail"), wait("b", outcome("again", "a", event="reply"), DONE)],
        [step("a", outcome("again", "a"), DONE, skip_outcome="done")],
    ],
)
def test_a_loop_with_a_person_or_a_wait_is_none(steps):
    assert found(*steps) == []


def test_waits():
    """A wait needs somebody or something to end it: the customer, or a timer; a mere deadline does not."""
    by_event = step("a", outcome(next="won", event="reply"), kind="wait", deadline=None, escalations=())
    assert found(by_event) == [("no_timer", "a")]
    from_opening = Escalation("late", "outcome", DAY, anchor="open", outcome="done")
    assert found(step("a", DONE, kind="wait", deadline=None, escalations=(from_opening,))) == []


def test_what_blocks():
    """Only what would let a deal get stuck forbids to activate."""
    (warning,) = check(process(step("a", DONE, escalations=())))
    assert not warning.blocking
    blocking, warning = check(process(step("a", DONE, kind="wait", escalations=())))
    assert (blocking.blocking, warning.blocking) == (True, False)


def test_problems_come_in_the_order_of_the_steps_the_worst_first():
    first = step("a", outcome(next="b"), escalations=(), has_assignee=False)
    problems = check(process(first, step("b", DONE, has_assignee=False)))
    assert [(problem.step, problem.code) for problem in problems] == [
        ("a", "no_assignee"), ("a", "no_timer"), ("b", "no_assignee"),
    ]  # fmt: skip


def test_broken_references_are_mended_first():
    """Ways are not judged while codes point nowhere; the rest is."""
    assert found(step("a", outcome(next="x"), has_assignee=False), step("b", DONE)) == [
        ("unknown_step", "a"), ("no_assignee", "a"),
    ]  # fmt: skip


@pytest.mark.parametrize("behaviour", ["unopened", "reopened"])
def test_a_rung_that_may_never_come_ends_no_wait(behaviour):
    late = rung("late", "outcome", anchor="open", outcome="silent", behaviour=behaviour)
    codes = found(step("a", outcome("silent", "lost"), kind="wait", escalations=(late,)))
    assert ("waits_for_nothing", "a") in codes
    assert ("no_timer", "a") in codes
