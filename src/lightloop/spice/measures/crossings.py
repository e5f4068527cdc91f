"""Where a waveform passes a level."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from lightloop.spice.measures.series import Reals, real_series

Direction = Literal["rising", "falling", "both"]


def crossings(axis: ArrayLike, values: ArrayLike, level: float, direction: Direction = "both") -> Reals:
    """Where `values` passes `level`, interpolated linearly between points, in the unit of `axis`.

    A point exactly on the level counts as above it, so that each passage is counted once.

    Args:
        axis: Time in s, or a swept voltage, rising, shape `(n,)`.
        values: The waveform, shape `(n,)`.
        level: The level, in the unit of `values`.
        direction: Passages upward, downward, or both.

    Returns:
        The places in rising order, shape `(k,)`, `k` may be 0.
    """
    x, y = real_series(axis, values, "waveform")
    step = np.diff((y >= level).astype(np.int8))
    wanted = {"rising": step > 0, "falling": step < 0, "both": step != 0}[direction]
    i = np.flatnonzero(wanted)
    return np.asarray(x[i] + (level - y[i]) / (y[i + 1] - y[i]) * (x[i + 1] - x[i]), dtype=np.float64)


def crossings_with_margin(axis: ArrayLike, values: ArrayLike, level: float, margin: float) -> Reals:
    """Upward passages of `level` that follow a visit below `level - margin`, so that ringing is not counted twice.

    Args:
        axis: Time, rising, shape `(n,)`.
        values: The waveform, shape `(n,)`.
        level: The level.
        margin: How far below the level the waveform must have been since the last passage, >= 0.
    """
    x, y = real_series(axis, values, "waveform")
    rises = crossings(x, y, level, "rising")
    falls = crossings(x, y, level - margin, "falling")
    kept: list[float] = []
    armed_from = x[0] if y[0] < level - margin else np.inf
    for rise in rises:
        earlier = falls[(falls < rise) & (falls > (kept[-1] if kept else -np.inf))]
        if earlier.size or armed_from <= rise:
            kept.append(float(rise))
            armed_from = np.inf
    return np.asarray(kept, dtype=np.float64)
