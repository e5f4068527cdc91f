"""Random search: points drawn evenly from the unit cube. What every other method is measured against."""

from __future__ import annotations

import numpy as np

from lightloop.search.outcome import Outcome

BATCH = 16


class RandomSearch:
    """Independent points; nothing is learnt from the outcomes."""

    def __init__(self, dimensions: int, seed: int, start: list[float] | None) -> None:
        self._random = np.random.default_rng(seed)
        self._dimensions = dimensions
        self._start = start

    def ask(self) -> list[list[float]]:
        """A batch of points; the first of all is the start."""
        units = self._random.random((BATCH, self._dimensions)).tolist()
        if self._start is not None:
            units[0], self._start = self._start, None
        return units  # type: ignore[no-any-return]

    def tell(self, units: list[list[float]], outcomes: list[Outcome]) -> None:
        """Nothing is learnt."""


def create(dimensions: int, *, seed: int, evaluations: int, start: list[float] | None) -> RandomSearch:
    """A random search."""
    return RandomSearch(dimensions, seed, start)
