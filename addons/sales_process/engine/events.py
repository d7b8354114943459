"""What can happen to a case."""

from datetime import datetime
from typing import NamedTuple

from .case import Task


class Start(NamedTuple):
    """The case begins, at `step` or at the first one.

    :param quiet: mails are left out until a person acts.
    :param stand: the step is opened though it could be passed: the deal is brought in as it stands.
    """

    step: str | None = None
    quiet: bool = False
    stand: bool = False


class Complete(NamedTuple):
    """A task ends with an outcome.

    :param at: the moment for the next step, where one was named.
    :param end: the case ends so instead of going on (the named date lies too far ahead).
    """

    task: Task
    outcome: str
    at: datetime | None = None
    end: str | None = None


class TimerFired(NamedTuple):
    """A rung of the ladder of an open task is due.

    :param opened: on how many visits the customer has looked at the paper sent last.
    """

    task: Task
    code: str
    opened: int = 0


class Signal(NamedTuple):
    """The customer did something; `paper` tells which version of which paper it is about."""

    kind: str
    paper: str | None = None


class Pause(NamedTuple):
    pass


class Resume(NamedTuple):
    pass


class Refuse(NamedTuple):
    """The customer says no, wherever the case stands."""


class Jump(NamedTuple):
    """Somebody allowed to do so sends the case to a step, forward or back."""

    step: str


class PhaseMoved(NamedTuple):
    """The lead was moved by hand to a stage of another phase: the case follows."""

    phase: str


class Close(NamedTuple):
    """The case ends from outside: the lead was won or lost by hand, or merged into another."""

    state: str


Event = Start | Complete | TimerFired | Signal | Pause | Resume | Refuse | Jump | PhaseMoved | Close
