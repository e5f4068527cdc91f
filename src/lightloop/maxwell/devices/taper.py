"""A guide whose width changes.

     ________======
in  |________          out
             ======
"""

from __future__ import annotations

from lightloop.maxwell.devices.framing import Opening, checked, framed
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.shapes import taper as tapered


def taper(
    *,
    width_um: float = 0.5,
    end_width_um: float = 1.0,
    length_um: float = 4.0,
    core: str | complex = "Si",
    cladding: str | complex = "SiO2",
) -> Device:
    """A guide that goes linearly from one width to another, with the ports `in` and `out`.

    Args:
        width_um, end_width_um: At `in` and at `out`.
        length_um: From one width to the other.
        core, cladding: Materials, or ε_r.
    """
    checked(width_um=width_um, end_width_um=end_width_um, length_um=length_um)
    half = 0.5 * max(width_um, end_width_um)
    openings = [Opening("in", "west", 0.0, width_um), Opening("out", "east", 0.0, end_width_um)]
    guide = tapered((0.0, 0.0), (length_um, 0.0), width_um, end_width_um)
    return framed("taper", [(guide, core)], (0.0, -half, length_um, half), openings, core, cladding)
