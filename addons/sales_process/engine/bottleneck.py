"""Where a process holds deals up: each step's share of a whole, and how grave it is."""

from collections.abc import Hashable, Mapping

LEVELS = (0.05, 0.15, 0.3)
"""From these shares of a whole on a step is noticeable, a bottleneck, and the worst of them."""


def shares(amounts: Mapping[Hashable, float]) -> dict[Hashable, float]:
    """The part of the whole that each has, 0 to 1; all 0 where there is nothing. Below zero is nothing."""
    positive = {key: max(amount, 0.0) for key, amount in amounts.items()}
    whole = sum(positive.values())
    return {key: amount / whole if whole else 0.0 for key, amount in positive.items()}


def level(share: float) -> int:
    """How grave a share is: 0 nothing, 1 little, up to 4."""
    return 1 + sum(share >= bound for bound in LEVELS) if share > 0 else 0
