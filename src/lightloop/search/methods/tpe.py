"""Tree-structured Parzen estimator (Bergstra et al., NIPS 2011) of optuna, with one density for each variable."""

from __future__ import annotations

from typing import Any

from lightloop.search.methods._optuna import Study

BATCH = 4  # points in one batch, kept apart by a constant value for those under way
FIRST_RANDOM = 20


def create(dimensions: int, *, seed: int, evaluations: int, start: list[float] | None) -> Study:
    """A TPE search."""
    first = min(FIRST_RANDOM, max(1, evaluations // 4))

    def sampler() -> Any:
        from optuna.samplers import TPESampler

        return TPESampler(seed=seed, n_startup_trials=first)

    return Study(sampler, dimensions, first=first, batch=BATCH, penalised=True, start=start)
