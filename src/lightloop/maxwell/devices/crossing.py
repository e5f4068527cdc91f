"""Two guides that cross.

          north
            |
west  ======+======  east
            |
          south
"""

from __future__ import annotations

from lightloop.errors import InputError
from lightloop.maxwell.devices.framing import SIDES, Opening, checked, framed
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.shapes import taper as tapered


def crossing(
    *,
    width_um: float = 0.5,
    arm_um: float = 2.0,
    waist_um: float = 1.1,
    core: str | complex = "Si",
    cladding: str | complex = "SiO2",
) -> Device:
    """Two guides at a right angle, wider where they meet, with the ports `west`, `east`, `south`, and `north`.

    Args:
        width_um: Of the guides.
        arm_um: From the middle to the end of each arm, over which the guide widens.
        waist_um: Width in the middle: a wider guide sends less sideways; `width_um` for plain guides.
        core, cladding: Materials, or ε_r.
    """
    checked(width_um=width_um, arm_um=arm_um, waist_um=waist_um)
    if 0.5 * max(width_um, waist_um) >= arm_um:
        raise InputError(f"arm_um={arm_um} is not longer than half of the guides' width", allowed=["a longer arm"])
    ends = {"west": (-arm_um, 0.0), "east": (arm_um, 0.0), "south": (0.0, -arm_um), "north": (0.0, arm_um)}
    drawing = [(tapered((0.0, 0.0), ends[side], waist_um, width_um), core) for side in SIDES]
    openings = [Opening(side, side, 0.0, width_um) for side in SIDES]
    return framed("crossing", drawing, (-arm_um, -arm_um, arm_um, arm_um), openings, core, cladding)
