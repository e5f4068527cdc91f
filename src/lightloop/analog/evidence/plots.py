"""A plot as plain data: lines over one axis, marked points, marked levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

MOST_POINTS = 800


@dataclass(frozen=True)
class Line:
    """One curve; `panel` 0 is the upper of two panels, or the only one."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    panel: int = 0


@dataclass(frozen=True)
class Mark:
    """A point with its text."""

    x: float
    y: float
    text: str
    panel: int = 0


@dataclass(frozen=True)
class Level:
    """A line across a panel: upright at `x`, or level at `y`."""

    text: str
    x: float | None = None
    y: float | None = None
    panel: int = 0


@dataclass(frozen=True)
class PlotData:
    """One plot.

    Args:
        name: A short name, such as `bode`.
        title: What is shown.
        x_title: Title of the axis, with its unit.
        y_titles: Title of each panel, from the top.
        lines: The curves.
        marks: Marked points.
        levels: Marked values.
        log_x: Whether the axis is logarithmic.
    """

    name: str
    title: str
    x_title: str
    y_titles: tuple[str, ...]
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...] = ()
    levels: tuple[Level, ...] = ()
    log_x: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The plot as plain values for JSON and for `lightloop.report`."""
        return asdict(self)


def line(name: str, x: np.ndarray, y: np.ndarray, panel: int = 0) -> Line:
    """A curve of plain numbers, thinned to what a page needs: of each stretch its lowest and its highest point."""
    kept = thinned(np.asarray(y, float))
    return Line(
        name, [float(v) for v in np.asarray(x, float)[kept]], [float(v) for v in np.asarray(y, float)[kept]], panel
    )


def thinned(values: np.ndarray, most: int = MOST_POINTS) -> np.ndarray:
    """Indices, rising, of about `most` points that keep every extreme, shape (about `most`,)."""
    if values.size <= most:
        return np.arange(values.size)
    parts = np.array_split(np.arange(values.size), most // 2)
    found = {0, values.size - 1}
    for part in parts:
        found |= {int(part[np.argmin(values[part])]), int(part[np.argmax(values[part])])}
    return np.array(sorted(found))
