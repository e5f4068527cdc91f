"""A rectangle of the grid within what is left of its surroundings (`surroundings`), as a system and factorised.

    | M_ii  M_ir   | u_i = f_i        i: points of the rectangle
    | M_ri  K' + D | u_r = f_r        r: of its ring, D their own diagonal

Fields are arrays over the rectangle and one point around it, shape (width + 2, height + 2, k).
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.linalg import lu_factor, lu_solve

from lightloop.maxwell.solvers.fronts import Box
from lightloop.maxwell.solvers.multifrontal import BoxFactor
from lightloop.maxwell.solvers.refinement import Checked, Factor, resonance
from lightloop.maxwell.solvers.superlu import SuperLU
from lightloop.maxwell.stencil import Stencil

Array = np.ndarray[Any, np.dtype[Any]]
RECTANGLE = (1, 1)
log = logging.getLogger(__name__)


class Inset:
    """The system; it is applied and made a matrix of as a `Stencil` is.

    Args:
        stencil: M on the rectangle and its ring.
        on_ring: K', shape (ring, ring).
        ring: The points of the ring, indices along x and along y.
    """

    def __init__(self, stencil: Stencil, on_ring: Array, ring: tuple[Array, ...]) -> None:
        diagonal, across_x, across_y = (part.copy() for part in (stencil.diagonal, stencil.across_x, stencil.across_y))
        # Couplings along the ring are part of K', and the corners of the arrays are nobody's.
        across_x[:, [0, -1]] = across_y[[0, -1]] = 0.0
        diagonal[[0, 0, -1, -1], [0, -1, 0, -1]] = 1.0
        self.stencil = Stencil(diagonal, across_x, across_y)
        self.on_ring, self.ring = on_ring, ring

    @property
    def shape(self) -> tuple[int, int]:
        """Of its fields."""
        return self.stencil.shape

    def apply(self, u: Array) -> Array:
        """The left-hand side."""
        out = self.stencil.apply(u)
        out[self.ring] += self.on_ring @ u[self.ring]
        return out

    def matrix(self) -> sp.csc_array:
        """On raveled fields."""
        place = np.ravel_multi_index(self.ring, self.shape)
        rows, columns = np.broadcast_arrays(place[:, None], place)
        size = self.stencil.diagonal.size
        dense = sp.coo_array((self.on_ring.ravel(), (rows.ravel(), columns.ravel())), shape=(size, size))
        return (self.stencil.matrix() + dense).tocsc()


class InsetFactor:
    """The system, factorised.

    Raises:
        numpy.linalg.LinAlgError: A part of the rectangle is a cavity at resonance.
    """

    def __init__(self, system: Inset) -> None:
        width, height = system.shape
        self._inside = BoxFactor(system.stencil, Box(width - 2, height - 2, frozenset()), RECTANGLE)
        self._ring = system.ring
        k = system.on_ring + self._inside.schur
        k[np.diag_indices_from(k)] += system.stencil.diagonal[system.ring]
        self._k = lu_factor(k, overwrite_a=True, check_finite=False)

    def solve(self, f: Array) -> Array:
        """u, of right-hand sides f of its shape."""
        u, f = np.zeros(f.shape, dtype=complex), f.astype(complex, copy=False)
        on_lines, left = self._inside.forward(f) if f[1:-1, 1:-1].any() else (None, 0.0)
        on_ring = lu_solve(self._k, f[self._ring] + left, check_finite=False)
        self._inside.backward(on_lines, on_ring, u)
        u[self._ring] = on_ring
        return u


def factorize(system: Inset) -> Factor:
    """A factor whose answers are checked; SuperLU's where a part of the rectangle is a cavity at resonance.

    Raises:
        InputError: The system itself is singular.
    """
    as_stencil: Any = system
    try:
        return Checked(as_stencil, InsetFactor(system), SuperLU)
    except np.linalg.LinAlgError:
        log.info("%d x %d points of a region: a front has no inverse, solver superlu", *system.shape)
    try:
        return Checked(as_stencil, SuperLU(as_stencil), None)
    except np.linalg.LinAlgError as error:
        raise resonance("a region has no factor") from error
