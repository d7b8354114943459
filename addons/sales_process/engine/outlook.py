"""What an act of the customer's would lead to, before it is done."""

from collections.abc import Iterable, Mapping

from .case import OPEN_STATES, Case
from .definition import Process
from .events import Complete, Signal
from .transition import choose, decide


def after(
    process: Process, case: Case, act: Signal, holding: Mapping[str, Iterable[str]], skips: Iterable[str] = ()
) -> Case:
    """The case once the act was heard and the decisions behind it were taken.

    :param holding: for each decision the codes of its outcomes whose domain holds now.
    :param skips: codes of the steps that are not needed, as for `decide`.
    """
    case, _effects = decide(process, case, act, skips)
    while task := next((task for task in case.tasks if process.by_code[task.step].kind == "decision"), None):
        step = process.by_code[task.step]
        outcome = choose(step, case, holding.get(step.code, ())) or step.outcomes[-1]
        case, _effects = decide(process, case, Complete(task, outcome.code), skips)
    return case


def is_last_word(
    process: Process,
    case: Case,
    act: Signal,
    later: str,
    holding: Mapping[str, Iterable[str]],
    skips: Iterable[str] = (),
) -> bool:
    """Whether the act moves the case on, to where the process no longer waits for the event `later`.

    A paused case hears it when it is resumed.
    """
    if case.state not in OPEN_STATES:
        return False
    case = case._replace(state="running")
    then = after(process, case, act, holding, skips)
    if then.state not in OPEN_STATES:
        return then.state == "won"
    return then.tasks != case.tasks and not any(process.awaits(later, task.step) for task in then.tasks)
