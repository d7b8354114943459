"""What follows from each event: every rule of engine/transition.py, one at a time."""

from datetime import datetime

import pytest
from builder import DAY, outcome, process, rung, step
from engine.case import Case, Task
from engine.effects import (
    CancelTask,
    CloseTask,
    EndCase,
    FireRung,
    MovePhase,
    OpenTask,
    PassTask,
    SpareRung,
)
from engine.events import Close, Jump, Pause, PhaseMoved, Refuse, Resume, Signal, Start, TimerFired
from engine.transition import TransitionError, choose, decide, replay
from sale import SALE, after, at, done

# --- start ----------------------------------------------------------------------------------------


def test_start():
    case, effects = after(Case(), Start())
    assert case == at("check")
    assert effects == (MovePhase("first"), OpenTask(Task("check", 1)))


def test_start_at_a_step():
    case, effects = after(Case(), Start("offer"))
    assert case.tasks == (Task("offer", 1),)
    assert MovePhase("second") in effects


def test_start_passes_what_is_not_needed():
    case, effects = after(Case(), Start(), skips=("check",))
    assert case.tasks == (Task("greet", 1),)
    assert effects[1:] == (
        PassTask(Task("check", 1), "done", "not_needed"),
        OpenTask(Task("greet", 1), origin=Task("check", 1)),
    )
    assert case.last == {"check": "done"}
    assert case.visits == {"check": 1, "greet": 1}


def test_a_deal_that_is_brought_in_stays_where_it_stands():
    case, effects = after(Case(), Start("check", quiet=True, stand=True), skips=("check",))
    assert case.tasks == (Task("check", 1),)
    assert effects == (MovePhase("first"), OpenTask(Task("check", 1)))


def test_skips_matter_only_for_steps_that_may_be_skipped():
    case, _effects = after(Case(), Start("call"), skips=("call", "check"))
    assert case.tasks == (Task("call", 1),)


def test_quiet_writes_nothing_before_a_person_has_the_case():
    case, effects = after(Case(), Start(quiet=True), skips=("check",))
    assert PassTask(Task("greet", 1), "done", "quiet") in effects
    assert case.tasks == (Task("call", 1),)
    assert not case.quiet
    loud, _effects = after(case, Jump("greet"))
    assert loud.tasks == (Task("greet", 2),), "later letters do go"


@pytest.mark.parametrize("state", ["running", "paused", "won", "lost", "merged"])
def test_a_case_starts_once(state):
    with pytest.raises(TransitionError):
        after(Case(state), Start())


# --- outcomes -------------------------------------------------------------------------------------


def test_complete():
    case, effects = after(at("call"), done("call", "reached"))
    assert effects == (
        CloseTask(Task("call", 1), "reached"),
        MovePhase("second"),
        OpenTask(Task("offer", 1), origin=Task("call", 1)),
    )
    assert case.taken == {"call.reached": 1}
    assert case.last == {"call": "reached"}


def test_within_a_phase_nothing_moves():
    _case, effects = after(at("offer"), done("offer", "made"))
    assert not [effect for effect in effects if type(effect) is MovePhase]


def test_passing_through_another_phase_and_back_ends_where_it_began():
    there = process(
        step("a", outcome(next="b")),
        step("b", outcome(next="c"), phase="second", skip_outcome="done"),
        step("c", outcome(next="won")),
    )
    _case, effects = decide(there, at("a"), done("a", "done"), {"b"})
    assert [effect.phase for effect in effects if type(effect) is MovePhase] == ["second", "first"]


def test_waits_and_dates():
    moment = datetime(2026, 5, 4, 9)
    _case, effects = after(at("call"), done("call", "silent"))
    assert effects[-1] == OpenTask(Task("call", 2), Task("call", 1), wait=DAY)
    _case, effects = after(at("call"), done("call", "later", at=moment))
    assert effects[-1] == OpenTask(Task("call", 2), Task("call", 1), at=moment)
    _case, effects = after(at("call"), done("call", "reached", at=moment))
    assert effects[-1].at is None, "an outcome that asks for no date takes none"


