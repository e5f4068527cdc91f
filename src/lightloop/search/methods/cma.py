"""CMA-ES, the evolution strategy that learns the covariance of good steps (package `cma`).

Hansen and Ostermeier, Evol. Comput. 9, 159 (2001). It begins at the best of an even first sample. Only ranks enter, so
that constraints need no weights. When the strategy has converged and the budget is not spent, it starts again from a
random point with twice the population (Auger and Hansen, CEC 2005, 1769).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lightloop.search.methods._first import Allowance, latin_hypercube
from lightloop.search.outcome import Outcome, ranks

FIRST_PER_VARIABLE = 5  # points of the first sample for each variable
FIRST_SHARE = 6  # and at most this part of the budget
STEP = 0.2  # of the range, around the best of the first sample
STEP_AGAIN = 0.3
SHORT_BUDGET = 100  # evaluations for each variable, below which the step is adapted faster
FAST_DAMPING = 0.3  # the package calls it close to optimal on the sphere
CONVERGED = 1e-6  # of the range, beyond what any part can be made to
FLAT_BATCHES = 10  # batches of equal rank, such as simulations that all fail
POPULATION_GROWTH = 2


class CovarianceAdaptation:
    """A first sample, and then one strategy after another, each until it has converged."""

    def __init__(self, dimensions: int, seed: int, evaluations: int, start: list[float] | None) -> None:
        self._random = np.random.default_rng(seed)
        self._dimensions = dimensions
        self._population = 4 + math.floor(3 * math.log(dimensions)) if dimensions > 1 else 5
        self._damping = FAST_DAMPING if evaluations < SHORT_BUDGET * dimensions else 1.0
        self._allowance = Allowance(evaluations)
        first = max(1, min(FIRST_PER_VARIABLE * dimensions, evaluations // FIRST_SHARE))
        self._first = latin_hypercube(self._random, first, dimensions).tolist()
        if start is not None:
            self._first[0] = start
        self._strategy: Any = None

    def ask(self) -> list[list[float]]:
        """The first sample, and then populations; of a new strategy where the last one has converged."""
        if self._strategy is None:
            return self._first
        if self._strategy.stop():
            self._population *= POPULATION_GROWTH
            self._strategy = self._begin(self._random.random(self._dimensions).tolist(), STEP_AGAIN)
        return [np.asarray(unit, dtype=float).tolist() for unit in self._strategy.ask()]

    def tell(self, units: list[list[float]], outcomes: list[Outcome]) -> None:
        """Where to begin; then ranks of a whole population."""
        self._allowance.tell(outcomes)
        places = ranks(outcomes, self._allowance.level)
        if self._strategy is None:
            self._strategy = self._begin(units[int(np.argmin(places))], STEP)
        elif len(units) == self._strategy.popsize:
            self._strategy.tell([np.asarray(unit) for unit in units], places)

    def _begin(self, start: list[float], step: float) -> Any:
        import cma

        # A rank says nothing from one population to the next: tests on the values of the objective are switched off.
        options = {
            "bounds": [0.0, 1.0],
            "popsize": self._population,
            "randn": lambda *shape: self._random.standard_normal(shape),
            "seed": math.nan,
            "CSA_dampfac": self._damping,
            "tolx": CONVERGED,
            "tolfun": 0,
            "tolfunhist": 0,
            "tolstagnation": 0,
            "tolflatfitness": FLAT_BATCHES,
            "maxiter": math.inf,
            "verbose": -9,
        }
        # The bound transformation of the package is regular inside, not on the faces.
        inside = np.clip(start, CONVERGED, 1 - CONVERGED)
        return cma.CMAEvolutionStrategy(inside, step, options)


def create(dimensions: int, *, seed: int, evaluations: int, start: list[float] | None) -> CovarianceAdaptation:
    """A CMA-ES."""
    return CovarianceAdaptation(dimensions, seed, evaluations, start)
