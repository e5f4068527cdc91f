"""All of a grid but a rectangle of it, eliminated once onto the ring of points around the rectangle.

What is left of M on the ring is K', to which a rectangle adds what is left of itself (its Schur complement) and the
ring's own diagonal, which may depend on the medium in the rectangle too. The rest of the grid is four boxes and the
lines between them:

        +-----------------+
        |       top       |
        +-----+-----+-----+        ring: the points of the lines that are neighbours of the rectangle
        |left | ### |right|        o:    the other points of the lines
        +-----+-----+-----+
        |     bottom      |
        +-----------------+

    X = −K_oo⁻¹ K_or,   K' = K_rr + K_ro X,   f' = f_r + Xᵀ f_o,   u_o = K_oo⁻¹ f_o + X u_r

Shapes: K' (ring, ring); right-hand sides f (nx, ny, k), zero in the rectangle.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import lu_factor, lu_solve

from lightloop.maxwell.solvers.fronts import SIDES, Box, Point
from lightloop.maxwell.solvers.skeleton import Pieces
from lightloop.maxwell.stencil import Stencil

Array = np.ndarray[Any, np.dtype[Any]]


class Rest(NamedTuple):
    """Right-hand sides as `Surroundings.backward` wants them: those in the boxes, and K_oo⁻¹ f_o."""

    in_boxes: list[Any]
    on_lines: Array


class Surroundings:
    """The surroundings of a rectangle on a grid with walls all around.

    Args:
        stencil: M; what it says of the rectangle and of the ring's diagonal is not read.
        inner: The rectangle, a box without walls.
        origin: Its lower left point in the grid, which is not at the edge.

    Attributes:
        on_ring: K' without the ring's own diagonal.
        ring: The points of the ring in the grid, indices along x and along y.
    """

    def __init__(self, stencil: Stencil, inner: Box, origin: Point) -> None:
        ring = [(x + origin[0], y + origin[1]) for x, y in inner.ring()]
        rest, boxes = _around(stencil.shape, inner, origin)
        points = ring + sorted(rest - set(ring))
        self.ring = tuple(np.array(ring, dtype=np.intp).T)
        diagonal = stencil.diagonal.copy()
        diagonal[self.ring] = 0.0
        self._pieces = Pieces(stencil._replace(diagonal=diagonal), points, boxes)
        k, count = self._pieces.k, len(ring)
        self._k_oo = lu_factor(k[count:, count:], check_finite=False)
        self._x = -lu_solve(self._k_oo, k[count:, :count], check_finite=False)
        self.on_ring: Array = k[:count, :count] + k[:count, count:] @ self._x

    def forward(self, f: Array) -> tuple[Rest, Array]:
        """Right-hand sides f as `backward` wants them, and f', what is left on the ring, shape (ring, k)."""
        in_boxes, on_points = self._pieces.forward(f)
        on_ring, on_lines = np.split(on_points, [len(self.on_ring)])
        reduced = on_ring + self._x.T @ on_lines
        return Rest(in_boxes, lu_solve(self._k_oo, on_lines, check_finite=False)), reduced

    def backward(self, rest: Rest, on_ring: Array, u: Array) -> None:
        """Write the fields of and around the ring into `u`, shape (nx, ny, k), contiguous, from those on the ring."""
        on_points = np.concatenate([on_ring, rest.on_lines + self._x @ on_ring])
        self._pieces.backward(rest.in_boxes, on_points, u)


def _around(shape: Point, inner: Box, origin: Point) -> tuple[set[Point], list[tuple[Box, Point]]]:
    """The points of the lines, and the boxes between them."""
    (nx, ny), (left, bottom) = shape, origin
    right, top = left + inner.width, bottom + inner.height
    lines = {(x, y) for x in range(nx) for y in (bottom - 1, top)}
    lines |= {(x, y) for x in (left - 1, right) for y in range(bottom, top)}
    found = (
        (nx, bottom - 1, ("left", "right", "bottom"), (0, 0)),
        (nx, ny - top - 1, ("left", "right", "top"), (0, top + 1)),
        (left - 1, inner.height, ("left",), (0, bottom)),
        (nx - right - 1, inner.height, ("right",), (right + 1, bottom)),
    )
    boxes = [
        (Box(width, height, frozenset(map(SIDES.index, walls))), corner)
        for width, height, walls, corner in found
        if width and height
    ]
    return lines, boxes
