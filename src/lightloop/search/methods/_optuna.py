"""Ask and tell of an optuna study that lives in memory; its sampler is the method."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lightloop.search.outcome import Outcome

CONSTRAINT = "violation"


class Study:
    """A study whose points are asked in batches of a fixed size.

    Args:
        sampler: Makes the sampler.
        dimensions: How many variables there are.
        batch: Points in a batch.
        start: The first point, if any.
    """

    def __init__(self, sampler: Callable[[], Any], dimensions: int, batch: int, start: list[float] | None) -> None:
        import optuna

        with _quiet():
            self._study = optuna.create_study(sampler=sampler())
        uniform = optuna.distributions.FloatDistribution(0.0, 1.0)
        self._ranges: dict[str, Any] = {f"x{index}": uniform for index in range(dimensions)}
        self._batch = batch
        self._trials: list[Any] = []
        if start is not None:
            with _quiet():
                self._study.enqueue_trial(dict(zip(self._ranges, start, strict=True)))

    def ask(self) -> list[list[float]]:
        """The sampler's next points."""
        with _quiet():
            self._trials = [self._study.ask(self._ranges) for _ in range(self._batch)]
        return [[trial.params[name] for name in self._ranges] for trial in self._trials]

    def tell(self, units: list[list[float]], outcomes: list[Outcome]) -> None:
        """Objective and violation of each; a point without answer is told as a failure."""
        import optuna

        with _quiet():
            for trial, outcome in zip(self._trials, outcomes, strict=False):
                if outcome.order[0] == float("inf"):
                    self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
                    continue
                trial.set_constraint(CONSTRAINT, outcome.violation)
                self._study.tell(trial, outcome.objective)


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
