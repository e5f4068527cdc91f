"""The smallest feature as a constraint (Zhou, Lazarov, Wang and Sigmund 2015).

Where a pattern has its skeleton, the smooth field f is flat: I = exp(−c R² |∇f|²) marks it. A bar of the width b has
f ≥ η_e on its skeleton, and a gap f ≤ η_d, for a cone of the radius R = b, η_e = 3/4 and η_d = 1/4 (Qian and Sigmund
2013). So these vanish for a pattern with no feature smaller than b:

    solid   mean of ρ I min(f − η_e, 0)²
    void    mean of (1 − ρ) I min(η_d − f, 0)²
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SKELETON = 64.0
ERODED, DILATED = 0.75, 0.25


def violation(f: Tensor, rho: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    """Of solid and of void.

    Args:
        f: Smooth field, shape (nx + 2, ny + 2).
        rho: Pattern, of the same shape.
        radius: R in steps of the raster.
    """
    along_x, along_y = 0.5 * (f[2:, 1:-1] - f[:-2, 1:-1]), 0.5 * (f[1:-1, 2:] - f[1:-1, :-2])
    skeleton = (-SKELETON * radius**2 * (along_x**2 + along_y**2)).exp()
    f, rho = f[1:-1, 1:-1], rho[1:-1, 1:-1]
    solid = (rho * skeleton * (f - ERODED).clamp(max=0.0) ** 2).mean()
    void = ((1.0 - rho) * skeleton * (DILATED - f).clamp(max=0.0) ** 2).mean()
    return solid, void
