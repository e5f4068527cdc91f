"""The norm-growth limiter: an update may be at most γ times as long as the one before it.

APOLLO (arXiv 2412.05270, eq. 9) takes it from Fira. There a single zero gradient is remembered as the norm 0,
from which growth by 1 % a step needs some 1800 steps to come back. Here a zero update is not remembered, and
updates shorter than a floor are not limited.
"""

from __future__ import annotations

import math

# The first step of Adam has entries of size 1, so U = α S G begins with the norm α √(n r); pure noise settles
# at 0.23 of that. Below a tenth an update is no spike, and from a tenth the way back to noise level is 83
# steps.
FLOOR = 0.1


def norm_floor(alpha: float, channels: int, rank: int) -> float:
    """The norm of an update below which its growth is free: a tenth of α √(n r)."""
    return FLOOR * alpha * math.sqrt(channels * rank)


def limit_growth(norm: float, previous: float, growth: float, floor: float) -> tuple[float, float]:
    """The factor κ ≤ 1 that brings ‖U_t‖ down to γ max(‖U_{t−1}‖, floor), and the norm to remember.

    Args:
        norm: ‖U_t‖.
        previous: ‖U_{t−1}‖ after limiting; 0 while there is none.
        growth: γ; infinite for no limit.
        floor: Norm from which on growth is limited, > 0.
    """
    if norm == 0.0:
        return 1.0, previous
    ceiling = growth * max(previous, floor) if previous > 0.0 else math.inf
    limited = min(norm, ceiling)
    return limited / norm, limited
