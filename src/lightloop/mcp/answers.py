"""Plots as an agent reads them: the extremes of each vector, and a bounded number of its points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lightloop.errors import unknown_name

if TYPE_CHECKING:
    from lightloop.spice.rawfile import Plot

MAX_VECTORS = 16
DIGITS = 5


def told(plot: Plot, *, has_axis: bool, wanted: Sequence[str], points: int) -> dict[str, Any]:
    """A plot as plain values.

    Args:
        plot: An answer of the simulator.
        has_axis: Whether its first vector is an axis.
        wanted: Names of vectors, such as `v(out)`; the first 16 if there are none.
        points: Points shown of each vector, spread evenly over those that were simulated.

    Returns:
        `points` (simulated), `left_out` (names of vectors that are not shown), `axis`, and `vectors`: of a real one
        its least, largest and last value and the shown points; of a complex one magnitude and phase in degrees.

    Raises:
        InputError: A vector was not computed.
    """
    axis = next(iter(plot.vectors)) if has_axis else None
    names = [name for name in plot.vectors if name != axis]
    for name in wanted:
        if name.lower() not in names:
            raise unknown_name("vector", name, names)
    shown = [name.lower() for name in wanted] or names[:MAX_VECTORS]
    places = np.unique(np.linspace(0, plot.points - 1, min(points, plot.points)).round().astype(int))
    answer: dict[str, Any] = {
        "points": plot.points,
        "left_out": [name for name in names if name not in shown],
        "vectors": {name: _vector(plot.vectors[name], places) for name in shown},
    }
    if axis is not None:
        answer["axis"] = {"name": axis, "values": _numbers(plot.axis[places])}
    return answer


def _vector(values: np.ndarray, places: np.ndarray) -> dict[str, Any]:
    if np.iscomplexobj(values):
        size, turn = np.abs(values), np.degrees(np.unwrap(np.angle(values)))
        return {"magnitude": _numbers(size[places]), "phase_deg": _numbers(turn[places])}
    extremes = {"least": values.min(), "largest": values.max(), "last": values[-1]}
    return {**{name: _numbers(value) for name, value in extremes.items()}, "values": _numbers(values[places])}


def _numbers(values: Any) -> Any:
    """Numbers with five digits."""
    if np.ndim(values):
        return [float(f"{value:.{DIGITS}g}") for value in np.real(values)]
    return float(f"{float(values):.{DIGITS}g}")
