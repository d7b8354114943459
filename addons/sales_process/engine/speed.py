"""Speed to lead: how long a customer waits for the first real contact, and whose time it was."""

from typing import NamedTuple

HURRY = 0.5
"""From this part of the target on, a clock that runs is a reason to hurry."""


class Speed(NamedTuple):
    """The hours from the customer's act to the first contact.

    :param system: until somebody has the lead.
    :param person: from then until they talk to the customer.
    """

    system: float
    person: float

    @property
    def total(self) -> float:
        return self.system + self.person


def split(until_assigned: float | None, total: float, paused: float = 0.0) -> Speed:
    """Share the time between the system and the person.

    :param until_assigned: hours from the act until somebody had the lead; None: nobody has it yet,
        or whoever made the contact never did.
    :param paused: hours that the lead was put aside on purpose; nobody's, and so left out.
    """
    waited = max(total - paused, 0.0)
    system = waited if until_assigned is None else min(until_assigned, waited)
    return Speed(system, waited - system)


def grade(hours: float, target: float, running: bool) -> str:
    """How a clock stands: `good`, `hurry` (it still runs, half of the target is gone) or `missed`."""
    if hours > target:
        return "missed"
    return "hurry" if running and hours >= target * HURRY else "good"


def latest_start(allowed: float) -> float:
    """Hours that a task whose deadline counts from the customer's act has at least, from its opening.

    What the system took is not the person's fault: half of the time they are allowed is left to them.

    :param allowed: hours that the step gives.
    """
    return allowed / 2
