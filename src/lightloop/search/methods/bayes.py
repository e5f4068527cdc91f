"""Bayesian optimisation with a Gaussian process (optuna's sampler, on torch), for evaluations that cost seconds.

Log expected improvement, constraints by their probability (Gardner et al., ICML 2014). A point costs a fit of the
process: tenths of a second, growing with the number of points.
"""

from __future__ import annotations

from typing import Any

from lightloop.search.methods._optuna import Study

BATCH = 1  # each point is chosen by all before it
FIRST_RANDOM = 16


def create(dimensions: int, *, seed: int, evaluations: int, start: list[float] | None) -> Study:
    """A Gaussian-process search."""

    first = min(FIRST_RANDOM, max(1, evaluations // 4))

    def sampler() -> Any:
        from optuna.samplers import GPSampler

        return GPSampler(seed=seed, n_startup_trials=first, deterministic_objective=True)

    return Study(sampler, dimensions, first=first, batch=BATCH, penalised=False, start=start)
