"""The solver that is always there: nested dissection of the grid, on NumPy and LAPACK alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from lightloop.maxwell.solvers.fronts import SIDES, Box
from lightloop.maxwell.solvers.multifrontal import BoxFactor
from lightloop.maxwell.solvers.skeleton import Skeleton
from lightloop.maxwell.stencil import Stencil

Array = np.ndarray[Any, np.dtype[Any]]
ALL = frozenset(range(len(SIDES)))
ALONG_X, ALONG_Y = (frozenset(map(SIDES.index, sides)) for sides in (("left", "right"), ("bottom", "top")))


class Walled:
    """A factor of M on a grid with walls all around."""

    def __init__(self, stencil: Stencil) -> None:
        self._factor = BoxFactor(stencil, Box(*stencil.shape, ALL))

    @property
    def numbers(self) -> int:
        """How many numbers are kept."""
        return self._factor.numbers

    def solve(self, f: Array) -> Array:
        """u with M u = f."""
        f = f.astype(complex, copy=False)
        u = np.empty(f.shape, dtype=complex)
        lines, nothing = self._factor.forward(f)
        self._factor.backward(lines, nothing, u)
        return u


def factorize(stencil: Stencil) -> Walled | Skeleton:
    """A factor of M."""
    nx, ny = stencil.shape
    periodic_x, periodic_y = (phase is not None for phase in stencil.bloch)
    if not periodic_x and not periodic_y:
        return Walled(stencil)
    cut_x, cut_y = int(periodic_x), int(periodic_y)
    points = [(x, y) for x in range(nx) for y in range(ny) if x < cut_x or y < cut_y]
    walls = ALL - (ALONG_X if periodic_x else frozenset()) - (ALONG_Y if periodic_y else frozenset())
    rest = Box(nx - cut_x, ny - cut_y, walls)
    return Skeleton(stencil, points, [(rest, (cut_x, cut_y))] if rest.width and rest.height else [])
