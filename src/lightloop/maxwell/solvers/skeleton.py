"""A grid taken apart into boxes and the points between them, its *skeleton*, which are solved for as one dense system.

The skeleton of a periodic grid is a column of it, or a row, or both: what is left is a box with walls at no side or at
two. Points of a box's ring are points of the skeleton, some of them a period away, where a field is e^(jφ) times what
it is here.

Shapes: K (points, points); right-hand sides f (nx, ny, k).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.linalg import lu_factor, lu_solve

from lightloop.maxwell.solvers.fronts import Box, Point
from lightloop.maxwell.solvers.multifrontal import BoxFactor
from lightloop.maxwell.stencil import Stencil

Array = np.ndarray[Any, np.dtype[Any]]


class Pieces:
    """Boxes of a grid, eliminated onto the points between them.

    Args:
        stencil: M.
        points: Of the skeleton.
        boxes: All other points: kinds of boxes and their lower left points.

    Attributes:
        k: K, what is left of M on the points, in their order.
    """

    def __init__(self, stencil: Stencil, points: Sequence[Point], boxes: Sequence[tuple[Box, Point]]) -> None:
        self._points = tuple(np.array(points, dtype=np.intp).T)
        number = {point: place for place, point in enumerate(points)}
        self.k = _own_entries(stencil, number)
        self._boxes = []
        for box, origin in boxes:
            factor = BoxFactor(stencil, box, origin)
            place, phase = _ring_points(stencil, box, origin, number)
            np.add.at(self.k, (place[:, None], place), factor.schur * phase / phase[:, None])
            self._boxes.append((factor, place, phase[:, None]))

    @property
    def numbers(self) -> int:
        """How many numbers are kept of the boxes."""
        return sum(factor.numbers for factor, _, _ in self._boxes)

    def forward(self, f: Array) -> tuple[list[Any], Array]:
        """Right-hand sides in the boxes, as `backward` wants them, and what is left on the points, (points, k)."""
        on_points = f[self._points]
        in_boxes = []
        for factor, place, phase in self._boxes:
            of_box, ring = factor.forward(f)
            np.add.at(on_points, place, ring / phase)
            in_boxes.append(of_box)
        return in_boxes, on_points

    def backward(self, in_boxes: list[Any], on_points: Array, u: Array) -> None:
        """Write the fields of points and boxes into `u`, shape (nx, ny, k) and contiguous, from those on the points."""
        u[self._points] = on_points
        for of_box, (factor, place, phase) in zip(in_boxes, self._boxes, strict=True):
            factor.backward(of_box, on_points[place] * phase, u)


class Skeleton:
    """A factor of M that is made of boxes and the points between them.

    Args:
        stencil: M.
        points: Of the skeleton.
        boxes: All other points: kinds of boxes and their lower left points.
    """

    def __init__(self, stencil: Stencil, points: Sequence[Point], boxes: Sequence[tuple[Box, Point]]) -> None:
        self._pieces = Pieces(stencil, points, boxes)
        self._k = lu_factor(self._pieces.k, check_finite=False)

    @property
    def numbers(self) -> int:
        """How many numbers are kept."""
        return self._k[0].size + self._pieces.numbers

    def solve(self, f: Array) -> Array:
        """u with M u = f."""
        f = f.astype(complex, copy=False)
        u = np.empty(f.shape, dtype=complex)
        in_boxes, on_points = self._pieces.forward(f)
        self._pieces.backward(in_boxes, lu_solve(self._k, on_points, check_finite=False), u)
        return u


def _own_entries(stencil: Stencil, number: dict[Point, int]) -> Array:
    """M between points of the skeleton."""
    k = np.zeros((len(number), len(number)), dtype=complex)
    for (x, y), place in number.items():
        k[place, place] += stencil.diagonal[x, y]
        for ahead, coupling in (
            ((x + 1, y), stencil.across_x[x + 1, y]),
            ((x, y + 1), stencil.across_y[x, y + 1]),
        ):
            point, phase = _in_grid(stencil, ahead)
            other = number.get(point)
            if other is not None and phase:
                k[place, other] += coupling * phase
                k[other, place] += coupling / phase
    return k


def _ring_points(stencil: Stencil, box: Box, origin: Point, number: dict[Point, int]) -> tuple[Array, Array]:
    """The point of the skeleton that each point of a box's ring is, and the phase of its field."""
    found = [_in_grid(stencil, (x + origin[0], y + origin[1])) for x, y in box.ring()]
    return np.array([number[point] for point, _ in found], dtype=np.intp), np.array([phase for _, phase in found])


def _in_grid(stencil: Stencil, point: Point) -> tuple[Point, complex]:
    """The point of the grid that a point is periods away from, and the phase on the way; 0 for one beyond a wall."""
    phase: complex = 1.0
    inside = []
    for place, count, per_period in zip(point, stencil.shape, stencil.bloch, strict=True):
        periods, rest = divmod(place, count)
        inside.append(rest)
        if periods:
            phase *= 0.0 if per_period is None else per_period**periods
    return (inside[0], inside[1]), phase
