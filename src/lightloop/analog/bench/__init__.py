"""The bench: a designer over tasks and samples, its figures, and the published leaderboard beside them.

Example:
    >>> from lightloop.analog.bench import pass_at_k
    >>> pass_at_k(15, 3, 1)
    0.2
"""

from __future__ import annotations

from lightloop.lazy import on_demand

_PLACES = {"BenchResult": "result", "bench": "run", "pass_at_k": "estimator", "published": "leaderboard"}

__all__ = sorted(_PLACES)

__getattr__, __dir__ = on_demand(__name__, _PLACES)
