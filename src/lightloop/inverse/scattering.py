"""S of a task at its wavelengths, from the solid part of the region's cells: what gradients flow through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightloop.inverse.layout import Layout, Medium
from lightloop.maxwell.gradients.region import Region

if TYPE_CHECKING:
    from torch import Tensor


class Scatterings:
    """S at one wavelength or several; what is around the region is eliminated once for each.

    Args:
        layout: The task.
        media: For each wavelength.
        wavelengths_um: In vacuum.
        dl_um: Side of a cell.
    """

    def __init__(
        self, layout: Layout, media: tuple[Medium, ...], wavelengths_um: tuple[float, ...], dl_um: float
    ) -> None:
        x, y = layout.region(dl_um)
        self._media = media
        self._regions = [
            Region(layout.device(medium).simulation(dl_um, wavelength_um), layout.ports(), x, y)
            for medium, wavelength_um in zip(media, wavelengths_um, strict=True)
        ]

    def __call__(self, rho: Tensor) -> Tensor:
        """S, shape (wavelengths, ports, ports), of the solid part of the cells, shape (nx, ny)."""
        import torch

        return torch.stack(
            [
                region(medium.void + (medium.solid - medium.void) * rho)
                for medium, region in zip(self._media, self._regions, strict=True)
            ]
        )
