"""Ports: places where a mode enters a device, and where what comes out is measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, NamedTuple

import numpy as np

from lightloop.errors import InputError
from lightloop.maxwell.checks import AXES, checked_length
from lightloop.maxwell.modes import Mode, guided, section
from lightloop.maxwell.stencil import Stencil

Array = np.ndarray[Any, np.dtype[Any]]
DIRECTIONS = ("+", "-")
# Sections before the plane of a port that must repeat one another: two are measured at.
LEAD = 3
# Of a cell: positions are sums of lengths, and rounded.
SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Port:
    """A line across a waveguide.

    Attributes:
        name: In messages and results.
        axis: "x" or "y", along which the mode propagates.
        position_um: Of the line along that axis.
        center_um: Of the guide across it.
        span_um: How much of the cross-section the mode is looked for in.
        direction: The sense, "+" or "-" along the axis, of the wave that enters the device.
        mode: 0 for the one of the highest effective index.
    """

    name: str
    axis: Literal["x", "y"]
    position_um: float
    center_um: float
    span_um: float
    direction: Literal["+", "-"] = "+"
    mode: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"a port named {self.name!r}", allowed=["a name, in letters"])
        for option, value, allowed in (("axis", self.axis, AXES), ("direction", self.direction, DIRECTIONS)):
            if value not in allowed:
                raise InputError(f"port {self.name}: {option}={value!r} cannot be used", allowed=allowed)
        where = f"port {self.name}: "
        checked_length(f"{where}span_um", self.span_um, example=2.0)
        for option, place in (("position_um", self.position_um), ("center_um", self.center_um)):
            if not (isinstance(place, Real) and math.isfinite(place)):
                raise InputError(f"{where}{option}={place!r} cannot be used", allowed=["a finite number"])
        if not isinstance(self.mode, int | np.integer) or self.mode < 0:
            raise InputError(f"{where}mode={self.mode!r} cannot be used", allowed=["an integer >= 0"])


class Line(NamedTuple):
    """A port on the points of a grid, with its mode.

    The wave enters between two sections: the *first* is the first of the device, and those on the other side of it
    hold nothing but what comes out.

    Attributes:
        axis: 0 for x.
        first: Index along the axis.
        sense: 1 if the wave goes towards higher indices, else −1.
        span: Indices across it.
        mode: Of the section.
        offset: From the first section to the port's line, in steps along `sense`.
    """

    axis: int
    first: int
    sense: int
    span: slice
    mode: Mode
    offset: float

    def at(self, sections_in: int) -> tuple[slice | int, slice | int]:
        """Index of a section, counted into the device from the first."""
        place = self.first + self.sense * sections_in
        return (place, self.span) if self.axis == 0 else (self.span, place)


def refuse_ports(ports: Sequence[Port]) -> None:
    """Say what is wrong with a list of ports. Raises `InputError` for an empty one, or one with a name twice."""
    if not isinstance(ports, Sequence) or not all(isinstance(port, Port) for port in ports):
        raise InputError(f"{ports!r} is not a list of ports", allowed=["[Port(...), ...]"])
    if not ports:
        raise InputError("there are no ports", hint="an S-matrix needs one at least")
    names = [port.name for port in ports]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"port {twice[0]!r} is given twice", hint="give each port a name of its own")


def line_of(port: Port, stencil: Stencil, dl_um: float, k0_dl: float, pml_cells: tuple[int, int]) -> Line:
    """The port on the grid.

    Raises:
        InputError: It lies outside the grid or in an absorbing layer, or its mode does not propagate.
    """
    axis = AXES.index(port.axis)
    sense = 1 if port.direction == "+" else -1
    along, across = stencil.shape[axis], stencil.shape[1 - axis]
    place = port.position_um / dl_um
    first = math.floor(place + SLACK) if sense > 0 else math.ceil(place - SLACK) - 1
    low, high = ((port.center_um + side * 0.5 * port.span_um) / dl_um for side in (-1, 1))
    span = slice(max(0, round(low)), min(across, round(high)))
    _refuse_outside(port, first, sense, (low, high), (along, across), (pml_cells[axis], pml_cells[1 - axis]), dl_um)
    if span.stop <= span.start:
        raise InputError(
            f"port {port.name} spans {port.span_um} um, which no cell's middle lies in",
            hint=f"make span_um the width of the guide and of the field beside it; a cell is {dl_um:g} um",
        )
    mode = guided(section(stencil, axis, first, span), port.mode, k0_dl, f"port {port.name}")
    offset = sense * (place - (first + 0.5))
    return Line(axis, first, sense, span, mode, offset)


def _refuse_outside(
    port: Port,
    first: int,
    sense: int,
    across: tuple[float, float],
    counts: tuple[int, int],
    cells: tuple[int, int],
    dl_um: float,
) -> None:
    behind = first - sense * LEAD
    inside = [margin * dl_um for margin in (cells[0] + LEAD, counts[0] - cells[0] - LEAD)]
    if not cells[0] <= min(first, behind) <= max(first, behind) < counts[0] - cells[0]:
        raise InputError(
            f"port {port.name} at {port.axis} = {port.position_um} um is outside the grid or in its absorbing layer",
            allowed=[f"{inside[0]:g} to {inside[1]:g} um"],
            hint="move the port, or make the grid longer",
        )
    room = [margin * dl_um for margin in (cells[1], counts[1] - cells[1])]
    if across[0] < cells[1] - SLACK or across[1] > counts[1] - cells[1] + SLACK:
        other = AXES[1 - AXES.index(port.axis)]
        raise InputError(
            f"port {port.name} spans {other} = {across[0] * dl_um:g} to {across[1] * dl_um:g} um, which is not all "
            "between the absorbing layers",
            allowed=[f"from {room[0]:g} to {room[1]:g} um"],
            hint="make the span shorter, or the grid wider",
        )
