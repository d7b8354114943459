"""What to do first: open tasks ranked by the money at risk.

    money at risk = stake * danger          danger = 1 - 2 ** -pressure

The stake is what the deal is worth. The pressure is a sum of reasons to act; each unit of it halves what
would be left of the deal if nobody did anything. Overdue tasks come before all others.

| reason | pressure |
| --- | --- |
| overdue | 1, and 1 more for each day |
| due later | from 1 (now) down: a half when a day is left, an eighth when a week is |
| no deadline | as if it were due in a week |
| the customer has opened the proposal and not answered | 1 |
| the customer waits for the first contact | 1 |
| a contract ends | from 0 (30 days before) up to 2 (the day it ends) |
| an automatic letter goes today in the person's place | a half |
| each escalation so far | a quarter |
"""

from typing import NamedTuple

DAY = 24.0
NO_DEADLINE = -7 * DAY
OPENED = 1.0
WAITING = 1.0
LETTER = 0.5
ESCALATION = 0.25
ENDING_DAYS = 30
ENDING = 2.0
MOST = 50.0
"""Above this pressure nothing is left to lose, and the database's floats would run out."""


class Facts(NamedTuple):
    """What the rank of a task depends on.

    :param stake: value of the deal, in one currency for all.
    :param hours_late: negative while there is time left; None: no deadline.
    :param days_left: until the customer's contract ends; None: there is none.
    """

    stake: float
    hours_late: float | None = None
    opened: bool = False
    waiting: bool = False
    letter: bool = False
    days_left: int | None = None
    escalations: int = 0


def pressure(facts: Facts) -> float:
    """How urgently somebody should act; from 0 on."""
    late = NO_DEADLINE if facts.hours_late is None else facts.hours_late
    total = 1 + late / DAY if late > 0 else DAY / (DAY - late)
    total += OPENED * facts.opened + WAITING * facts.waiting + LETTER * facts.letter
    total += ESCALATION * facts.escalations
    if facts.days_left is not None:
        total += ENDING * min(max(1 - facts.days_left / ENDING_DAYS, 0), 1)
    return min(total, MOST)


def money_at_risk(facts: Facts) -> float:
    """What is likely to be lost if nobody acts."""
    return facts.stake * (1 - 2 ** -pressure(facts))


def order_key(facts: Facts) -> tuple:
    """Sorts tasks: overdue ones first, then by the money at risk."""
    return (not (facts.hours_late or 0) > 0, -money_at_risk(facts))
