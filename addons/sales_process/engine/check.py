"""What is wrong with a definition, before it may run: each problem names its step and the remedy."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .definition import AUTOMATIC_KINDS, BEHAVIOURS, KINDS, Process, Step


class Problem(NamedTuple):
    """One thing to mend.

    :param code: what kind of problem it is; the layer outside has the words for it.
    :param step: code of the step it is about, None where it is about the process.
    :param blocking: the process cannot be activated with it.
    :param detail: the outcome, field or step concerned.
    """

    code: str
    step: str | None
    blocking: bool = True
    detail: str = ""


def check(process: Process, known_fields: Iterable[str] | None = None) -> list[Problem]:
    """All problems of a definition, in the order of its steps.

    :param known_fields: names of the fields that a form may show; None: they are not looked at.
    """
    if not process.steps:
        return [Problem("no_steps", None)]
    problems = list(_references(process))
    if not problems:
        problems.extend(_paths(process))
        problems.extend(_gates(process))
    problems.extend(_needs(process, None if known_fields is None else frozenset(known_fields)))
    order = {step.code: place for place, step in enumerate(process.steps)}
    return sorted(problems, key=lambda problem: (order.get(problem.step, -1), not problem.blocking))


def _references(process: Process) -> Iterator[Problem]:
    """Codes that point nowhere; the ways cannot be judged before these are mended."""
    for step in process.steps:
        if step.kind not in KINDS:
            yield Problem("unknown_kind", step.code, detail=step.kind)
        if step.phase not in process.phase_rank:
            yield Problem("unknown_phase", step.code, detail=step.phase)
        if not step.outcomes:
            yield Problem("no_outcome", step.code)
        if step.skip_outcome and step.skip_outcome not in step.by_outcome:
            yield Problem("unknown_outcome", step.code, detail=step.skip_outcome)
        yield from _outcome_references(process, step)
        for rung in step.escalations:
            if rung.action == "outcome" and rung.outcome not in step.by_outcome:
                yield Problem("unknown_outcome", step.code, detail=rung.outcome or rung.code)


def _outcome_references(process: Process, step: Step) -> Iterator[Problem]:
    for outcome in step.outcomes:
        for code in (outcome.next, outcome.limit_next, outcome.unvisited):
            if code and code not in process.by_code:
                yield Problem("unknown_step", step.code, detail=f"{outcome.code} -> {code}")
        if outcome.taken and outcome.taken not in process.outcome_keys:
            yield Problem("unknown_outcome", step.code, detail=outcome.taken)
        if not outcome.next and not outcome.end:
            yield Problem("dead_end", step.code, detail=outcome.code)
        if outcome.limit and not outcome.limit_next and not outcome.limit_end:
            yield Problem("dead_end", step.code, detail=f"{outcome.code} ({outcome.limit})")


def _paths(process: Process) -> Iterator[Problem]:
    reached = process.reach([process.start.code], forward=True)
    ending = [step.code for step in process.steps if _can_end(step)]
    able_to_end = process.reach(ending, forward=False)
    for step in process.steps:
        if step.code not in reached:
            yield Problem("unreachable", step.code)
        elif step.code not in able_to_end:
            yield Problem("never_ends", step.code)
    yield from _endless_loops(process)


def _gates(process: Process) -> Iterator[Problem]:
    """Gates that no case can ever fulfil: they ask for a step that lies behind them."""
    for gate in process.gates:
        before = [
            step.code
            for step in process.steps
            if process.phase_rank[step.phase] < process.phase_rank[gate.phase]
        ]
        if gate.empty or (gate.step and gate.step not in before):
            yield Problem("gate_never_opens", gate.step, detail=gate.name)


def _can_end(step: Step) -> bool:
    return any(end for outcome in step.outcomes for _code, end in outcome.ways)


def _endless_loops(process: Process) -> Iterator[Problem]:
    """Loops made only of steps that the system passes by itself would run for ever."""
    passing = {step.code: _passing_followers(step) for step in process.steps}
    state: dict[str, int] = {}
    for step in process.steps:
        loop = _find_loop(passing, step.code, state)
        if loop:
            yield Problem("endless_loop", loop[0], detail=" -> ".join(loop))


def _passing_followers(step: Step) -> list[str]:
    """Where the step can lead without a person or a wait in between."""
    if step.kind in AUTOMATIC_KINDS:
        return list(step.followers())
    passing = [step.by_outcome[step.skip_outcome]] if step.skip_outcome else []
    if step.writes_customer:
        passing.append(step.outcomes[0])
    return [code for outcome in passing for code in outcome.followers]


def _find_loop(edges: dict[str, list[str]], start: str, state: dict[str, int]) -> list[str]:
    """A loop met from `start`, going depth first; `state` is 1 on the way, 2 when done with."""
    way: list[tuple[str, int]] = [(start, 0)]
    while way:
        code, turn = way.pop()
        if turn == 0 and state.get(code):
            continue
        state[code] = 1
        targets = edges[code]
        if turn >= len(targets):
            state[code] = 2
            continue
        way.append((code, turn + 1))
        if state.get(targets[turn]) == 1:
            codes = [step for step, _turn in way]
            for closed in codes:
                state[closed] = 2
            return [*codes[codes.index(targets[turn]) :], targets[turn]]
        if not state.get(targets[turn]):
            way.append((targets[turn], 0))
    return []


def _needs(process: Process, known_fields: frozenset[str] | None) -> Iterator[Problem]:
    for step in process.steps:
        if step.kind == "mail" and not step.has_template:
            yield Problem("no_template", step.code)
        if not step.automatic and step.kind != "wait" and not step.has_assignee:
            yield Problem("no_assignee", step.code)
        if step.needs_leader:
            yield Problem("no_leader", step.code, blocking=False)
        if step.kind == "wait" and not step.by_event and not _ends_by_timer(step):
            yield Problem("waits_for_nothing", step.code)
        if not step.automatic and not _is_driven(step):
            yield Problem("no_timer", step.code, blocking=False)
        yield from _escalation_needs(step)
        if step.kind == "decision" and not _has_default(step):
            yield Problem("no_default", step.code)
        for name in step.fields:
            if known_fields is not None and name not in known_fields:
                yield Problem("unknown_field", step.code, detail=name)


def _escalation_needs(step: Step) -> Iterator[Problem]:
    for rung in step.escalations:
        if rung.action == "letter" and not rung.has_template:
            yield Problem("no_template", step.code, detail=rung.code)
        if rung.behaviour not in BEHAVIOURS:
            yield Problem("unknown_behaviour", step.code, detail=rung.code)
        elif rung.behaviour == "reopened" and rung.anchor != "open":
            yield Problem("counts_from_opening", step.code, detail=rung.code)
        if rung.anchor != "open" and not (step.deadline or step.due_at):
            yield Problem("no_deadline", step.code, detail=rung.code)


def _is_driven(step: Step) -> bool:
    """Somebody hears of it when nothing happens."""
    return any(rung.action != "remind" and rung.behaviour == "any" for rung in step.escalations)


def _ends_by_timer(step: Step) -> bool:
    return any(rung.action == "outcome" and rung.behaviour == "any" for rung in step.escalations)


def _has_default(step: Step) -> bool:
    last = step.outcomes[-1] if step.outcomes else None
    return bool(last) and not (last.has_condition or last.taken or last.unvisited)
