"""Cases played through a process on a virtual clock: what would be done, when, and how it ends."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from operator import attrgetter, itemgetter
from typing import NamedTuple

from .case import Case
from .definition import Process
from .effects import CloseTask, EndCase, FireRung, OpenTask, PassTask
from .events import Complete, Start, TimerFired
from .schedule import clock_span
from .transition import choose, decide


class Act(NamedTuple):
    """What a made-up person or customer does with an open step: an outcome, after a while."""

    outcome: str
    after: timedelta


class Happening(NamedTuple):
    """A line of the trial's diary."""

    when: datetime
    case: int
    what: str
    step: str
    detail: str


class Trial:
    """A run of made-up cases. Delays count as clock time: it shows order and amount, not dates.

    :param act: called with (step, case, case number), says what is done with an open step, or
        None where nobody does anything and the ladder must help.
    """

    def __init__(self, process: Process, act: Callable, begin: datetime):
        self.process = process
        self.act = act
        self.begin = begin
        self.cases: dict[int, Case] = {}
        self.diary: list[Happening] = []

    def run(self, cases: int, horizon: timedelta = timedelta(days=365)) -> dict[str, int]:
        """Play `cases` cases to their end or to the horizon; how many ended in which state.

        Cases know nothing of each other, so they are played one by one; the diary is put in order.
        """
        for number in range(cases):
            self.cases[number] = self._play(number, self.begin + horizon)
        self.diary.sort(key=itemgetter(0))
        return Counter(case.state for case in self.cases.values())

    def _play(self, number, stop):
        """The case in the end: its next event is taken off the clock until there is none."""
        case, order, clock = Case(), count(1), [(self.begin, 0, Start())]
        while clock and clock[0][0] <= stop:
            when, _order, event = heappop(clock)
            if type(event) is not Start and event.task not in case.tasks:
                continue
            case, effects = decide(self.process, case, event)
            for effect in effects:
                self._note(when, number, effect)
                if type(effect) is OpenTask:
                    for moment, following in self._opened(when, case, number, effect):
                        heappush(clock, (moment, next(order), following))
        return case

    def _opened(self, when, case, number, effect):
        """(moment, event): what is going to happen to an opened step, the act or its timers."""
        step, task = self.process.by_code[effect.task.step], effect.task
        begin = effect.at or (when + clock_span(effect.wait) if effect.wait else when)
        if step.automatic:
            outcome = choose(step, case, ()) if step.kind == "decision" else step.outcomes[0]
            return ((begin, Complete(task, (outcome or step.outcomes[-1]).code)),)
        act = self.act(step, case, number)
        if act:
            return ((begin + act.after, Complete(task, act.outcome)),)
        return self._ladder(step, task, begin)

    def _ladder(self, step, task, begin):
        due = begin + clock_span(step.deadline) if step.deadline else begin
        for rung in step.escalations:
            span = clock_span(rung.delay)
            anchor = begin if rung.anchor == "open" else due
            moment = anchor - span if rung.anchor == "before" else anchor + span
            yield max(moment, begin), TimerFired(task, rung.code)

    def _note(self, when, number, effect):
        what, attribute = _DETAILS.get(type(effect), (None, None))
        if what:
            step = effect.task.step if what != "end" else ""
            self.diary.append(Happening(when, number, what, step, attribute(effect) if attribute else ""))


# kind of effect -> (what the diary calls it, its detail)
_DETAILS = {
    OpenTask: ("open", None),
    CloseTask: ("close", attrgetter("outcome")),
    PassTask: ("close", attrgetter("outcome")),
    FireRung: ("rung", attrgetter("escalation.code")),
    EndCase: ("end", attrgetter("state")),
}
