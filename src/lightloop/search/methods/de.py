"""Differential evolution (Storn and Price, J. Global Optim. 11, 341 (1997)) with steps towards the best.

A trial point is x + F (x_good - x) + F (x_a - x_b), good one of the best tenth (Zhang and Sanderson, IEEE Trans.
Evol. Comput. 13, 945 (2009), without their archive), crossed with x coordinate by coordinate; it takes the place of x
if it is no worse.
"""

from __future__ import annotations

import numpy as np

from lightloop.search.methods._first import Allowance, latin_hypercube
from lightloop.search.outcome import Outcome

SMALLEST_POPULATION = 8
MEMBERS_PER_VARIABLE = 2
GENERATIONS = 10  # at the least, where the budget allows
GOOD_SHARE = 0.1
WEIGHTS = (0.5, 0.9)  # the range that F is drawn from
CROSSOVER = 0.9


class DifferentialEvolution:
    """A population that improves member by member."""

    def __init__(self, dimensions: int, seed: int, evaluations: int, start: list[float] | None) -> None:
        self._random = np.random.default_rng(seed)
        wanted = max(SMALLEST_POPULATION, MEMBERS_PER_VARIABLE * dimensions)
        self._size = max(SMALLEST_POPULATION, min(wanted, evaluations // GENERATIONS))
        self._allowance = Allowance(evaluations)
        self._first = latin_hypercube(self._random, self._size, dimensions)
        if start is not None:
            self._first[0] = start
        self._members = np.empty((0, dimensions))
        self._outcomes: list[Outcome] = []

    def ask(self) -> list[list[float]]:
        """The first population, and then one trial point for each member."""
        if not self._outcomes:
            return self._first.tolist()
        level = self._allowance.level
        order = sorted(range(self._size), key=lambda index: self._outcomes[index].order_within(level))
        good = order[: max(2, round(GOOD_SHARE * self._size))]
        return [self._trial(index, good).tolist() for index in range(self._size)]

    def tell(self, units: list[list[float]], outcomes: list[Outcome]) -> None:
        """Trial points that are no worse take their members' places."""
        self._allowance.tell(outcomes)
        if not self._outcomes:
            if len(units) == self._size:
                self._members, self._outcomes = np.asarray(units), list(outcomes)
            return
        level = self._allowance.level
        for index, (unit, outcome) in enumerate(zip(units, outcomes, strict=True)):
            if outcome.order_within(level) <= self._outcomes[index].order_within(level):
                self._members[index], self._outcomes[index] = unit, outcome

    def _trial(self, index: int, good: list[int]) -> np.ndarray:
        member = self._members[index]
        towards = self._members[self._random.choice(good)]
        others = [other for other in range(self._size) if other != index]
        first, second = self._members[self._random.choice(others, size=2, replace=False)]
        weight = self._random.uniform(*WEIGHTS)
        trial = member + weight * (towards - member) + weight * (first - second)
        taken = self._random.random(len(member)) < CROSSOVER
        taken[self._random.integers(len(member))] = True
        # Outside the bounds: half-way between the member and the bound.
        trial = np.where(trial < 0, member / 2, np.where(trial > 1, (member + 1) / 2, trial))
        return np.where(taken, trial, member)


def create(dimensions: int, *, seed: int, evaluations: int, start: list[float] | None) -> DifferentialEvolution:
    """A differential evolution."""
    return DifferentialEvolution(dimensions, seed, evaluations, start)
