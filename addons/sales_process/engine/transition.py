"""What follows from an event: `decide(process, case, event)` gives the new case and the effects.

Nothing here reads a clock or a database. Moments come in with the events and go out as rules
(`Delay`, a named moment, a date that somebody chose) for the layer outside to turn into dates.
"""

from collections.abc import Iterable

from .case import OPEN_STATES, Case, Task
from .definition import ENDS, REFUSED, Outcome, Process, Step
from .effects import (
    CancelTask,
    CloseTask,
    Effect,
    EndCase,
    FireRung,
    MovePhase,
    OpenTask,
    PassTask,
    SetState,
    SpareRung,
)
from .events import (
    Close,
    Complete,
    Event,
    Jump,
    Pause,
    PhaseMoved,
    Refuse,
    Resume,
    Signal,
    Start,
    TimerFired,
)

LONGEST_CHAIN = 100
"""Steps that may be passed in one go. The check before activation refuses endless loops; this
only keeps a definition that was never checked from hanging a worker."""


class TransitionError(ValueError):
    """The event does not fit the case: an unknown outcome, a task that is not open, …

    :ivar code: `state` (the case is not in the state for it), `task` (the task is not open), `outcome` or
        `step` (there is none of that name), `broken` (the definition leads nowhere).
    """

    def __init__(self, text, code="broken"):
        super().__init__(text)
        self.code = code


def decide(
    process: Process, case: Case, event: Event, skips: Iterable[str] = ()
) -> tuple[Case, tuple[Effect, ...]]:
    """What follows from `event` in `case`.

    :param skips: codes of the steps that are not needed for this lead, as its data stand now.
    :return: the case afterwards and what is to be carried out, in order.
    :raise TransitionError: the event does not fit the case.
    """
    turn = _Turn(process, case, skips)
    _HANDLERS[type(event)](turn, event)
    return turn.result()


def replay(process: Process, events: Iterable[tuple[Event, Iterable[str]]]) -> Case:
    """The case that a log of (event, skips) leads to."""
    case = Case()
    for event, skips in events:
        case, _effects = decide(process, case, event, skips)
    return case


def choose(step: Step, case: Case, holding: Iterable[str]) -> Outcome | None:
    """The outcome of a decision: the first whose conditions hold.

    :param holding: codes of the outcomes whose domain, evaluated outside, holds.
    """
    holding = frozenset(holding)
    return next((outcome for outcome in step.outcomes if _holds(outcome, case, holding)), None)


def _holds(outcome: Outcome, case: Case, holding: frozenset[str]) -> bool:
    if outcome.taken:
        step, _, code = outcome.taken.partition(".")
        if case.last.get(step) != code:
            return False
    if outcome.unvisited and case.visits.get(outcome.unvisited):
        return False
    return not outcome.has_condition or outcome.code in holding


