"""How far a case has come, as a value."""

from collections.abc import Mapping
from typing import NamedTuple

OPEN_STATES = frozenset({"running", "paused"})


class Task(NamedTuple):
    """A step that a case is in; the visit counts how often it has been there."""

    step: str
    visit: int


class Case(NamedTuple):
    """All that decides how a case goes on. A value: `decide` returns a new one.

    :param visits: how often each step was opened.
    :param taken: how often each "step.outcome" was taken.
    :param last: the last outcome of each step.
    :param kept: customer events that came early, with the paper they are about.
    :param seen: (event, paper) pairs already acted on.
    :param quiet: nothing is written to the customer until a step opens that is not done by the system.
    """

    state: str = "new"
    tasks: tuple[Task, ...] = ()
    visits: Mapping[str, int] = {}
    taken: Mapping[str, int] = {}
    last: Mapping[str, str] = {}
    kept: tuple[tuple[str, str | None], ...] = ()
    seen: frozenset[tuple[str, str | None]] = frozenset()
    quiet: bool = False
