"""A level set: the border is where a function φ vanishes, φ a sum of cubic B-splines on control points.

Divided by its slope, φ is a distance to the border near it, and f = 1/2 + s φ/√(|∇φ|² + δ²) rises there as the
filtered field of a density does, s = 3/(π R). So projection, etching and what follows are the same for both ways. Where
φ is flat, as at the beginning, δ keeps f near one half, and the pattern may open holes anywhere. The control points at
the edge of the region and beyond it are held at what is around, so that the border meets the guides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lightloop.inverse.filters import filtered
from lightloop.inverse.parametrization import REFINEMENT, Canvas
from lightloop.inverse.symmetry import symmetric

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]
START, BOUND, HELD = 0.05, 1.0, 0.5
# Control points at each end of an axis that are held.
ENDS = 2
# δ in units of 1/R.
FLAT = 0.5


@dataclass(frozen=True)
class LevelSet:
    """Values of φ at control points, one radius of the cone apart."""

    canvas: Canvas

    def initial(self, seed: int) -> Tensor:
        """Nearly flat."""
        import torch

        shape = tuple(intervals + 3 - 2 * ENDS for intervals in self._intervals())
        return START * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    def admissible(self, parameters: Tensor) -> Tensor:
        """Within the range that keeps φ a level set of slopes about 1/R."""
        return parameters.clamp(-BOUND, BOUND)

    def border(self, parameters: Tensor) -> Tensor:
        """f on the raster."""
        import torch

        x = torch.from_numpy(self._held())
        x[ENDS:-ENDS, ENDS:-ENDS] = symmetric(parameters, self.canvas.symmetries)
        along_x, along_y = (
            torch.from_numpy(_splines(count * REFINEMENT, intervals))
            for count, intervals in zip(self.canvas.shape, self._intervals(), strict=True)
        )
        phi = along_x @ x @ along_y.T
        radius = self.canvas.radius * REFINEMENT
        slope_x, slope_y = torch.gradient(phi)
        slope = (slope_x**2 + slope_y**2 + (FLAT / radius) ** 2).sqrt()
        return (0.5 + 3.0 / (np.pi * radius) * phi / slope).clamp(0.0, 1.0)

    def smooth(self, parameters: Tensor, rho: Tensor) -> Tensor:
        """The pattern itself, filtered."""
        kernel = self.canvas.kernel()
        return filtered(self.canvas.framed(rho, kernel.shape[0] // 2 + 1), kernel)

    def _intervals(self) -> tuple[int, int]:
        """Between the control points of x and of y."""
        nx, ny = (max(2 * ENDS, round(count / self.canvas.radius)) for count in self.canvas.shape)
        return nx, ny

    def _held(self) -> Array:
        """Values at all control points: above 0 at guides, below elsewhere."""
        weights = []
        for count, intervals in zip(self.canvas.shape, self._intervals(), strict=True):
            spacing = count / intervals
            cells = np.arange(-self.canvas.margin, count + self.canvas.margin) + 0.5
            # The region itself is empty in what is around: points at its edge look beyond it.
            points = np.arange(-1, intervals + 2) * spacing
            points = np.where(points <= 0, -0.5 * spacing, np.where(points >= count, count + 0.5 * spacing, points))
            near = np.maximum(0.0, 1.0 - np.abs(cells - points[:, None]) / (0.5 * spacing))
            weights.append(near / near.sum(1, keepdims=True))
        return HELD * (2.0 * weights[0] @ self.canvas.around @ weights[1].T - 1.0)


def _splines(count: int, intervals: int) -> Array:
    """Cubic B-splines at `count` points within so many intervals, shape (count, intervals + 3)."""
    places = (np.arange(count) + 0.5) * (intervals / count)
    return _cubic(places[:, None] - np.arange(-1, intervals + 2))


def _cubic(t: Array) -> Array:
    """The cubic B-spline of unit knots, centred at 0."""
    t = np.abs(t)
    return np.where(t < 1.0, 2.0 / 3.0 - t**2 + 0.5 * t**3, np.where(t < 2.0, (2.0 - t) ** 3 / 6.0, 0.0))
