"""Ask and tell of an optuna study that lives in memory; its sampler is the method."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lightloop.search.outcome import Outcome

CONSTRAINT = "violation"
PENALTY = 3.0  # a violation of its usual size costs three times the usual difference between objectives


class Study:
    """A study whose points are asked in batches of a fixed size.

    Args:
        sampler: Makes the sampler.
        dimensions: How many variables there are.
        first: Points in the first batch, drawn at random.
        batch: Points in every other batch.
        penalised: Whether a violation is added to the objective, for a sampler that crawls along constraints; the
            sampler is told of it as a constraint otherwise.
        start: The first point, if any.
    """

    def __init__(
        self,
        sampler: Callable[[], Any],
        dimensions: int,
        *,
        first: int,
        batch: int,
        penalised: bool,
        start: list[float] | None,
    ) -> None:
        import optuna

        with _quiet():
            self._study = optuna.create_study(sampler=sampler())
        uniform = optuna.distributions.FloatDistribution(0.0, 1.0)
        self._ranges: dict[str, Any] = {f"x{index}": uniform for index in range(dimensions)}
        self._first, self._batch = first, batch
        self._penalised, self._penalty = penalised, 0.0
        self._trials: list[Any] = []
        if start is not None:
            with _quiet():
                self._study.enqueue_trial(dict(zip(self._ranges, start, strict=True)))

    def ask(self) -> list[list[float]]:
        """The sampler's next points."""
        with _quiet():
            count = self._batch if self._trials else self._first
            self._trials = [self._study.ask(self._ranges) for _ in range(count)]
        return [[trial.params[name] for name in self._ranges] for trial in self._trials]

    def tell(self, units: list[list[float]], outcomes: list[Outcome]) -> None:
        """Objective and violation of each; a point without answer is told as a failure."""
        import optuna

        if self._penalised and not self._penalty:
            self._penalty = _penalty(outcomes)
        with _quiet():
            for trial, outcome in zip(self._trials, outcomes, strict=False):
                if math.isinf(outcome.violation):
                    self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
                    continue
                if not self._penalised:
                    trial.set_constraint(CONSTRAINT, outcome.violation)
                self._study.tell(trial, outcome.objective + self._penalty * max(outcome.violation, 0.0))


def _penalty(outcomes: list[Outcome]) -> float:
    """What a violation of 1 adds to the objective, by the spread of both in the first batch."""
    known = [found for found in outcomes if not math.isinf(found.violation)]
    objectives = _spread([found.objective for found in known])
    return PENALTY * objectives / _spread([max(found.violation, 0.0) for found in known])


def _spread(values: list[float]) -> float:
    """The middle half of the values; where that is a point the whole range, and 1 where they are all the same."""
    if not values:
        return 1.0
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high - low) or max(values) - min(values) or 1.0


@contextmanager
def _quiet() -> Iterator[None]:
    """Without optuna's log lines and its notes on features that it calls experimental."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
