"""Short ways to write processes down in tests."""

from engine.definition import Delay, Escalation, Outcome, Process, Step

HOUR = Delay(1, "hours", working=False)
DAY = Delay(1, "days", working=False)


def outcome(code="done", next=None, **values):
    """An outcome; `won`, `lost` or `merged` as the next step is an end."""
    if next in ("won", "lost", "merged"):
        return Outcome(code, end=next, **values)
    return Outcome(code, next=next, **values)


def rung(code="owner", action="owner", **values):
    return Escalation(code, action, values.pop("delay", HOUR), **values)


def step(code, *outcomes, kind="task", phase="first", **values):
    """A step that the check has nothing against: it has a deadline, and somebody hears when it is late."""
    values.setdefault("deadline", DAY)
    values.setdefault("escalations", (rung(),))
    return Step(code, kind, phase, tuple(outcomes), **values)


def process(*steps, phases=("first", "second", "third")):
    return Process("test", 1, phases, steps)


def wait(code, *outcomes, **values):
    """A wait that is over by its timer with the last outcome."""
    late = rung("late", "outcome", outcome=outcomes[-1].code)
    return step(code, *outcomes, kind="wait", **{"escalations": (late,), **values})
