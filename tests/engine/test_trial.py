"""Trials: made-up cases on a virtual clock."""

from datetime import datetime, timedelta

import pytest
from builder import DAY, outcome, process, rung, step, wait
from engine.definition import Delay
from engine.trial import Act, Happening, Trial

BEGIN = datetime(2026, 3, 2, 9)
SALE = process(
    step("greet", outcome(next="call"), kind="mail"),
    step(
        "call",
        outcome("reached", "choose"),
        outcome("silent", "call", limit=3, limit_end="lost", wait=DAY),
        escalations=(
            rung("remind", "remind", anchor="open", delay=Delay(2, "hours", working=False)),
            rung("soon", "remind", anchor="before", delay=Delay(3, "hours", working=False)),
            rung("give_up", "outcome", outcome="silent"),
        ),
    ),
    step("choose", outcome("again", "rest", unvisited="rest"), outcome("done", "won"), kind="decision"),
    wait("rest", outcome("over", "call")),
)


def nobody(step, case, number):
    return None


def reached(step, case, number):
    return Act("reached", timedelta(hours=1)) if step.code == "call" else None


def hours(count):
    return BEGIN + timedelta(hours=count)


def test_nobody_acts_and_the_ladder_ends_it():
    trial = Trial(SALE, nobody, BEGIN)
    assert trial.run(1) == {"lost": 1}
    assert trial.diary[:8] == [
        Happening(BEGIN, 0, "open", "greet", ""),
        Happening(BEGIN, 0, "close", "greet", "done"),
        Happening(BEGIN, 0, "open", "call", ""),
        Happening(hours(2), 0, "rung", "call", "remind"),
        Happening(hours(21), 0, "rung", "call", "soon"),
        Happening(hours(25), 0, "rung", "call", "give_up"),
        Happening(hours(25), 0, "close", "call", "silent"),
        Happening(hours(25), 0, "open", "call", ""),
    ]
    assert trial.diary[8].when == hours(25 + 24 + 2), "the second call begins a day later"
    assert trial.diary[-1] == Happening(hours(3 * 25 + 2 * 24), 0, "end", "", "lost")


def test_somebody_acts():
    trial = Trial(SALE, reached, BEGIN)
    assert trial.run(1) == {"won": 1}
    assert not [line for line in trial.diary if line.what == "rung" and line.step == "call"]
    assert trial.diary[-1].when == hours(1 + 25 + 1)


def test_each_case_goes_its_own_way():
    trial = Trial(SALE, lambda *known: reached(*known) if known[2] % 2 else None, BEGIN)
    assert trial.run(10) == {"won": 5, "lost": 5}
    assert {line.case for line in trial.diary if line.detail == "won"} == {1, 3, 5, 7, 9}


@pytest.mark.parametrize(("days", "state"), [(0, "running"), (4, "running"), (6, "lost")])
def test_the_horizon(days, state):
    assert Trial(SALE, nobody, BEGIN).run(2, timedelta(days=days)) == {state: 2}


def test_what_comes_too_late_is_left_out():
    """Two acts on one task: the second finds it closed."""
    trial = Trial(SALE, nobody, BEGIN)
    trial.run(1, timedelta(hours=30))
    assert len([line for line in trial.diary if line.detail == "silent"]) == 1


def test_the_same_run_twice():
    runs = [Trial(SALE, nobody, BEGIN) for _ in range(2)]
    assert runs[0].run(5) == runs[1].run(5)
    assert runs[0].diary == runs[1].diary


def test_nobody_opens_a_paper_twice_on_the_virtual_clock():
    soon = Delay(1, "hours", working=False)
    asking = process(
        step(
            "ask", outcome("silent", "lost"), kind="wait",
            escalations=(
                rung("again", "remind", anchor="open", delay=soon, behaviour="reopened"),
                rung("unread", "remind", anchor="open", delay=soon, behaviour="unopened"),
                rung("over", "outcome", outcome="silent"),
            ),
        )
    )  # fmt: skip
    trial = Trial(asking, nobody, BEGIN)
    trial.run(1)
    assert [line.detail for line in trial.diary if line.what == "rung"] == ["unread", "over"]
