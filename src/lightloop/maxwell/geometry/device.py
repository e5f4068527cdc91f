"""A device drawn with polygons, and its permittivity and simulation on any grid.

y                               +----------------------------+ size_um
|                               |      absorbing layer       |
origin at the lower left        |   +--------------------+   |
corner of the grid              | ==|== in          out ==|==|   guides run through the layer to the grid's end
                                |   +--------------------+   |
                                +----------------------------+
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from lightloop.errors import InputError
from lightloop.maxwell.checks import checked_length
from lightloop.maxwell.geometry.coverage import permittivity_of
from lightloop.maxwell.geometry.materials import check_material, permittivity
from lightloop.maxwell.geometry.shapes import Shape
from lightloop.maxwell.memory import grid_bytes, refuse_too_large
from lightloop.maxwell.permittivity import Permittivity
from lightloop.maxwell.ports import AXES, Port
from lightloop.maxwell.simulation import Simulation

# Of a cell: sizes are sums of lengths, and rounded.
SLACK = 1e-6
PML_UM = 0.75


@dataclass(frozen=True, slots=True)
class Device:
    """Shapes in a background, with ports.

    Attributes:
        name: In messages and files.
        size_um: Of the whole grid along x and y, absorbing layers within.
        background: Material, or ε_r, where no shape is.
        shapes: Each over the earlier ones.
        ports: Where modes enter and leave.
        pml_um: Thickness of the absorbing layers.

    Raises:
        InputError: A size cannot be used, a name of a port is there twice, or a port lies in a layer or outside.
    """

    name: str
    size_um: tuple[float, float]
    background: str | complex
    shapes: tuple[Shape, ...]
    ports: tuple[Port, ...]
    pml_um: float = PML_UM

    def __post_init__(self) -> None:
        check_material(self.background)
        for option, value in (("size_um", self.size_um[0]), ("size_um", self.size_um[1]), ("pml_um", self.pml_um)):
            if not (math.isfinite(value) and value >= 0) or (option == "size_um" and value <= 2 * self.pml_um):
                raise InputError(
                    f"device {self.name}: {option}={getattr(self, option)} cannot be used",
                    allowed=["a pml_um >= 0, and a size_um of more than two absorbing layers along x and y"],
                )
        names = [port.name for port in self.ports]
        for port in self.ports:
            if names.count(port.name) > 1:
                raise InputError(f"device {self.name}: more than one port is named {port.name!r}")
            self._refuse_outside(port)

    def permittivity(self, dl_um: float, wavelength_um: float) -> Permittivity:
        """ε_r on a grid, each cell the mean over what it holds.

        The grid has as many cells as cover the size. Vertices that are tensors give tensors, with their gradients.

        Args:
            dl_um: Side of a cell.
            wavelength_um: In vacuum.

        Raises:
            InputError: The grid is too coarse for the absorbing layers, the boundary of a shape crosses itself, or a
                material is not known at the wavelength.
        """
        eps = [permittivity(shape.material, wavelength_um) for shape in self.shapes]
        background = permittivity(self.background, wavelength_um)
        return permittivity_of([shape.vertices_um for shape in self.shapes], eps, background, self.grid(dl_um), dl_um)

    def grid(self, dl_um: float) -> tuple[int, int]:
        """(nx, ny).

        Raises:
            InputError: `dl_um` cannot be used.
        """
        if not (math.isfinite(dl_um) and dl_um > 0) or 0 < self.pml_um < 2 * dl_um:
            raise InputError(
                f"dl_um={dl_um} cannot be used",
                allowed=[f"sides of a cell > 0 and <= {self.pml_um / 2:g} um, half the absorbing layer"],
            )
        nx, ny = (math.ceil(size / dl_um - SLACK) for size in self.size_um)
        return nx, ny

    def simulation(
        self,
        dl_um: float = 0.05,
        wavelength_um: float = 1.55,
        polarization: Literal["Ez", "Hz"] = "Ez",
        **options: Any,
    ) -> Simulation:
        """The device on a grid; `options` as those of `Simulation`.

        Raises:
            InputError: A value cannot be used, or the grid is larger than memory.
        """
        checked_length("dl_um", dl_um, example=0.05)
        checked_length("wavelength_um", wavelength_um, example=1.55)
        refuse_too_large(self.grid(dl_um), grid_bytes(*self.grid(dl_um)))
        eps = self.permittivity(dl_um, wavelength_um)
        cells = round(self.pml_um / dl_um)
        return Simulation(eps, dl_um, wavelength_um, polarization, **{"pml_cells": cells, **options})

    def _refuse_outside(self, port: Port) -> None:
        axis = AXES.index(port.axis)
        low, high = port.center_um - 0.5 * port.span_um, port.center_um + 0.5 * port.span_um
        along, across = self.size_um[axis] - self.pml_um, self.size_um[1 - axis] - self.pml_um
        inside = self.pml_um <= port.position_um <= along
        if not (inside and self.pml_um - SLACK <= low and high <= across + SLACK):
            other = AXES[1 - axis]
            raise InputError(
                f"device {self.name}: port {port.name} at {port.axis} = {port.position_um:g} um, "
                f"{other} = {low:g} to {high:g} um is not between the absorbing layers",
                allowed=[
                    f"{port.axis} from {self.pml_um:g} to {along:g} um",
                    f"{other} from {self.pml_um:g} to {across:g} um",
                ],
            )
