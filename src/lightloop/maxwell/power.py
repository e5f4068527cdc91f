"""Where the power of a field goes: exact on the grid, from the numbers of the operator.

M is a sum over points, p_i u_i, and over pairs of neighbours, c_ik (u_k − u_i) for the one and the opposite for the
other. So for any set of points

    Σ Im(u* f) = Σ Im(p) |u|² − Σ Im(c) |u_i − u_k|² over pairs inside + Σ Im(u_i* c (u_k − u_i)) over pairs at the edge

which are, times −1/(2ω · constant): what currents supply, what the medium absorbs in the field out of the plane and in
that in the plane, and what leaves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lightloop.maxwell.stencil import Stencil

Array = np.ndarray[Any, np.dtype[Any]]


class PowerBalance(NamedTuple):
    """Powers in W/m within a rectangle of points; amplitudes are peak values of time as e^(+jωt).

    Attributes:
        supplied: By the currents.
        radiated: Through the edge.
        absorbed: In the medium.
    """

    supplied: float
    radiated: float
    absorbed: float

    @property
    def error(self) -> float:
        """What is missing, as a part of the largest of the three."""
        largest = max(map(abs, self))
        return abs(self.supplied - self.radiated - self.absorbed) / largest if largest else 0.0


def power_balance(stencil: Stencil, f: Array, u: Array, margins: tuple[int, int], factor: float) -> PowerBalance:
    """Of the field u of a current f, shape (nx, ny), without the outer `margins` points of each axis.

    Args:
        stencil: M.
        f: Right-hand side.
        u: Solution.
        margins: Points at both ends of x and of y that are left out, and where M may absorb.
        factor: 1/(2ω · constant).
    """
    (left, bottom), (nx, ny) = margins, stencil.shape
    x, y = slice(left, nx - left), slice(bottom, ny - bottom)
    inside, across_x, across_y = (
        u[x, y],
        stencil.across_x[left : nx - left + 1, y],
        stencil.across_y[x, bottom : ny - bottom + 1],
    )
    at_points = stencil.diagonal[x, y] + across_x[:-1] + across_x[1:] + across_y[:, :-1] + across_y[:, 1:]
    absorbed = np.sum(np.imag(at_points) * np.abs(inside) ** 2)
    leaving = 0.0
    for axis, coupling in ((0, across_x), (1, across_y.T)):
        field, own = (u[:, y], inside) if axis == 0 else (u[x].T, inside.T)
        absorbed -= np.sum(np.imag(coupling[1:-1]) * np.abs(own[1:] - own[:-1]) ** 2)
        first = margins[axis]
        for edge, at, beyond in ((0, first, first - 1), (-1, len(field) - 1 - first, len(field) - first)):
            outside = field[beyond] if 0 <= beyond < len(field) else np.zeros_like(field[at])
            leaving += float(np.imag(np.vdot(field[at], coupling[edge] * (outside - field[at]))))
    supplied = float(np.imag(np.vdot(inside, f[x, y])))
    return PowerBalance(-factor * supplied, -factor * leaving, -factor * float(absorbed))
