"""A task on a grid: where its region lies, what is around it, and the ports.

  ┌──────────────────────────┐
  │  absorbing               │        lead: from the absorbing layer to the region, the port in its middle
  │     ┌─────────┐          │        guides run from the edge of the grid to the region
══╪══|══│ region  │══|═══════╪══
  │     └─────────┘          │
  └──────────────────────────┘
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lightloop.errors import InputError
from lightloop.inverse.task import Access, Task
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.shapes import Shape
from lightloop.maxwell.ports import Port

Array = np.ndarray[Any, np.dtype[Any]]
PML_UM = 0.5
LEAD_UM = 0.5
# Of a port, on both sides of its guide: the field has fallen by e^(-8) there.
BESIDE_UM = 0.7
# How far guides may go on outside the grid.
BEYOND_UM = 0.3
SIDES: dict[str, tuple[int, bool]] = {"left": (0, False), "right": (0, True), "bottom": (1, False), "top": (1, True)}
# Of a length, that it may miss a whole number of cells by.
SLACK = 1e-6


class Medium(NamedTuple):
    """Relative permittivities of the two materials at a wavelength."""

    solid: float
    void: float


@dataclass(frozen=True)
class Layout:
    """A task and its surroundings."""

    task: Task

    @property
    def margin_um(self) -> float:
        """From the edge of the grid to the region."""
        return PML_UM + LEAD_UM

    @property
    def size_um(self) -> tuple[float, float]:
        """Of the whole grid."""
        width, height = self.task.region_um
        return width + 2 * self.margin_um, height + 2 * self.margin_um

    def ports(self) -> tuple[Port, ...]:
        """In the order of the task's accesses."""
        return tuple(self._port(access) for access in self.task.accesses)

    def guides(self, beyond: bool = False) -> list[Array]:
        """Their polygons in um, each (4, 2); `beyond` the grid too, so that ends stay outside while edges move."""
        return [self._guide(access, BEYOND_UM if beyond else 0.0) for access in self.task.accesses]

    def region(self, dl_um: float) -> tuple[slice, slice]:
        """Its cells.

        Raises:
            InputError: The cells do not fill the region and the margins exactly.
        """
        for length in (*self.task.region_um, PML_UM, LEAD_UM):
            if abs(length / dl_um - round(length / dl_um)) > SLACK:
                raise InputError(
                    f"cells of {dl_um:g} um do not fill a length of {length:g} um",
                    allowed=["0.05", "0.025", "0.02", "0.0125", "0.01"],
                    hint="choose a side of the cells that divides 0.5 um",
                )
        start = round(self.margin_um / dl_um)
        width, height = (round(length / dl_um) for length in self.task.region_um)
        return slice(start, start + width), slice(start, start + height)

    def device(self, medium: Medium, solid: Sequence[Array] | None = None) -> Device:
        """Of polygons in um; of the guides alone if there are none."""
        shapes = tuple(Shape(polygon, medium.solid) for polygon in (self.guides() if solid is None else solid))
        return Device(self.task.name, self.size_um, medium.void, shapes, self.ports(), PML_UM)

    def coverage(self, dl_um: float) -> Array:
        """The part of each cell of the whole grid that the guides cover, the region left empty, shape (nx, ny)."""
        return np.real(self.device(Medium(2.0, 1.0)).permittivity(dl_um, self.task.wavelengths_um[0]).zz) - 1.0

    def _port(self, access: Access) -> Port:
        axis, far = SIDES[access.side]
        place = PML_UM + 0.5 * LEAD_UM
        position = self.size_um[axis] - place if far else place
        span = access.width_um + 2 * BESIDE_UM
        name, middle = access.name, self._middle(access)
        return Port(name, "xy"[axis], position, middle, span, "-" if far else "+", access.mode)  # type: ignore[arg-type]

    def _middle(self, access: Access) -> float:
        axis, _ = SIDES[access.side]
        return 0.5 * self.size_um[1 - axis] + access.offset_um

    def _guide(self, access: Access, beyond_um: float) -> Array:
        axis, far = SIDES[access.side]
        length, margin = self.size_um[axis], self.margin_um
        along = (length - margin, length + beyond_um) if far else (-beyond_um, margin)
        across = tuple(self._middle(access) + side * 0.5 * access.width_um for side in (-1, 1))
        corners = np.array([(along[i], across[j]) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))])
        return corners if axis == 0 else corners[::-1, ::-1]
