"""How a method begins: an even first sample, and a violation that is allowed at first and then no more.

Where few points are feasible, a search that ranks every feasible point first crawls along the edge of what is allowed.
So a violation counts as none up to a level that shrinks to zero over the budget (Takahama and Sakai, CEC 2006, 1): at
first the best fifth of the first sample is let in.
"""

from __future__ import annotations

import math

import numpy as np

from lightloop.search.outcome import Outcome

LET_IN = 0.2  # share of the first sample
POWER = 2.0  # the level falls as (1 - share of the budget spent)^2


class Allowance:
    """The violation that counts as none.

    Args:
        evaluations: The budget.
    """

    def __init__(self, evaluations: int) -> None:
        self._evaluations = evaluations
        self._told = 0
        self._first: float | None = None

    @property
    def level(self) -> float:
        """The violation that counts as none now."""
        left = max(0.0, 1.0 - self._told / self._evaluations)
        return (self._first or 0.0) * left**POWER

    def tell(self, outcomes: list[Outcome]) -> None:
        """Outcomes of a batch; those of the first one set the level."""
        if self._first is None:
            known = sorted(max(found.violation, 0.0) for found in outcomes if math.isfinite(found.violation))
            self._first = known[int(LET_IN * len(known))] if known else 0.0
        self._told += len(outcomes)


def latin_hypercube(random: np.random.Generator, points: int, dimensions: int) -> np.ndarray:
    """Points of which each slice of each range holds one, shape (points, dimensions), in 0..1."""
    rows = np.stack([random.permutation(points) for _ in range(dimensions)], axis=1)
    return (rows + random.random(rows.shape)) / points
