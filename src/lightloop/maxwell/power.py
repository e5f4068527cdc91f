"""Where the power of a field goes: exact on the grid, from the numbers of the operator.

M is a sum over points, p_i u_i, and over pairs of neighbours, c_ik (u_k − u_i) for the one and the opposite for the
other. So for any set of points

    Σ Im(u* f) = Σ Im(p) |u|² − Σ Im(c) |u_i − u_k|² over pairs inside + Σ Im(u_i* c (u_k − u_i)) over pairs at the edge

which are, times −1/(2ω · constant): what currents supply, what the medium absorbs in the field out of the plane and in
that in the plane, and what leaves. An axis along which the grid repeats itself has no edge: the pair of its two ends is
one inside.
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


class Powers(NamedTuple):
    """The three of a `PowerBalance` for many fields at once, each of shape (k,)."""

    supplied: Array
    radiated: Array
    absorbed: Array


def power_balance(stencil: Stencil, f: Array, u: Array, margins: tuple[int, int], factor: float) -> PowerBalance:
    """Of the field u of a current f, shape (nx, ny), without the outer `margins` points of each axis.

    Args:
        stencil: M.
        f: Right-hand side.
        u: Solution.
        margins: Points at both ends of x and of y that are left out, and where M may absorb.
        factor: 1/(2ω · constant).
    """
    return PowerBalance(*(float(part[0]) for part in powers(stencil, f[..., None], u[..., None], margins, factor)))


def powers(stencil: Stencil, f: Array, u: Array, margins: tuple[int, int], factor: float) -> Powers:
    """The same of many fields, f and u of shape (nx, ny, k)."""
    (left, bottom), (nx, ny) = margins, stencil.shape
    x, y = slice(left, nx - left), slice(bottom, ny - bottom)
    inside = u[x, y]
    across_x, across_y = stencil.across_x[left : nx - left + 1, y], stencil.across_y[x, bottom : ny - bottom + 1]
    at_points = np.imag(stencil.diagonal[x, y] + across_x[:-1] + across_x[1:] + across_y[:, :-1] + across_y[:, 1:])
    absorbed, radiated = _weighted(at_points, inside), np.zeros(u.shape[2])
    for axis, coupling, own, beside in (
        (0, across_x, inside, u[:, y]),
        (1, across_y.T, inside.swapaxes(0, 1), u[x].swapaxes(0, 1)),
    ):
        absorbed -= _weighted(np.imag(coupling[1:-1]), own[1:] - own[:-1])
        phase = None if margins[axis] else stencil.bloch[axis]
        if phase is None:
            radiated += _through_ends(coupling, beside, margins[axis])
        else:
            absorbed -= _weighted(np.imag(coupling[:1]), own[:1] - own[-1:] / phase)
    supplied = np.imag(np.einsum("xyk,xyk->k", np.conj(inside), f[x, y]))
    return Powers(-factor * supplied, -factor * radiated, -factor * absorbed)


def _weighted(weight: Array, u: Array) -> Array:
    """Σ weight |u|² of each field; mostly nothing absorbs, and it is known without them."""
    return np.tensordot(weight, np.abs(u) ** 2, 2) if weight.any() else np.zeros(u.shape[2])


def _through_ends(coupling: Array, u: Array, margin: int) -> Array:
    """Σ Im(u_i* c (u_k − u_i)) over the pairs at both ends of the first axis, `margin` points from those of u."""
    total = np.zeros(u.shape[2])
    last = len(u) - 1 - margin
    for edge, at, beyond in ((0, margin, margin - 1), (-1, last, last + 1)):
        outside = u[beyond] if 0 <= beyond < len(u) else np.zeros_like(u[at])
        total += np.imag(np.einsum("ak,ak->k", np.conj(u[at]), coupling[edge][:, None] * (outside - u[at])))
    return total
