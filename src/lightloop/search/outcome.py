"""What an evaluation came to, and which of two outcomes is better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """The worth of one point.

    A feasible outcome is better than an infeasible one; of two feasible ones the lower objective is better, of two
    infeasible ones the lower violation (Deb, Comput. Methods Appl. Mech. Eng. 186, 311 (2000)).

    Args:
        objective: What is made small; infinite where it is not known.
        violation: How far the constraints are missed, summed over them; 0 or less where all hold.
        details: What else is worth keeping with it: numbers and texts by name.
    """

    objective: float
    violation: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        for name in ("objective", "violation"):
            value = float(getattr(self, name))
            object.__setattr__(self, name, value if math.isfinite(value) else math.inf)
        if math.isinf(self.objective):
            object.__setattr__(self, "violation", math.inf)

    @classmethod
    def failed(cls, reason: str = "") -> Outcome:
        """The outcome of a point that gave no answer: worse than every other."""
        return cls(math.inf, math.inf, {"failure": reason} if reason else {})

    @property
    def feasible(self) -> bool:
        """Whether all constraints hold."""
        return self.violation <= 0

    @property
    def order(self) -> tuple[float, float]:
        """The lower, the better."""
        return self.order_within(0.0)

    def order_within(self, allowed: float) -> tuple[float, float]:
        """As `order`, where a violation up to `allowed` counts as none."""
        return (0.0 if self.violation <= allowed else self.violation, self.objective)


@dataclass(frozen=True)
class Evaluation:
    """A point and its outcome.

    Args:
        point: The value of each variable by name.
        outcome: What it came to.
    """

    point: Mapping[str, float]
    outcome: Outcome


def ranks(outcomes: list[Outcome], allowed: float = 0.0) -> list[float]:
    """The place of each outcome among them, 0 for the best; equal outcomes share the mean of their places.

    Args:
        outcomes: What is ranked.
        allowed: A violation that counts as none.
    """
    keys = [outcome.order_within(allowed) for outcome in outcomes]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    places = [0.0] * len(keys)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and keys[order[end]] == keys[order[start]]:
            end += 1
        for index in order[start:end]:
            places[index] = (start + end - 1) / 2
        start = end
    return places
