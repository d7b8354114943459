"""What holds for every definition that passes the check, whatever happens in whatever order."""

from datetime import datetime
from itertools import pairwise

from engine.case import OPEN_STATES, Case, Task
from engine.check import check
from engine.definition import Delay, Escalation, Outcome, Process, Step
from engine.effects import CancelTask, CloseTask, EndCase, OpenTask, PassTask
from engine.events import Close, Complete, Jump, Pause, PhaseMoved, Refuse, Resume, Signal, Start, TimerFired
from engine.transition import TransitionError, decide, replay
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

BOUNDED = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
PHASES = ("first", "second", "third")
KINDS = ("task", "task", "approval", "meeting", "wait", "mail", "action", "decision")
ENDS = ("won", "lost", "merged")
EVENTS = ("accepted", "refused", "complete", "sign_of_life")
HOUR = Delay(1)
MOMENT = datetime(2026, 3, 2, 9)


# --- definitions ----------------------------------------------------------------------------------


@st.composite
def outcomes(draw, code, codes, following):
    """An outcome; `following` is where it leads for sure, None where that is left to chance."""
    target = following or draw(st.sampled_from([*codes, *ENDS]))
    limit = draw(st.sampled_from([0, 0, 0, 1, 2, 3])) if not following else 0
    limited = draw(st.sampled_from([*codes, "lost"])) if limit else None
    return Outcome(
        code,
        next=target if target in codes else None,
        end=None if target in codes else target,
        event=draw(st.sampled_from([None, None, *EVENTS])),
        mode=draw(st.sampled_from(["open", "keep", "jump"])),
        asks_date=draw(st.booleans()),
        limit=limit,
        limit_next=limited if limited in codes else None,
        limit_end=limited if limited == "lost" else None,
    )


@st.composite
def steps(draw, place, codes):
    """A step whose first outcome leads on to the next one, so that most definitions are sound."""
    following = codes[place + 1] if place + 1 < len(codes) else draw(st.sampled_from(ENDS))
    count = draw(st.integers(0, 2))
    found = [draw(outcomes("on", codes, following))]
    found += [draw(outcomes(f"o{number}", codes, None)) for number in range(count)]
    named = draw(st.sampled_from(found)).code
    return Step(
        codes[place], draw(st.sampled_from(KINDS)), draw(st.sampled_from(PHASES)), tuple(found),
        escalations=(
            Escalation("remind", "remind", HOUR), Escalation("late", "outcome", HOUR, outcome=named),
        ),
        deadline=HOUR,
        skip_outcome=draw(st.sampled_from([None, None, found[-1].code])),
        writes_customer=draw(st.booleans()),
    )  # fmt: skip


@st.composite
def processes(draw):
    """A definition that may be activated."""
    codes = [f"s{number}" for number in range(draw(st.integers(1, 6)))]
    process = Process("random", 1, PHASES, tuple(draw(steps(place, codes)) for place in range(len(codes))))
    assume(not any(problem.blocking for problem in check(process)))
    return process


# --- what happens ---------------------------------------------------------------------------------

# One number says all about an event: drawing four would take four times as long.
HAPPENINGS = st.lists(st.integers(0, 13 * 8 * 2 * 64 - 1), max_size=25)


def read(number):
    """(kind, pick, paper, skipped steps) of a number."""
    number, kind = divmod(number, 13)
    number, pick = divmod(number, 8)
    skipped, paper = divmod(number, 2)
    return kind, pick, ("7:1", "7:2")[paper], skipped


def make_event(process, case, kind, pick, paper):
    """An event that fits, or nearly fits, the case as it stands."""
    codes = [step.code for step in process.steps]
    any_step = codes[pick % len(codes)]
    task = case.tasks[0] if case.tasks else Task(any_step, case.visits.get(any_step, 1))
    step = process.by_code[task.step]
    outcome = step.outcomes[pick % len(step.outcomes)]
    stale = Task(task.step, task.visit - 1)
    return (
        Complete(task, outcome.code, at=MOMENT),
        Complete(task, outcome.code),
        Complete(task, outcome.code, end="lost" if outcome.asks_date else None),
        TimerFired(task, "late"),
        TimerFired(task, "remind"),
        Signal(EVENTS[pick % len(EVENTS)], paper),
        Signal(EVENTS[pick % len(EVENTS)]),
        Pause() if case.state == "running" else Resume(),
        Jump(any_step),
        PhaseMoved(PHASES[pick % len(PHASES)]),
        Complete(stale, outcome.code),
        TimerFired(stale, "late"),
        Refuse() if pick % 2 else Close(ENDS[pick % len(ENDS)]),
    )[kind]