def test_limit_to_another_step():
    case = at("call")
    for visit in (1, 2):
        case, effects = after(case, done("call", "silent", visit))
        assert case.tasks == (Task("call", visit + 1),)
    case, effects = after(case, done("call", "silent", 3))
    assert case.tasks == (Task("rest", 1),)
    assert effects[-1].wait is None, "the wait belongs to the usual way"
    case, _effects = after(case, Signal("sign_of_life"), done("call", "silent", 4))
    assert case.tasks == (Task("rest", 2),), "and so every later time"


def test_limit_to_an_end():
    case, _effects = after(at("call"), done("call", "later"))
    case, effects = after(case, done("call", "later", 2))
    assert case.state == "lost"
    assert effects == (CloseTask(Task("call", 2), "later"), EndCase("lost", "later"))


def test_an_end():
    case, effects = after(at("sign"), done("sign", "signed"))
    assert (case.state, case.tasks) == ("won", ())
    assert effects == (CloseTask(Task("sign", 1), "signed"), EndCase("won", "signed"))


def test_an_end_named_from_outside():
    """The date that was named lies too far ahead: lost, though the outcome would lead on."""
    case, effects = after(at("call"), done("call", "later", end="lost"))
    assert case.state == "lost"
    assert effects[-1] == EndCase("lost", "later")
    assert case.taken == {"call.later": 1}


@pytest.mark.parametrize("state", ["running", "new", "nonsense"])
def test_what_is_no_end(state):
    with pytest.raises(TransitionError):
        after(at("call"), done("call", "later", end=state))
    with pytest.raises(TransitionError):
        after(at("call"), Close(state))


def test_every_step_knows_refused():
    case, effects = after(at("call"), done("call", "refused"))
    assert case.state == "lost"
    assert case.last == {"call": "refused"}
    assert effects == (CloseTask(Task("call", 1), "refused"), EndCase("lost", "refused"))
    own, _effects = after(at("sign"), done("sign", "refused"))
    assert own.tasks == (Task("papers", 1),), "a step's own outcome of this name comes first"


@pytest.mark.parametrize(
    "event",
    [
        done("call", "nonsense"),
        done("call", "reached", visit=2),
        done("offer", "made"),
        TimerFired(Task("call", 1), "nonsense"),
        TimerFired(Task("call", 2), "remind"),
        TimerFired(Task("offer", 1), "owner"),
        Jump("nowhere"),
        Resume(),
    ],
)
def test_what_does_not_fit_is_refused(event):
    with pytest.raises(TransitionError):
        after(at("call"), event)


def test_an_outcome_that_leads_nowhere_is_named():
    broken = process(step("a", outcome(next=None)))
    with pytest.raises(TransitionError, match=r"a\.done"):
        decide(broken, at("a"), done("a", "done"))


def test_steps_that_pass_each_other_for_ever_do_not_hang():
    broken = process(
        step("a", outcome(next="b"), skip_outcome="done"), step("b", outcome(next="a"), skip_outcome="done"),
    )  # fmt: skip
    with pytest.raises(TransitionError, match="in one go"):
        decide(broken, Case(), Start(), {"a", "b"})


# --- timers ---------------------------------------------------------------------------------------


def test_a_rung_leaves_the_task_open():
    case, effects = after(at("call"), TimerFired(Task("call", 1), "remind"))
    assert case == at("call")
    assert [type(effect) for effect in effects] == [FireRung]
    assert effects[0].escalation.action == "remind"


@pytest.mark.parametrize(
    ("behaviour", "opened", "fires"),
    [
        ("any", 0, True), ("any", 5, True),
        ("unopened", 0, True), ("unopened", 1, False), ("unopened", 2, False),
        ("reopened", 0, False), ("reopened", 1, False), ("reopened", 2, True), ("reopened", 3, True),
    ],
)  # fmt: skip
def test_a_rung_asks_what_the_customer_did(behaviour, opened, fires):
    late = rung("late", "outcome", outcome="silent", behaviour=behaviour)
    asking = process(step("ask", outcome("silent", "lost"), kind="wait", escalations=(late,)))
    case, effects = decide(asking, at("ask"), TimerFired(Task("ask", 1), "late", opened))
    if fires:
        assert type(effects[0]) is FireRung
        assert case.state == "lost"
    else:
        assert effects == (SpareRung(Task("ask", 1), late),)
        assert case == at("ask"), "nothing is done, the outcome is not taken"


