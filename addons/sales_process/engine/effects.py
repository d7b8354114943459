"""What is to be carried out when something has happened to a case."""

from datetime import datetime
from typing import NamedTuple

from .case import Task
from .definition import Delay, Escalation


class OpenTask(NamedTuple):
    """Open a step: now, after `wait`, at the moment `at`, or as the step's own `opens_at` says."""

    task: Task
    origin: Task | None = None
    wait: Delay | None = None
    at: datetime | None = None


class PassTask(NamedTuple):
    """A step that is gone through without being opened: skipped, or answered beforehand."""

    task: Task
    outcome: str
    why: str


class CloseTask(NamedTuple):
    task: Task
    outcome: str


class CancelTask(NamedTuple):
    task: Task
    why: str


class FireRung(NamedTuple):
    task: Task
    escalation: Escalation


class SpareRung(NamedTuple):
    """A rung is due, and the customer has behaved otherwise than it is for: nothing is done."""

    task: Task
    escalation: Escalation


class MovePhase(NamedTuple):
    phase: str


class EndCase(NamedTuple):
    state: str
    outcome: str | None = None


class SetState(NamedTuple):
    """The case is paused or goes on."""

    state: str


Effect = OpenTask | PassTask | CloseTask | CancelTask | FireRung | SpareRung | MovePhase | EndCase | SetState
