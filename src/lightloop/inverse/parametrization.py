"""What describes a pattern: numbers that the optimiser moves, and the smooth field whose level 1/2 is its border.

`Density` and `LevelSet` are the two; both know what lies around the region, so that features are whole at its edge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lightloop.inverse.filters import cone
from lightloop.inverse.projection import cell_means, moved, projected, refined

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]
# Points of the raster of a pattern along the side of a cell.
REFINEMENT = 4
# Points between those, for a border without any width.
SHARPER = 4


@dataclass(frozen=True)
class Canvas:
    """The cells of a region and what is around them.

    Attributes:
        around: Solid part of the cells, shape (nx + 2 m, ny + 2 m); that of the region, in the middle, is not read.
        margin: m.
        radius: Of the cone, in cells.
        symmetries: Of the pattern.
    """

    around: Array
    margin: int
    radius: float
    symmetries: Sequence[str] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """(nx, ny)."""
        nx, ny = self.around.shape
        return nx - 2 * self.margin, ny - 2 * self.margin

    def kernel(self) -> Tensor:
        """The cone."""
        return cone(self.radius)

    def framed(self, x: Tensor, extra: int) -> Tensor:
        """x, shape (nx, ny), with `extra` cells of what is around at each side."""
        import torch

        inner, cut = self.margin, self.margin - extra
        nx, ny = self.shape
        frame = torch.from_numpy(self.around[cut : nx + 2 * inner - cut, cut : ny + 2 * inner - cut].copy())
        frame[extra : extra + nx, extra : extra + ny] = x
        return frame


class Parametrization(Protocol):
    """A way of describing patterns."""

    @property
    def canvas(self) -> Canvas:
        """Where it is."""

    def initial(self, seed: int) -> Tensor:
        """Where to begin."""

    def admissible(self, parameters: Tensor) -> Tensor:
        """The nearest parameters that may be used."""

    def border(self, parameters: Tensor) -> Tensor:
        """The field whose level of one half is the border, on the raster, shape (nx · times, ny · times)."""

    def smooth(self, parameters: Tensor, rho: Tensor) -> Tensor:
        """The field that features are judged by, at the cells with one more at each side, shape (nx + 2, ny + 2)."""


def raster(way: Parametrization, parameters: Tensor, beta: float, edge_cells: float = 0.0) -> Tensor:
    """The pattern on its raster, its edges moved outwards by so many cells."""
    return projected(moved(way.border(parameters), edge_cells * REFINEMENT), beta)


def sharp_cells(way: Parametrization, parameters: Tensor) -> Tensor:
    """The solid part of each cell of the pattern of two materials, its border looked at between the raster's points."""
    import torch

    f = torch.nn.functional.pad(way.border(parameters)[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    return cell_means(projected(refined(f, SHARPER), math.inf), REFINEMENT * SHARPER)


def cells(fine: Tensor) -> Tensor:
    """The solid part of each cell, shape (nx, ny), of a pattern on its raster."""
    return cell_means(fine, REFINEMENT)


def on_raster(f: Tensor) -> Tensor:
    """A field at the cells and one more at each side, between them."""
    return refined(f, REFINEMENT)
