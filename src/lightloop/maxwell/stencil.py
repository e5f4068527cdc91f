"""Complex-symmetric operators that couple each point of a rectangular grid to its four neighbours.

    (M u)_ij = d_ij u_ij + x_ij u_(i−1)j + x_(i+1)j u_(i+1)j + y_ij u_i(j−1) + y_i(j+1) u_i(j+1)

Shapes: d (nx, ny); x (nx + 1, ny), x_ij between the points (i − 1, j) and (i, j); y (nx, ny + 1). What lies beyond the
first and the last point is zero, or, if the grid is periodic, the other end of it times a phase (Bloch).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

Array = np.ndarray[Any, np.dtype[Any]]


class Stencil(NamedTuple):
    """The numbers of M.

    Attributes:
        diagonal: d.
        across_x, across_y: Couplings between neighbours; of a periodic axis the first and the last are the same.
        bloch: For each axis e^(jφ), the field one period further; None where the grid ends at walls.
    """

    diagonal: Array
    across_x: Array
    across_y: Array
    bloch: tuple[complex | None, complex | None] = (None, None)

    @property
    def shape(self) -> tuple[int, int]:
        """(nx, ny)."""
        nx, ny = self.diagonal.shape
        return nx, ny

    @property
    def symmetric(self) -> bool:
        """Whether M equals its transpose; a Bloch phase other than ±1 takes it to its opposite."""
        return all(phase is None or phase in (1, -1) for phase in self.bloch)

    def transposed(self) -> Stencil:
        """Mᵀ: the waves run the other way."""
        along_x, along_y = (None if phase is None else 1.0 / phase for phase in self.bloch)
        return self._replace(bloch=(along_x, along_y))

    def apply(self, u: Array) -> Array:
        """M u for fields of shape (nx, ny) or (nx, ny, k)."""
        many = (...,) + (None,) * (u.ndim - 2)
        x, y = self.across_x[many], self.across_y[many]
        out = self.diagonal[many] * u
        out[:-1] += x[1:-1] * u[1:]
        out[1:] += x[1:-1] * u[:-1]
        out[:, :-1] += y[:, 1:-1] * u[:, 1:]
        out[:, 1:] += y[:, 1:-1] * u[:, :-1]
        along_x, along_y = self.bloch
        if along_x is not None:
            out[-1] += x[-1] * along_x * u[0]
            out[0] += x[0] / along_x * u[-1]
        if along_y is not None:
            out[:, -1] += y[:, -1] * along_y * u[:, 0]
            out[:, 0] += y[:, 0] / along_y * u[:, -1]
        return out

    def matrix(self) -> sp.csc_array:
        """M on raveled fields, for a solver of general sparse matrices."""
        place = np.arange(self.diagonal.size).reshape(self.shape)
        entries = [(place, place, self.diagonal)]
        for here, there, values in (
            (place[:-1], place[1:], self.across_x[1:-1]),
            (place[:, :-1], place[:, 1:], self.across_y[:, 1:-1]),
        ):
            entries += [(here, there, values), (there, here, values)]
        ends = ((place[-1], place[0], self.across_x[0]), (place[:, -1], place[:, 0], self.across_y[:, 0]))
        for phase, (last, first, values) in zip(self.bloch, ends, strict=True):
            if phase is not None:
                entries += [(last, first, values * phase), (first, last, values / phase)]
        rows, columns, values = (
            np.concatenate([np.ravel(part) for part in parts]) for parts in zip(*entries, strict=True)
        )
        return sp.coo_array((values, (rows, columns)), shape=(place.size, place.size)).tocsc()
