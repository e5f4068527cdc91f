"""A rectangle with guides on its sides: where inverse design begins.

        |
     ___|___
    |       |
====|       |====
    |_______|
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lightloop.errors import InputError, unknown_name
from lightloop.maxwell.devices.framing import SIDES, Opening, checked, framed
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.shapes import rectangle


def box(
    *,
    length_um: float = 2.0,
    width_um: float = 2.0,
    openings: Mapping[str, Sequence[float]] | None = None,
    port_width_um: float = 0.5,
    fill: str | complex = "Si",
    core: str | complex = "Si",
    cladding: str | complex = "SiO2",
) -> Device:
    """A rectangle filled with one material, with the ports `west0`, ... on each side, in the order given.

    Args:
        length_um, width_um: Along x and y.
        openings: For each of "west", "east", "south", "north" where guides are, from the middle of the side in um;
            one in the middle of the west and of the east side if None.
        port_width_um: Of the guides.
        fill: Material, or ε_r, of the rectangle.
        core, cladding: Materials, or ε_r, of the guides and around.
    """
    checked(length_um=length_um, width_um=width_um, port_width_um=port_width_um)
    half = {"x": 0.5 * length_um, "y": 0.5 * width_um}
    guides = []
    for side, places in (openings or {"west": [0.0], "east": [0.0]}).items():
        if side not in SIDES:
            raise unknown_name("side", side, SIDES)
        most = half["y" if SIDES[side].axis == "x" else "x"] - 0.5 * port_width_um
        if any(not abs(place) <= most for place in places):
            raise InputError(
                f"openings on the {side} side at {list(places)} um do not all fit",
                allowed=[f"-{most:g} to {most:g} um"],
            )
        guides += [Opening(f"{side}{number}", side, place, port_width_um) for number, place in enumerate(places)]
    corners = (-half["x"], -half["y"], half["x"], half["y"])
    return framed("box", [(rectangle(*corners), fill)], corners, guides, core, cladding)