class _Turn:
    """One event being worked out: a mutable copy of the case and the effects so far."""

    __slots__ = (
        "case",
        "effects",
        "kept",
        "last",
        "process",
        "quiet",
        "seen",
        "skips",
        "state",
        "taken",
        "tasks",
        "visits",
    )

    def __init__(self, process, case, skips):
        self.process = process
        self.case = case
        self.skips = skips
        self.state = case.state
        self.tasks = list(case.tasks)
        self.visits = case.visits
        self.taken = case.taken
        self.last = case.last
        self.kept = case.kept
        self.seen = case.seen
        self.quiet = case.quiet
        self.effects = []

    def result(self):
        case = Case(
            self.state,
            tuple(self.tasks),
            self.visits,
            self.taken,
            self.last,
            self.kept,
            self.seen,
            self.quiet,
        )
        return case, tuple(self.effects)

    # -- steps ------------------------------------------------------------------------------------

    def enter(self, code, origin=None, wait=None, at=None):
        """Go to a step, passing those that are not needed or already answered."""
        for _passed in range(LONGEST_CHAIN):
            step = self.process.by_code[code]
            passed = self._passing_outcome(step)
            if not passed:
                return self._open(step, origin, wait, at)
            outcome, why = passed
            task = self._visit(step)
            self.effects.append(PassTask(task, outcome.code, why))
            code, end = self._lead_on(step, outcome)
            if end:
                return self.end(end, outcome.code)
            origin, wait, at = task, outcome.wait, None
        raise TransitionError(f"step {code}: more than {LONGEST_CHAIN} steps are passed in one go")

    def _open(self, step, origin, wait, at):
        if self.quiet and not step.automatic:
            self.quiet = False
        task = self._visit(step)
        self.tasks.append(task)
        self.effects.append(OpenTask(task, origin, wait, at))

    def _visit(self, step):
        visit = self.visits.get(step.code, 0) + 1
        self.visits = {**self.visits, step.code: visit}
        if self._phase_changes(step):
            self.effects.append(MovePhase(step.phase))
        return Task(step.code, visit)

    def _phase_changes(self, step):
        for effect in reversed(self.effects):
            if type(effect) is MovePhase:
                return effect.phase != step.phase
        before = self.case.tasks
        return not before or self.process.by_code[before[0].step].phase != step.phase

    def _passing_outcome(self, step):
        """(outcome, why) where a step is not to be opened at all."""
        kept = self._consume_kept(step)
        if kept:
            return kept, "answered"
        if step.skip_outcome and step.code in self.skips:
            return step.by_outcome[step.skip_outcome], "not_needed"
        if self.quiet and step.writes_customer and step.outcomes:
            return step.outcomes[0], "quiet"
        return None

    def keep(self, mark):
        """Remember a customer's act for the step that will ask for it; the last one of its kind counts."""
        self.kept = (*(other for other in self.kept if other[0] != mark[0]), mark)

    def _consume_kept(self, step):
        for mark in self.kept:
            outcome = step.by_event.get(mark[0])
            if outcome and outcome.mode != "open":
                self.kept = tuple(other for other in self.kept if other != mark)
                return outcome
        return None

    def _lead_on(self, step, outcome):
        """(next step, end) of an outcome, its limit minded; it counts as taken."""
        key = f"{step.code}.{outcome.code}"
        count = self.taken.get(key, 0) + 1
        self.taken = {**self.taken, key: count}
        self.last = {**self.last, step.code: outcome.code}
        code, end = outcome.at(count)
        if not code and not end:
            raise TransitionError(f"{key} leads nowhere")
        return code, end

    # -- ends -------------------------------------------------------------------------------------

    def finish(self, task, outcome, at=None, end=None):
        """Close an open task with an outcome and follow it."""
        step = self.process.by_code[task.step]
        self.tasks.remove(task)
        self.effects.append(CloseTask(task, outcome.code))
        self.follow(step, outcome, task, at, end)

    def follow(self, step, outcome, task, at=None, end=None):
        code, own_end = self._lead_on(step, outcome)
        if end or own_end:
            self.end(end or own_end, outcome.code)
        elif code == outcome.next:
            self.enter(code, task, outcome.wait, at if outcome.asks_date else None)
        else:
            self.enter(code, task)

    def cancel_all(self, why):
        self.effects.extend(CancelTask(task, why) for task in self.tasks)
        self.tasks = []

    def end(self, state, outcome=None):
        if state not in ENDS:
            raise TransitionError(f"{state} is no end of a case")
        self.cancel_all(state)
        self.state = state
        self.effects.append(EndCase(state, outcome))

    def need_open(self):
        if self.state not in OPEN_STATES:
            raise TransitionError(f"the case is {self.state}", "state")

    def need_task(self, task):
        self.need_open()
        if task not in self.tasks:
            raise TransitionError(f"step {task.step}: visit {task.visit} is not open", "task")


# --- one handler an event -------------------------------------------------------------------------


def _start(turn, event):
    if turn.state != "new":
        raise TransitionError(f"the case is already {turn.state}", "state")
    turn.state = "running"
    turn.quiet = event.quiet
    turn.skips = () if event.stand else turn.skips
    code = event.step or turn.process.start.code
    _need_step(turn, code)
    turn.enter(code)


