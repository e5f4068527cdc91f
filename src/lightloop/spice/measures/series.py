"""What every measure asks of its two arrays: one axis that rises, values of the same length, all finite."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lightloop.errors import InputError

Reals = NDArray[np.float64]
Complexes = NDArray[np.complex128]

MIN_POINTS = 2


def real_series(axis: ArrayLike, values: ArrayLike, what: str) -> tuple[Reals, Reals]:
    """`axis` and `values` as float arrays of shape `(n,)`, checked.

    Raises:
        InputError: Too short, of two lengths, not finite, or the axis does not rise.
    """
    x, y = np.asarray(axis, dtype=np.float64), np.asarray(values, dtype=np.float64)
    _check(x, y, what)
    return x, y


def complex_series(axis: ArrayLike, values: ArrayLike, what: str) -> tuple[Reals, Complexes]:
    """As `real_series`, with complex values."""
    x, y = np.asarray(axis, dtype=np.float64), np.asarray(values, dtype=np.complex128)
    _check(x, y, what)
    return x, y


def part(axis: Reals, values: Reals, start: float, stop: float) -> tuple[Reals, Reals]:
    """The points whose axis lies in `[start, stop]`."""
    inside = (axis >= start) & (axis <= stop)
    return axis[inside], values[inside]


def time_average(time_s: Reals, values: Reals) -> float:
    """Mean over time of samples at uneven steps: (1/T) ∫ v dt by the trapezoidal rule."""
    return float(np.trapezoid(values, time_s) / (time_s[-1] - time_s[0]))


def _check(x: Reals, y: NDArray[np.generic], what: str) -> None:
    if x.ndim != 1 or x.shape != y.shape or x.size < MIN_POINTS:
        raise InputError(
            f"{what}: axis of shape {x.shape} and values of shape {y.shape}",
            hint=f"give two one-dimensional arrays of one length, {MIN_POINTS} points or more",
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError(f"{what}: not all points are finite", hint="the simulation did not converge there")
    if np.any(np.diff(x) <= 0):
        raise InputError(f"{what}: the axis does not rise from point to point", hint="join repeated points first")
