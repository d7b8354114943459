"""The ways that deals took: what was visited in which order, with repetitions put together and counted."""

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from statistics import median
from typing import NamedTuple

LONGEST_LOOP = 30
"""Hops that a repeated part has at most; longer ones are rare, and looking for them is dear."""


class Hop(NamedTuple):
    """One visit of one step.

    :param outcome: its code; empty where there was none (open, cut off), or where it does not matter.
    :param skipped: gone through without being opened.
    """

    step: str
    outcome: str = ""
    skipped: bool = False


class Way(NamedTuple):
    """Visits in their order, each repeated part once.

    :param loops: (begin, length) of the parts that were taken more than once, in the order of `hops`, the
        outer one of two that begin together first.
    """

    hops: tuple[Hop, ...]
    loops: tuple[tuple[int, int], ...] = ()

    @property
    def key(self) -> str:
        """A short name of this way, the same wherever it is worked out."""
        return sha1(repr((tuple(map(tuple, self.hops)), self.loops)).encode()).hexdigest()[:16]


class Walk(NamedTuple):
    """Deals that took the same hops and came to the same end.

    :param result: `won`, `lost`, `open`; whatever else counts in no rate.
    :param hours: how long each of them took, of those that have ended.
    """

    hops: tuple[Hop, ...]
    result: str
    count: int
    amount: float
    hours: Sequence[float] = ()


@dataclass
class Tally:
    """What is known of the deals that took one way."""

    way: Way
    count: int = 0
    won: int = 0
    lost: int = 0
    amount: float = 0.0
    hours: array = field(default_factory=lambda: array("f"))

    def add(self, walk: Walk) -> None:
        self.count += walk.count
        self.won += walk.count if walk.result == "won" else 0
        self.lost += walk.count if walk.result == "lost" else 0
        self.amount += walk.amount
        self.hours.extend(walk.hours)

    @property
    def win_rate(self) -> float | None:
        """Won of those that were decided; None: nothing was."""
        decided = self.won + self.lost
        return self.won / decided if decided else None

    @property
    def median_hours(self) -> float | None:
        return median(self.hours) if self.hours else None


def simplify(
    hops: Iterable[Hop], kept: Collection[str] | None = None, outcomes: bool = True
) -> tuple[Hop, ...]:
    """Leave out what does not matter.

    :param kept: the steps that do; None: all.
    :param outcomes: whether ways that differ by an outcome alone are different ones.
    """
    return tuple(
        hop if outcomes else hop._replace(outcome="") for hop in hops if kept is None or hop.step in kept
    )


def collapse(hops: Sequence[Hop]) -> Way:
    """Put repeated parts together, the shortest first: A A B A B C is ((A) B) C.

    How often does not matter: two tries and three are the same way, one try is another.
    """
    way, loops = list(hops), set()
    length = 1
    while length <= min(len(way) // 2, LONGEST_LOOP):
        begin = 0
        while begin + 2 * length <= len(way):
            if way[begin : begin + length] == way[begin + length : begin + 2 * length]:
                del way[begin + length : begin + 2 * length]
                loops = set(_shifted(loops, begin, length)) | {(begin, length)}
            else:
                begin += 1
        length += 1
    return Way(tuple(way), tuple(sorted(loops, key=lambda loop: (loop[0], -loop[1]))))


def _shifted(loops: Iterable[tuple[int, int]], begin: int, length: int) -> Iterator[tuple[int, int]]:
    """Where loops are when the part after `begin` is taken for its repetition; those in it go there too.

    One that reaches from the part into its repetition is told by the repetition.
    """
    middle = begin + length
    for start, size in loops:
        if not start < middle < start + size:
            yield (start if start < middle else start - length), size


def tally(walks: Iterable[Walk], kept: Collection[str] | None = None, outcomes: bool = True) -> list[Tally]:
    """The ways that were taken, the most frequent first.

    :param kept: see `simplify`.
    """
    found: dict[Way, Tally] = {}
    known: dict[tuple[Hop, ...], Way] = {}
    for walk in walks:
        hops = simplify(walk.hops, kept, outcomes)
        if hops not in known:
            known[hops] = collapse(hops)
        way = known[hops]
        found.setdefault(way, Tally(way)).add(walk)
    return sorted(found.values(), key=lambda one: (-one.count, one.way.key))
