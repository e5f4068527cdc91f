"""The scalar equations of the two polarizations in two dimensions, with time as e^(+jωt).

    Ez:   ∂x (1/s_x) ∂x E s_y + ∂y (1/s_y) ∂y E s_x + k0² ε_zz s_x s_y E = jωμ0 J s_x s_y
    Hz:   ∂x (1/(s_x ε_yy)) ∂x H s_y + ∂y (1/(s_y ε_xx)) ∂y H s_x + k0² s_x s_y H = jωε0 M s_x s_y

Multiplied by s_x s_y as here, the operator is complex-symmetric. Both are the same operator up to which constant stands
where, so that modes, sources, and powers follow from the numbers of the operator alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from scipy.constants import c, epsilon_0, mu_0

from lightloop.maxwell.fields import before
from lightloop.maxwell.permittivity import Array, Permittivity
from lightloop.maxwell.stencil import Stencil
from lightloop.maxwell.stretch import Stretch


class Polarization(NamedTuple):
    """One of the two.

    Attributes:
        components: Names of the fields out of the plane, along x, and along y.
        constant: μ0 for Ez, ε0 for Hz: jω · constant · current is the right-hand side.
        sense: Of the fields in the plane: −1/(jω · constant) ∂y u along x for Ez, and the opposite for Hz.
        across_x: 1, or 1/ε_r where the field along y is: what a difference along x is multiplied by.
        across_y: The same for y.
        at_points: ε_r, or 1.
    """

    components: tuple[str, str, str]
    constant: float
    sense: float
    across_x: Callable[[Permittivity], Array | float]
    across_y: Callable[[Permittivity], Array | float]
    at_points: Callable[[Permittivity], Array | float]

    def right_hand_side(self, current: Array, k0_dl: float, dl_m: float, area: Array) -> Array:
        """f of a current density J or M, where `area` is s_x s_y: jω · constant · dl² · current · s_x s_y."""
        return 1j * k0_dl * dl_m * c * self.constant * area * current

    def fields(
        self, u: Array, stencil: Stencil, stretch: tuple[Stretch, Stretch], k0: float, dl_m: float
    ) -> dict[str, Array]:
        """All three fields, from the one out of the plane."""
        (x, _), (y, _) = stretch
        scale = self.sense / (1j * k0 * c * self.constant * dl_m)
        slope_x = stencil.across_x[:-1] / y * (u - before(u, 0, stencil.bloch[0]))
        slope_y = stencil.across_y[:, :-1] / x[:, None] * (u - before(u, 1, stencil.bloch[1]))
        return dict(zip(self.components, (u, scale * slope_y, -scale * slope_x), strict=True))


POLARIZATIONS = {
    "Ez": Polarization(("ez", "hx", "hy"), mu_0, -1.0, lambda eps: 1.0, lambda eps: 1.0, lambda eps: eps.zz),
    "Hz": Polarization(
        ("hz", "ex", "ey"), epsilon_0, 1.0, lambda eps: 1.0 / eps.yy, lambda eps: 1.0 / eps.xx, lambda eps: 1.0
    ),
}


def operator(
    polarization: Polarization,
    eps: Permittivity,
    k0_dl: float,
    stretch: tuple[Stretch, Stretch],
    bloch: tuple[complex | None, complex | None] = (None, None),
    weights: tuple[float, float] = (1.0, 1.0),
) -> Stencil:
    """The operator on a grid of steps dl, times dl²; `weights` multiply the differences along x and along y."""
    (x, x_between), (y, y_between) = stretch
    across_x = weights[0] * y / x_between[:, None] * polarization.across_x(eps)
    across_y = weights[1] * x[:, None] / y_between * polarization.across_y(eps)
    out = across_x[:-1] + across_x[1:] + across_y[:, :-1] + across_y[:, 1:]
    diagonal = k0_dl**2 * polarization.at_points(eps) * (x[:, None] * y) - out
    return Stencil(diagonal, across_x, across_y, bloch)
