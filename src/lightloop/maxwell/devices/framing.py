"""Places a drawing on a grid: guides from its sides to the grid's ends, ports across them, absorbing layers around.

one side of a drawing      | box |  PORT_UM  ‖ port  LEAD_UM − PORT_UM |  absorbing layer  |
a side without a guide     | box |  CLEAR_UM                           |  absorbing layer  |
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, Literal, NamedTuple

import numpy as np

from lightloop.errors import InputError, unknown_name
from lightloop.maxwell.geometry.device import PML_UM, Device
from lightloop.maxwell.geometry.shapes import Shape, Values, rectangle
from lightloop.maxwell.ports import Port

Array = np.ndarray[Any, np.dtype[Any]]
LEAD_UM = 1.0
PORT_UM = 0.5
CLEAR_UM = 1.0
# On either side of a guide; the mode of a silicon wire has fallen to a thousandth of its power after 0.3 um.
SPAN_BESIDE_UM = 0.45


class Side(NamedTuple):
    """A side of a box.

    Attributes:
        axis: "x" or "y", across the side.
        far: Whether it is the one at the higher coordinate.
    """

    axis: Literal["x", "y"]
    far: bool


SIDES = {"west": Side("x", False), "east": Side("x", True), "south": Side("y", False), "north": Side("y", True)}


class Opening(NamedTuple):
    """A guide that leaves a box.

    Attributes:
        name: Of its port.
        side: "west", "east", "south", or "north".
        at_um: Of its middle along the side.
        width_um: Of the guide.
        mode: Of the port.
        span_um: Of the port; the guide and `SPAN_BESIDE_UM` on either side if None.
    """

    name: str
    side: str
    at_um: float
    width_um: float
    mode: int = 0
    span_um: float | None = None


def framed(
    name: str,
    drawing: Sequence[tuple[Values, str | complex]],
    box_um: tuple[float, float, float, float],
    openings: Sequence[Opening],
    core: str | complex,
    cladding: str | complex,
) -> Device:
    """A device made of a drawing and the guides that lead to it.

    Args:
        name: Of the device.
        drawing: Polygons and their materials, in any coordinates.
        box_um: What holds the drawing: low x, low y, high x, high y. Guides start at its sides.
        openings: The guides, in the same coordinates.
        core: Material of the guides.
        cladding: Material around.
    """
    low, high = np.array(box_um[:2], float), np.array(box_um[2:], float)
    for opening in openings:
        if opening.side not in SIDES:
            raise unknown_name("side", opening.side, SIDES)
    open_sides = {SIDES[opening.side] for opening in openings}
    room = np.array(
        [[LEAD_UM if Side(axis, far) in open_sides else CLEAR_UM for axis in ("x", "y")] for far in (False, True)]
    )
    origin = low - room[0] - PML_UM
    size = high + room[1] + PML_UM - origin
    leads = [(_lead(opening, low, high), core) for opening in openings]
    shapes = tuple(Shape(vertices, material).moved(*-origin) for vertices, material in [*leads, *drawing])
    ports = tuple(_port(opening, low - origin, high - origin, origin) for opening in openings)
    return Device(name, (_tidy(size[0]), _tidy(size[1])), cladding, shapes, ports)


def spread(count: int, pitch_um: float) -> list[float]:
    """Positions of `count` things a pitch apart, around 0."""
    return [pitch_um * (number - 0.5 * (count - 1)) for number in range(count)]


def checked(**lengths_um: float) -> None:
    """Refuse lengths that are not positive.

    Raises:
        InputError: With all of them.
    """
    wrong = [
        f"{name}={value!r}"
        for name, value in lengths_um.items()
        if not (isinstance(value, Real) and 0 < value < float("inf"))
    ]
    if wrong:
        raise InputError(f"{', '.join(wrong)} cannot be used", allowed=["lengths in um > 0"])


def checked_counts(**counts: int) -> None:
    """Refuse what is not a whole number from 1.

    Raises:
        InputError: With all of them.
    """
    wrong = [f"{name}={value}" for name, value in counts.items() if value != int(value) or value < 1]
    if wrong:
        raise InputError(f"{', '.join(wrong)} cannot be used", allowed=["whole numbers >= 1"])


def _lead(opening: Opening, low: Array, high: Array) -> Array:
    """A guide from a side of the box to beyond the end of the grid."""
    side, half = SIDES[opening.side], 0.5 * opening.width_um
    start = high if side.far else low
    reach = (LEAD_UM + 2.0 * PML_UM) * (1.0 if side.far else -1.0)
    if side.axis == "x":
        near, end = sorted((float(start[0]), float(start[0] + reach)))
        return rectangle(near, opening.at_um - half, end, opening.at_um + half)
    near, end = sorted((float(start[1]), float(start[1] + reach)))
    return rectangle(opening.at_um - half, near, opening.at_um + half, end)


def _port(opening: Opening, low: Array, high: Array, origin: Array) -> Port:
    side = SIDES[opening.side]
    along = 0 if side.axis == "x" else 1
    position = high[along] + PORT_UM if side.far else low[along] - PORT_UM
    span = opening.span_um or opening.width_um + 2.0 * SPAN_BESIDE_UM
    return Port(
        opening.name,
        side.axis,
        _tidy(position),
        _tidy(opening.at_um - origin[1 - along]),
        _tidy(span),
        "-" if side.far else "+",
        opening.mode,
    )


def _tidy(length_um: float) -> float:
    """Without the rounding errors of a few sums."""
    return round(float(length_um), 12)
