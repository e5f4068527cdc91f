"""From a smooth field f to a pattern of two materials, whose border is f = η (Wang, Lazarov and Sigmund 2011).

    ρ = (tanh βη + tanh β(f − η)) / (tanh βη + tanh β(1 − η))

β → ∞ makes a step of it. f is looked at on a raster finer than the cells, so that a cell at the border is filled in
part even then: the mean over a cell is what second order asks for where E is along the border (Ez).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

MIDDLE = 0.5
# Added to |∇f|², so that it can be differentiated where f is flat.
FLAT = 1e-12


def projected(f: Tensor, beta: float, eta: float = MIDDLE) -> Tensor:
    """ρ, between 0 and 1; a step for an infinite β."""
    if math.isinf(beta):
        return (f > eta).to(f.dtype)
    low, high = math.tanh(beta * eta), math.tanh(beta * (1.0 - eta))
    return (low + (beta * (f - eta)).tanh()) / (low + high)


def moved(f: Tensor, steps: float) -> Tensor:
    """f of a pattern whose edges are so many steps of the raster further out: f + s |∇f|, right to first order."""
    import torch

    if steps == 0.0:
        return f
    along_x, along_y = torch.gradient(f)
    return f + steps * (along_x**2 + along_y**2 + FLAT).sqrt()


def refined(f: Tensor, times: int) -> Tensor:
    """f between its points, bilinear, shape (nx · times, ny · times); f is (nx + 2, ny + 2), one point more around."""
    import torch

    fine = torch.nn.functional.interpolate(f[None, None], scale_factor=times, mode="bilinear", align_corners=False)
    return fine[0, 0, times:-times, times:-times]


def cell_means(fine: Tensor, times: int) -> Tensor:
    """Means over `times` × `times` points."""
    nx, ny = (count // times for count in fine.shape)
    return fine.reshape(nx, times, ny, times).mean((1, 3))


def binarisation(rho: Tensor) -> float:
    """1 − mean of 4 ρ (1 − ρ): 1 for a pattern of two materials, 0 for the mixture of both in equal parts."""
    return 1.0 - float((4.0 * rho * (1.0 - rho)).mean())
