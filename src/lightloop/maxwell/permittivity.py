"""Relative permittivity where each component of the electric field is (Yee's grid), for media with diagonal tensors.

The points of a grid are the middles of its cells: point (i, j) lies at ((i + ½) dl, (j + ½) dl). Ez and Hz are there;
Ex and Hx are half a step before in y, Ey and Hy half a step before in x. An interface between two cells is crossed by a
field component that is tangential to it, so the mean of the two permittivities is right to second order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Permittivity(NamedTuple):
    """ε_r of a grid of nx × ny cells.

    Attributes:
        zz: At the points, shape (nx, ny).
        xx: Half a step before each of them in y, and behind the last, shape (nx, ny + 1).
        yy: Half a step before each of them in x, and behind the last, shape (nx + 1, ny).
    """

    zz: Array
    xx: Array
    yy: Array

    @classmethod
    def of_cells(cls, eps_r: Array, periodic: tuple[bool, bool] = (False, False)) -> Permittivity:
        """That of isotropic cells, shape (nx, ny)."""
        modes = ["wrap" if one else "edge" for one in periodic]
        beside = np.pad(eps_r, ((1, 1), (0, 0)), mode=modes[0])  # type: ignore[call-overload]
        above = np.pad(eps_r, ((0, 0), (1, 1)), mode=modes[1])  # type: ignore[call-overload]
        return cls(eps_r, 0.5 * (above[:, :-1] + above[:, 1:]), 0.5 * (beside[:-1] + beside[1:]))
