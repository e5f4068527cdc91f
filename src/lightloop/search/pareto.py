"""The designs that no other design beats."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def pareto_front(costs: ArrayLike) -> list[int]:
    """Indices of the designs that are not dominated, in the order of their first cost.

    Design a dominates b if a is nowhere worse and somewhere better. Of equal designs the first one stays.

    Args:
        costs: Costs to be made small, shape (designs, objectives). Designs with a NaN among them are left out.
    """
    costs_do = np.asarray(costs, dtype=float)
    if costs_do.size == 0:
        return []
    order = [int(i) for i in np.lexsort(costs_do.T[::-1]) if not np.isnan(costs_do[i]).any()]
    front: list[int] = []
    for candidate in order:
        kept_fo = costs_do[front]
        if not np.any(np.all(kept_fo <= costs_do[candidate], axis=1)):
            front.append(candidate)
    return front
