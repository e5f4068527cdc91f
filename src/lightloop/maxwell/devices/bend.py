"""A bend by 90 degrees.

          out
           |
in  ______/
"""

from __future__ import annotations

from lightloop.errors import InputError
from lightloop.maxwell.devices.framing import Opening, checked, framed
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.shapes import arc_path, strip


def bend(
    *,
    radius_um: float = 5.0,
    width_um: float = 0.5,
    core: str | complex = "Si",
    cladding: str | complex = "SiO2",
) -> Device:
    """A quarter of a circle with the ports `in`, from the west, and `out`, to the north.

    Args:
        radius_um: Of the guide's middle.
        width_um: Of the guide.
        core, cladding: Materials, or ε_r.
    """
    checked(radius_um=radius_um, width_um=width_um)
    if radius_um < 0.5 * width_um:
        raise InputError(f"radius_um={radius_um} is less than half of width_um={width_um}", allowed=["a wider bend"])
    openings = [Opening("in", "west", 0.0, width_um), Opening("out", "north", radius_um, width_um)]
    guide = strip(arc_path((0.0, radius_um), radius_um, -90.0, 0.0), width_um)
    box = (0.0, -0.5 * width_um, radius_um + 0.5 * width_um, radius_um)
    return framed("bend", [(guide, core)], box, openings, core, cladding)
