"""A straight guide.

in  ==============  out
"""

from __future__ import annotations

from lightloop.maxwell.devices.framing import Opening, checked, framed
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.shapes import rectangle


def waveguide(
    *,
    width_um: float = 0.5,
    length_um: float = 2.0,
    core: str | complex = "Si",
    cladding: str | complex = "SiO2",
) -> Device:
    """A straight guide with the ports `in` and `out`.

    Args:
        width_um: Of the guide.
        length_um: From end to end; a port lies 0.5 um beyond each.
        core, cladding: Materials, or ε_r.
    """
    checked(width_um=width_um, length_um=length_um)
    half = 0.5 * width_um
    openings = [Opening("in", "west", 0.0, width_um), Opening("out", "east", 0.0, width_um)]
    guide = rectangle(0.0, -half, length_um, half)
    return framed("waveguide", [(guide, core)], (0.0, -half, length_um, half), openings, core, cladding)
