"""What follows from what the customer does, while the deal is at work and while it is paused."""

import pytest
from engine.case import Case, Task
from engine.effects import (
    CancelTask,
    EndCase,
    PassTask,
    SetState,
)
from engine.events import Jump, Pause, Resume, Signal
from engine.transition import TransitionError
from sale import after, at, done

# --- the customer's acts --------------------------------------------------------------------------


def test_open_is_heard_only_by_an_open_step():
    case, _effects = after(at("rest"), Signal("sign_of_life"))
    assert case.tasks == (Task("call", 1),)
    same, effects = after(at("call"), Signal("sign_of_life"))
    assert (same, effects) == (at("call"), ())
    back, _effects = after(same, Jump("rest"))
    assert back.tasks == (Task("rest", 1),), "nor is it kept"


def test_keep_waits_for_its_step():
    case, effects = after(at("offer"), Signal("papers_complete", "7:1"))
    assert effects == ()
    assert case.tasks == (Task("offer", 1),)
    case, effects = after(case, Jump("papers"))
    assert PassTask(Task("papers", 1), "complete", "answered") in effects
    assert case.tasks == (Task("sign", 1),)
    assert case.kept == ()
    again, _effects = after(case, Jump("papers"))
    assert again.tasks == (Task("papers", 2),), "it counts once"


def test_of_several_acts_of_a_kind_the_last_is_kept():
    case, _effects = after(at("offer"), Signal("papers_complete", "7:1"), Signal("papers_complete", "7:2"))
    assert case.kept == (("papers_complete", "7:2"),)
    case, _effects = after(at("offer"), Signal("papers_complete"), Signal("papers_complete"))
    assert case.kept == (("papers_complete", None),)


@pytest.mark.parametrize("code", ["check", "call", "rest", "offer", "decision"])
def test_jump_is_heard_at_and_before_its_phase(code):
    case, effects = after(at(code), Signal("accepted", "7:1"))
    assert case.tasks == (Task("papers", 1),)
    assert case.last["decision"] == "accepted"
    assert effects[-1].origin == Task("decision", 1)
    if code != "decision":
        assert effects[0] == CancelTask(Task(code, 1), "answered")


@pytest.mark.parametrize("code", ["papers", "sign"])
def test_jump_is_not_heard_behind_its_phase(code):
    case, effects = after(at(code), Signal("accepted", "7:1"))
    assert case.tasks == (Task(code, 1),)
    assert effects == ()


def test_jump_to_an_end():
    case, effects = after(at("call"), Signal("refused"))
    assert case.state == "lost"
    assert effects[-1] == EndCase("lost", "no")


def test_the_same_act_on_the_same_paper_counts_once():
    case, _effects = after(at("decision"), Signal("accepted", "7:1"), Jump("decision"))
    same, effects = after(case, Signal("accepted", "7:1"))
    assert (same, effects) == (case, ())
    newer, _effects = after(case, Signal("accepted", "7:2"))
    assert newer.tasks[0].step == "papers", "a newer version of the paper is another matter"
    nameless, _effects = after(case, Signal("accepted"))
    assert nameless.tasks[0].step == "papers", "and so is an act that names no paper"


def test_nobody_listens():
    assert after(at("call"), Signal("rain", "7:1")) == (at("call"), ())


@pytest.mark.parametrize("state", ["new", "won", "lost", "merged"])
def test_a_case_that_does_not_run_hears_nothing(state):
    assert after(Case(state), Signal("accepted")) == (Case(state), ())


# --- pause ----------------------------------------------------------------------------------------


def test_pause_and_resume():
    case, effects = after(at("call"), Pause())
    assert case == at("call")._replace(state="paused")
    assert effects == (SetState("paused"),)
    case, effects = after(case, Resume())
    assert case == at("call")
    assert effects == (SetState("running"),)


def test_pausing_twice():
    with pytest.raises(TransitionError):
        after(at("call"), Pause(), Pause())


def test_what_the_customer_did_meanwhile_counts_afterwards():
    case, effects = after(at("decision"), Pause(), Signal("accepted", "7:1"), Signal("accepted", "7:1"))
    assert effects == ()
    assert case.tasks == (Task("decision", 1),)
    case, effects = after(case, Resume())
    assert case.tasks == (Task("papers", 1),)
    assert effects[0] == SetState("running")
    assert case.kept == ()


def test_an_end_among_the_acts_meanwhile_ends_it():
    case, _effects = after(at("decision"), Pause(), Signal("refused"), Signal("accepted"), Resume())
    assert case.state == "lost"


def test_a_sign_of_life_in_a_pause_does_not_answer_a_step_that_opens_later():
    case, _effects = after(at("call"), Pause(), Signal("sign_of_life"), Jump("rest"))
    assert case.tasks == (Task("rest", 1),)


def test_a_paused_case_can_be_worked_on():
    case, _effects = after(at("call"), Pause(), done("call", "reached"))
    assert (case.state, case.tasks) == ("paused", (Task("offer", 1),))