def _complete(turn, event):
    turn.need_task(event.task)
    if event.outcome == REFUSED and REFUSED not in turn.process.by_code[event.task.step].by_outcome:
        turn.tasks.remove(event.task)
        turn.effects.append(CloseTask(event.task, REFUSED))
        turn.last = {**turn.last, event.task.step: REFUSED}
        return turn.end("lost", REFUSED)
    step = turn.process.by_code[event.task.step]
    outcome = step.by_outcome.get(event.outcome)
    if not outcome:
        raise TransitionError(f"step {step.code} has no outcome {event.outcome}", "outcome")
    return turn.finish(event.task, outcome, event.at, event.end)


def _timer_fired(turn, event):
    turn.need_task(event.task)
    step = turn.process.by_code[event.task.step]
    rung = next((rung for rung in step.escalations if rung.code == event.code), None)
    if not rung:
        raise TransitionError(f"step {step.code} has no escalation {event.code}", "step")
    if not rung.applies(event.opened):
        turn.effects.append(SpareRung(event.task, rung))
        return
    turn.effects.append(FireRung(event.task, rung))
    if rung.action == "outcome":
        turn.finish(event.task, step.by_outcome[rung.outcome])


def _signal(turn, event):
    if turn.state not in OPEN_STATES:
        return
    mark = (event.kind, event.paper)
    if event.paper is not None and mark in turn.seen:
        return
    if turn.state == "paused":
        turn.keep(mark)
    else:
        _act_on(turn, event, mark)


def _act_on(turn, event, mark):
    """Take the outcome that listens to the event: of an open step first, else by its reach."""
    listeners = turn.process.listeners.get(event.kind, ())
    if listeners and event.paper is not None:
        turn.seen = turn.seen | {mark}
    for step, outcome in listeners:
        task = next((task for task in turn.tasks if task.step == step.code), None)
        if task:
            return turn.finish(task, outcome)
    here = max((turn.process.rank(task.step) for task in turn.tasks), default=0)
    for step, outcome in listeners:
        if outcome.mode == "jump" and turn.process.phase_rank[step.phase] >= here:
            return _jump_through(turn, step, outcome)
        if outcome.mode == "keep":
            turn.keep(mark)
    return None


def _jump_through(turn, step, outcome):
    turn.cancel_all("answered")
    task = turn._visit(step)
    turn.effects.append(PassTask(task, outcome.code, "answered"))
    turn.follow(step, outcome, task)


def _pause(turn, _event):
    if turn.state != "running":
        raise TransitionError(f"the case is {turn.state}", "state")
    turn.state = "paused"
    turn.effects.append(SetState("paused"))


def _resume(turn, _event):
    if turn.state != "paused":
        raise TransitionError(f"the case is {turn.state}", "state")
    turn.state = "running"
    turn.effects.append(SetState("running"))
    waiting, turn.kept = turn.kept, ()
    for kind, paper in waiting:
        if turn.state == "running":
            _act_on(turn, Signal(kind, paper), (kind, paper))


def _refuse(turn, _event):
    turn.need_open()
    turn.end("lost", REFUSED)


def _jump(turn, event):
    turn.need_open()
    _need_step(turn, event.step)
    turn.cancel_all("jump")
    turn.enter(event.step)


def _phase_moved(turn, event):
    """The steps in between are cancelled; the case goes on where a person begins the phase."""
    turn.need_open()
    entry = turn.process.entries.get(event.phase)
    if not entry or any(turn.process.by_code[task.step].phase == event.phase for task in turn.tasks):
        return
    turn.cancel_all("moved")
    turn.enter(entry)


def _close(turn, event):
    turn.need_open()
    turn.end(event.state)


def _need_step(turn, code):
    if code not in turn.process.by_code:
        raise TransitionError(f"the process {turn.process.code} has no step {code}", "step")


_HANDLERS = {
    Start: _start,
    Complete: _complete,
    TimerFired: _timer_fired,
    Signal: _signal,
    Pause: _pause,
    Resume: _resume,
    Refuse: _refuse,
    Jump: _jump,
    PhaseMoved: _phase_moved,
    Close: _close,
}