def play(process, happenings, quiet=False):
    """Yield (case before, event, skips, case after, effects) for all that was accepted."""
    case = Case()
    for number in [0, *happenings]:
        kind, pick, paper, skipped = read(number)
        skips = {step.code for place, step in enumerate(process.steps) if skipped >> place & 1}
        event = Start(quiet=quiet) if case.state == "new" else make_event(process, case, kind, pick, paper)
        try:
            after, effects = decide(process, case, event, skips)
        except TransitionError as error:
            assert "in one go" not in str(error), "the check has let an endless loop pass"
            assert "leads nowhere" not in str(error)
            continue
        yield case, event, skips, after, effects
        case = after


# --- what holds -----------------------------------------------------------------------------------


@BOUNDED
@given(processes(), HAPPENINGS, st.booleans())
def test_a_case_always_has_something_open_or_an_end(process, happenings, quiet):
    """And the effects tell the same story: what is open was opened, each visit opens and closes once."""
    opened, closed, passed, ends = set(), set(), set(), 0
    for _before, _event, _skips, case, effects in play(process, happenings, quiet):
        assert len(case.tasks) == (case.state in OPEN_STATES)
        for effect in effects:
            kind = type(effect)
            if kind in (OpenTask, PassTask):
                assert effect.task not in opened | passed
                (opened if kind is OpenTask else passed).add(effect.task)
            elif kind in (CloseTask, CancelTask):
                assert effect.task in opened - closed
                closed.add(effect.task)
            elif kind is EndCase:
                ends += 1
        assert opened - closed == set(case.tasks)
        assert ends == (case.state in ENDS)
        assert sum(case.visits.values()) == len(opened) + len(passed)


@BOUNDED
@given(processes(), HAPPENINGS, st.booleans())
def test_replaying_the_log_gives_the_same_case(process, happenings, quiet):
    log, last = [], Case()
    for _before, event, skips, last, _effects in play(process, happenings, quiet):  # noqa: B007
        log.append((event, skips))
    assert replay(process, log) == last


@BOUNDED
@given(processes(), HAPPENINGS)
def test_nothing_happens_twice(process, happenings):
    """What is closed can neither be completed nor escalated; an act on a paper counts once; an end is one."""
    for before, event, skips, case, _effects in play(process, happenings):
        for task in set(before.tasks) - set(case.tasks):
            for late in (TimerFired(task, "late"), TimerFired(task, "remind"), Complete(task, "on")):
                assert is_refused(process, case, late, skips)
        if type(event) is Signal and event.paper and case.state == "running":
            assert decide(process, case, event) == (case, ())
        if case.state in ENDS:
            assert decide(process, case, Signal("accepted")) == (case, ())
            for late in (Start(), Pause(), Resume(), Refuse(), Jump("s0"), PhaseMoved("first"), Close("won")):
                assert is_refused(process, case, late, skips)


def is_refused(process, case, event, skips):
    try:
        decide(process, case, event, skips)
    except TransitionError:
        return True
    return False


@BOUNDED
@given(processes(), HAPPENINGS)
def test_counts_only_grow_and_limits_hold(process, happenings):
    for before, _event, _skips, case, effects in play(process, happenings):
        assert all(case.visits.get(step, 0) >= count for step, count in before.visits.items())
        assert all(case.taken.get(key, 0) >= count for key, count in before.taken.items())
        assert before.seen <= case.seen
        for effect, following in pairwise(effects):
            if type(effect) is CloseTask and type(following) is OpenTask:
                step = effect.task.step
                outcome = process.by_code[step].by_outcome[effect.outcome]
                assert following.task.step == outcome.at(case.taken[f"{step}.{outcome.code}"])[0]
