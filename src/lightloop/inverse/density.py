"""A density for each cell: made symmetric, filtered, projected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightloop.inverse.filters import filtered
from lightloop.inverse.parametrization import Canvas, on_raster
from lightloop.inverse.symmetry import symmetric

if TYPE_CHECKING:
    from torch import Tensor

START, CHANCE = 0.5, 0.02


@dataclass(frozen=True)
class Density:
    """One number between 0 and 1 for each cell."""

    canvas: Canvas

    def initial(self, seed: int) -> Tensor:
        """One half everywhere, but for a little chance that breaks symmetries which the task does not have."""
        import torch

        chance = torch.randn(self.canvas.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        return START + CHANCE * chance

    def admissible(self, parameters: Tensor) -> Tensor:
        """Between 0 and 1."""
        return parameters.clamp(0.0, 1.0)

    def border(self, parameters: Tensor) -> Tensor:
        """The filtered density."""
        return on_raster(self._filtered(parameters))

    def smooth(self, parameters: Tensor, rho: Tensor) -> Tensor:
        """The filtered density."""
        return self._filtered(parameters)

    def _filtered(self, parameters: Tensor) -> Tensor:
        kernel = self.canvas.kernel()
        x = symmetric(parameters, self.canvas.symmetries)
        return filtered(self.canvas.framed(x, kernel.shape[0] // 2 + 1), kernel)
