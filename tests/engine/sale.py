"""A small sale that the tests of the transitions share, and short ways to bring a case along."""

from builder import DAY, outcome, process, rung, step, wait
from engine.case import Case, Task
from engine.events import Complete
from engine.transition import decide

SALE = process(
    step("check", outcome(next="greet"), skip_outcome="done"),
    step("greet", outcome(next="call"), kind="mail", writes_customer=True),
    step(
        "call",
        outcome("reached", "offer"),
        outcome("silent", "call", limit=3, limit_next="rest", wait=DAY),
        outcome("later", "call", asks_date=True, limit=2, limit_end="lost"),
        outcome("wrong", "lost"),
        escalations=(rung("remind", "remind"), rung("give_up", "outcome", outcome="silent")),
    ),
    wait("rest", outcome("alive", "call", event="sign_of_life"), outcome("silent", "lost")),
    step("offer", outcome("made", "decision"), phase="second"),
    wait(
        "decision",
        outcome("accepted", "papers", event="accepted", mode="jump"),
        outcome("no", "lost", event="refused", mode="jump"),
        outcome("silent", "lost"),
        phase="second",
    ),
    wait(
        "papers",
        outcome("complete", "sign", event="papers_complete", mode="keep"),
        outcome("given_up", "lost"),
        phase="third",
    ),
    step("sign", outcome("signed", "won"), outcome("refused", "papers"), phase="third"),
)  # fmt: skip


def at(code, **values):
    """A running case that is in a step for the first time."""
    return Case("running", (Task(code, 1),), values.pop("visits", {code: 1}), **values)


def after(case, *events, skips=()):
    """The case after these events, and the effects of the last one."""
    effects = ()
    for event in events:
        case, effects = decide(SALE, case, event, skips)
    return case, effects


def done(code, result, visit=1, **values):
    return Complete(Task(code, visit), result, **values)