@pytest.mark.parametrize("opened", [0, 1, 2, 3])
def test_only_a_second_look_begins_a_rung(opened):
    assert rung(behaviour="reopened").begins_at(opened) is (opened >= 2)
    assert not rung(behaviour="unopened").begins_at(opened)
    assert not rung().begins_at(opened)


def test_a_rung_takes_an_outcome():
    case, effects = after(at("call"), TimerFired(Task("call", 1), "give_up"))
    assert case.tasks == (Task("call", 2),)
    assert [type(effect) for effect in effects] == [FireRung, CloseTask, OpenTask]


def test_nothing_goes_off_for_a_closed_task():
    case, _effects = after(at("call"), TimerFired(Task("call", 1), "give_up"))
    with pytest.raises(TransitionError):
        after(case, TimerFired(Task("call", 1), "give_up"))


# --- moved from outside ---------------------------------------------------------------------------


def test_phase_moved():
    case, effects = after(at("call"), PhaseMoved("second"))
    assert case.tasks == (Task("offer", 1),)
    assert effects == (CancelTask(Task("call", 1), "moved"), MovePhase("second"), OpenTask(Task("offer", 1)))


def test_phase_moved_back():
    case, _effects = after(at("sign"), PhaseMoved("first"))
    assert case.tasks == (Task("check", 1),)


@pytest.mark.parametrize("phase", ["first", "elsewhere"])
def test_a_move_within_the_phase_or_outside_the_process_changes_nothing(phase):
    assert after(at("call"), PhaseMoved(phase)) == (at("call"), ())


def test_jump():
    case, effects = after(at("sign"), Jump("call"))
    assert case.tasks == (Task("call", 1),)
    assert effects[0] == CancelTask(Task("sign", 1), "jump")
    case, _effects = after(case, Jump("call"))
    assert case.tasks == (Task("call", 2),), "to the same step means once more"


def test_refuse():
    case, effects = after(at("offer"), Refuse())
    assert (case.state, case.tasks) == ("lost", ())
    assert effects == (CancelTask(Task("offer", 1), "lost"), EndCase("lost", "refused"))


@pytest.mark.parametrize("state", ["won", "lost", "merged"])
def test_close(state):
    case, effects = after(at("offer"), Close(state))
    assert (case.state, case.tasks) == (state, ())
    assert effects[-1] == EndCase(state, None)


@pytest.mark.parametrize(
    "event",
    [
        done("call", "reached"), TimerFired(Task("call", 1), "remind"), Pause(), Resume(), Refuse(),
        Jump("call"), PhaseMoved("second"), Close("won"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("state", ["new", "won", "lost", "merged"])
def test_a_case_that_does_not_run_is_left_alone(state, event):
    with pytest.raises(TransitionError):
        after(Case(state, visits={"call": 1}), event)


# --- decisions ------------------------------------------------------------------------------------

CHOICE = step(
    "choice",
    outcome("big", "won", has_condition=True),
    outcome("again", "won", taken="call.later"),
    outcome("new", "won", unvisited="call", has_condition=True),
    outcome("else", "won"),
    kind="decision",
)


@pytest.mark.parametrize(
    ("case", "holding", "chosen"),
    [
        (Case(), (), "else"),
        (Case(), ("big",), "big"),
        (Case(last={"call": "later"}), (), "again"),
        (Case(last={"call": "later"}), ("big",), "big"),
        (Case(last={"call": "reached"}), (), "else"),
        (Case(), ("new",), "new"),
        (Case(visits={"call": 1}), ("new",), "else"),
    ],
)
def test_the_first_outcome_whose_conditions_hold(case, holding, chosen):
    assert choose(CHOICE, case, holding).code == chosen


def test_no_outcome_holds():
    assert choose(step("a", outcome(next="won", has_condition=True), kind="decision"), Case(), ()) is None


# --- values ---------------------------------------------------------------------------------------


def test_the_case_before_stays_as_it_was():
    before = at("call")
    after(before, done("call", "silent"))
    assert before == at("call")


def test_replay():
    log = [(Start(), {"check"}), (done("greet", "done"), ()), (done("call", "silent"), ()), (Pause(), ())]
    assert replay(SALE, log) == Case(
        "paused", (Task("call", 2),), {"check": 1, "greet": 1, "call": 2},
        {"check.done": 1, "greet.done": 1, "call.silent": 1},
        {"check": "done", "greet": "done", "call": "silent"},
    )  # fmt: skip
