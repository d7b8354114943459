"""What a process is made of: steps, outcomes, escalations. Immutable, comparable, printable."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

AUTOMATIC_KINDS = frozenset({"mail", "document", "action", "notice", "decision"})
PERSON_KINDS = frozenset({"task", "approval", "meeting"})
WAIT_KINDS = frozenset({"wait"})
KINDS = AUTOMATIC_KINDS | PERSON_KINDS | WAIT_KINDS

SECOND_LOOK = 2
"""On so many visits a customer has looked at a paper who came back to it."""

REFUSED = "refused"
"""The outcome every open step has: the customer says no, the case is lost."""

ENDS = frozenset({"won", "lost", "merged"})
BEHAVIOURS = frozenset({"any", "unopened", "reopened"})


@dataclass(frozen=True, slots=True)
class Delay:
    """A span of time; `working` counts only the intervals of a working calendar.

    A working day is the time of one attendance day: the schedule decides how long that is.
    """

    amount: float
    unit: str = "hours"
    working: bool = True


@dataclass(frozen=True, slots=True)
class Escalation:
    """One rung of the ladder of a step, fired at most once for each visit of the step.

    :param anchor: what `delay` counts from: `open` (the step's planned start), `before` or
        `after` its deadline.
    :param hold: for a letter, how long it stands announced before it goes.
    :param outcome: the outcome that the rung takes, for the action `outcome`.
    :param behaviour: what the customer must have done with the paper sent last. `unopened`: not
        looked at it, when the rung is due. `reopened`: looked at it on two visits; the delay counts
        from the second one, and an answer ends it.
    """

    code: str
    action: str
    delay: Delay
    anchor: str = "after"
    hold: Delay | None = None
    outcome: str | None = None
    has_template: bool = False
    behaviour: str = "any"

    def applies(self, opened: int) -> bool:
        """Whether the rung is to be carried out for a paper that was opened on so many visits."""
        if self.behaviour == "unopened":
            return not opened
        return self.behaviour != "reopened" or opened >= SECOND_LOOK

    def begins_at(self, opened: int) -> bool:
        """Whether its delay begins to count with this visit to the paper."""
        return self.behaviour == "reopened" and self.applies(opened)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What can come of a step, and where it leads: a next step or an end.

    :param event: the customer's act that takes this outcome by itself (`contract_signed`, …).
    :param mode: how far `event` reaches. `open`: only while the step is open. `keep`: an act that
        came too early is kept until the step opens. `jump`: wherever the case stands, at or
        before this step's phase, the steps in between are closed.
    :param wait: how long after this outcome the next step opens.
    :param asks_date: the next step opens at a moment named by whoever completes the step.
    :param limit: how often the outcome may be taken in one case; that time and later ones it
        leads to `limit_next` or `limit_end` instead.
    :param taken: for decisions: "step.outcome" that must be the last outcome of that step.
    :param unvisited: for decisions: code of a step that the case must not have been through.
    :param has_condition: for decisions: a domain, evaluated outside, must hold as well.
    """

    code: str
    next: str | None = None
    end: str | None = None
    event: str | None = None
    mode: str = "open"
    wait: Delay | None = None
    asks_date: bool = False
    limit: int = 0
    limit_next: str | None = None
    limit_end: str | None = None
    taken: str | None = None
    unvisited: str | None = None
    has_condition: bool = False

    def at(self, count: int) -> tuple[str | None, str | None]:
        """(next step, end) of the outcome when it is taken for the `count`-th time; an end comes first."""
        if 0 < self.limit <= count:
            return self.limit_next, self.limit_end
        return self.next, self.end

    @property
    def ways(self) -> tuple[tuple[str | None, str | None], ...]:
        """(next step, end), the first time and the last."""
        return tuple(dict.fromkeys((self.at(1), self.at(max(1, self.limit)))))

    @property
    def followers(self) -> tuple[str, ...]:
        """Codes of the steps that it can lead to."""
        return tuple(code for code, end in self.ways if code and not end)


@dataclass(frozen=True)
class Step:
    """One thing to be done for a lead, by a person, by the system, or to be waited for.

    :param opens_at: name of a moment outside (a meeting's end) at which the step starts to count.
    :param due_at: name of a moment outside (a validity date) that is its deadline.
    :param skip_outcome: the outcome taken at once where the facts say the step is not needed.
    :param needs_leader: it falls to a team's leader, and a team of the process has none.
    :param writes_customer: it sends something to the customer; left out when a lead enters quietly.
    """

    code: str
    kind: str
    phase: str
    outcomes: tuple[Outcome, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    deadline: Delay | None = None
    opens_at: str | None = None
    due_at: str | None = None
    skip_outcome: str | None = None
    writes_customer: bool = False
    has_template: bool = True
    has_assignee: bool = True
    needs_leader: bool = False
    fields: tuple[str, ...] = ()

    @cached_property
    def by_outcome(self) -> dict[str, Outcome]:
        return {outcome.code: outcome for outcome in self.outcomes}

    @cached_property
    def by_event(self) -> dict[str, Outcome]:
        return {outcome.event: outcome for outcome in self.outcomes if outcome.event}

    @cached_property
    def automatic(self) -> bool:
        return self.kind in AUTOMATIC_KINDS

    def followers(self) -> Iterator[str]:
        """Codes of the steps that can come after this one."""
        for outcome in self.outcomes:
            yield from outcome.followers


@dataclass(frozen=True, slots=True)
class Gate:
    """What must be so before a case enters a phase.

    :param step: the step that must be done, for that kind of gate.
    :param empty: it asks for nothing that could ever be fulfilled (no fields named).
    """

    phase: str
    name: str
    step: str | None = None
    empty: bool = False


@dataclass(frozen=True)
class Process:
    """A version of a process: its steps in order, the first being where a case starts.

    :param phases: codes of the phases, in the order of the funnel.
    """

    code: str
    version: int
    phases: tuple[str, ...]
    steps: tuple[Step, ...] = field(default=())
    gates: tuple[Gate, ...] = field(default=())

    @cached_property
    def by_code(self) -> dict[str, Step]:
        return {step.code: step for step in self.steps}

    @cached_property
    def phase_rank(self) -> dict[str, int]:
        return {phase: rank for rank, phase in enumerate(self.phases)}

    @cached_property
    def entries(self) -> dict[str, str]:
        """The step at which a case enters each phase: the first one that a person does."""
        entries: dict[str, str] = {}
        for step in self.steps:
            if step.kind in PERSON_KINDS:
                entries.setdefault(step.phase, step.code)
        for step in self.steps:
            entries.setdefault(step.phase, step.code)
        return entries

    @cached_property
    def outcome_keys(self) -> frozenset[str]:
        """Every "step.outcome" there is."""
        return frozenset(f"{step.code}.{outcome.code}" for step in self.steps for outcome in step.outcomes)

    @cached_property
    def listeners(self) -> dict[str, tuple[tuple[Step, Outcome], ...]]:
        """For each customer event, the steps and outcomes it can take."""
        found: dict[str, list[tuple[Step, Outcome]]] = {}
        for step in self.steps:
            for outcome in step.outcomes:
                if outcome.event:
                    found.setdefault(outcome.event, []).append((step, outcome))
        return {event: tuple(pairs) for event, pairs in found.items()}

    @property
    def start(self) -> Step:
        return self.steps[0]

    def rank(self, step_code: str) -> int:
        """Place of a step's phase in the funnel, 0 being the first."""
        return self.phase_rank[self.by_code[step_code].phase]

    def reach(self, starts: Iterable[str], forward: bool = True) -> set[str]:
        """Codes of `starts` and the steps that can be come to from there: through outcomes, or the other way
        round.

        A customer's act that is heard wherever the case stands reaches its step without any outcome
        leading there; such a step is nevertheless drawn as part of the way, so it needs one.
        """
        edges: dict[str, set[str]] = {step.code: set() for step in self.steps}
        for step in self.steps:
            for code in step.followers():
                source, target = (step.code, code) if forward else (code, step.code)
                edges[source].add(target)
        seen, todo = set(), list(starts)
        while todo:
            code = todo.pop()
            if code not in seen:
                seen.add(code)
                todo.extend(edges[code])
        return seen

    def awaits(self, event: str, after: str) -> bool:
        """Whether the step `after`, or one that can come after it, listens to this act of the customer's."""
        ahead = self.reach([after])
        return any(step.code in ahead for step, _outcome in self.listeners.get(event, ()))
