"""The scalar equations of the two polarizations in two dimensions, with time as e^(+jωt).

    Ez:   ∂x (1/s_x) ∂x E s_y + ∂y (1/s_y) ∂y E s_x + k0² ε_zz s_x s_y E = jωμ0 J s_x s_y
    Hz:   ∂x (1/(s_x ε_yy)) ∂x H s_y + ∂y (1/(s_y ε_xx)) ∂y H s_x + k0² s_x s_y H = jωε0 M s_x s_y

Multiplied by s_x s_y as here, the operator is complex-symmetric. Both are the same operator up to which constant stands
where, so that modes, sources, and powers follow from the numbers of the operator alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from scipy.constants import epsilon_0, mu_0

from lightloop.maxwell.permittivity import Array, Permittivity
from lightloop.maxwell.stencil import Stencil
from lightloop.maxwell.stretch import Stretch


class Polarization(NamedTuple):
    """One of the two.

    Attributes:
        name: "Ez" or "Hz".
        constant: μ0 for Ez, ε0 for Hz: jω · constant · current is the right-hand side.
        weights: For the two directions, what multiplies a difference along it; of the medium, and for the points.
    """

    name: str
    constant: float
    across_x: Callable[[Permittivity], Array | float]
    across_y: Callable[[Permittivity], Array | float]
    at_points: Callable[[Permittivity], Array | float]


POLARIZATIONS = {
    "Ez": Polarization("Ez", mu_0, lambda eps: 1.0, lambda eps: 1.0, lambda eps: eps.zz),
    "Hz": Polarization("Hz", epsilon_0, lambda eps: 1.0 / eps.yy, lambda eps: 1.0 / eps.xx, lambda eps: 1.0),
}


def operator(
    polarization: Polarization,
    eps: Permittivity,
    k0_dl: float,
    stretch: tuple[Stretch, Stretch],
    bloch: tuple[complex | None, complex | None] = (None, None),
) -> Stencil:
    """The operator on a grid of steps dl, times dl²."""
    (x, x_between), (y, y_between) = stretch
    across_x = y / x_between[:, None] * polarization.across_x(eps)
    across_y = x[:, None] / y_between * polarization.across_y(eps)
    out = across_x[:-1] + across_x[1:] + across_y[:, :-1] + across_y[:, 1:]
    diagonal = k0_dl**2 * polarization.at_points(eps) * (x[:, None] * y) - out
    return Stencil(diagonal, across_x, across_y, bloch)
