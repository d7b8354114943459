"""Cases played through a process on a virtual clock: what would be done, when, and how it ends."""

import heapq
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from operator import attrgetter
from typing import NamedTuple

from .definition import Process
from .schedule import clock_span
from .transition import (
    Case,
    CloseTask,
    Complete,
    EndCase,
    FireRung,
    OpenTask,
    PassTask,
    Start,
    TimerFired,
    choose,
    decide,
)


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
        self._queue: list = []
        self._order = count()

    def run(self, cases: int, horizon: timedelta = timedelta(days=365)) -> dict[str, int]:
        """Play `cases` cases to their end or to the horizon; how many ended in which state.

        Cases know nothing of each other, so they are played one by one; the diary is put in order.
        """
        for number in range(cases):
            self._play(number, self.begin + horizon)
        self.diary.sort(key=attrgetter("when"))
        return Counter(case.state for case in self.cases.values())

    def _play(self, number, stop):
        self.cases[number] = Case()
        self._queue = [(self.begin, next(self._order), Start())]
        while self._queue and self._queue[0][0] <= stop:
            when, _order, event = heapq.heappop(self._queue)
            self._happen(when, number, event)

    def _put(self, when, event):
        heapq.heappush(self._queue, (when, next(self._order), event))

    def _happen(self, when, number, event):
        case = self.cases[number]
        if type(event) is not Start and event.task not in case.tasks:
            return
        self.cases[number], effects = decide(self.process, case, event)
        for effect in effects:
            self._note(when, number, effect)
            if type(effect) is OpenTask:
                self._opened(when, number, effect)

    def _opened(self, when, number, effect):
        """Put the act and the timers of an opened step on the clock."""
        step, case = self.process.by_code[effect.task.step], self.cases[number]
        begin = effect.at or (when + clock_span(effect.wait) if effect.wait else when)
        if step.automatic:
            outcome = choose(step, case, ())
            return self._put(begin, Complete(effect.task, (outcome or step.outcomes[-1]).code))
        act = self.act(step, case, number)
        if act:
            return self._put(begin + act.after, Complete(effect.task, act.outcome))
        due = begin + clock_span(step.deadline) if step.deadline else begin
        for rung in step.escalations:
            if rung.behaviour == "reopened":
                continue  # counts from what a customer does, and these do nothing
            moment = {"open": begin, "before": due, "after": due}[rung.anchor]
            span = clock_span(rung.delay)
            moment = moment - span if rung.anchor == "before" else moment + span
            self._put(max(moment, begin), TimerFired(effect.task, rung.code))
        return None

    def _note(self, when, number, effect):
        detail = _DETAILS.get(type(effect))
        if detail:
            what, attribute = detail
            step = effect.task.step if what != "end" else ""
            self.diary.append(Happening(when, number, what, step, attribute(effect)))


# kind of effect -> (what the diary calls it, its detail)
_DETAILS = {
    OpenTask: ("open", lambda effect: ""),
    CloseTask: ("close", attrgetter("outcome")),
    PassTask: ("close", attrgetter("outcome")),
    FireRung: ("rung", attrgetter("escalation.code")),
    EndCase: ("end", attrgetter("state")),
}
