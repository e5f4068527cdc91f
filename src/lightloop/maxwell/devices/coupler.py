"""A directional coupler.

in1  ‾‾‾\\______/‾‾‾  out1
          gap
in0  ___/‾‾‾‾‾‾\\___  out0
"""

from __future__ import annotations

from lightloop.errors import InputError
from lightloop.maxwell.devices.framing import SPAN_BESIDE_UM, Opening, checked, framed
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.shapes import Array, rectangle, s_bend_path, strip


def coupler(
    *,
    width_um: float = 0.5,
    gap_um: float = 0.2,
    length_um: float = 5.0,
    pitch_um: float = 2.0,
    bend_length_um: float = 4.0,
    core: str | complex = "Si",
    cladding: str | complex = "SiO2",
) -> Device:
    """Two guides that come close to one another, with the ports `in0`, `in1`, `out0`, and `out1` from the south.

    Args:
        width_um: Of the guides.
        gap_um: Between them where they run side by side.
        length_um: How far they do; 0 for two bends that only touch in passing.
        pitch_um: Between their middles at the ports.
        bend_length_um: Of the S-bends along x.
        core, cladding: Materials, or ε_r.
    """
    checked(width_um=width_um, gap_um=gap_um, pitch_um=pitch_um, bend_length_um=bend_length_um)
    if not 0 <= length_um < float("inf"):
        raise InputError(f"length_um={length_um} cannot be used", allowed=["a length in um >= 0"])
    if pitch_um < 2.0 * (width_um + SPAN_BESIDE_UM) or pitch_um < width_um + gap_um:
        raise InputError(
            f"pitch_um={pitch_um} brings the guides too near to one another at the ports",
            allowed=[f"at least {max(2.0 * (width_um + SPAN_BESIDE_UM), width_um + gap_um):g} um"],
        )
    end = 2.0 * bend_length_um + length_um
    drawing = [
        (vertices, core)
        for sign in (-1.0, 1.0)
        for vertices in _arm(sign * 0.5 * pitch_um, sign * 0.5 * (gap_um + width_um), width_um, length_um, end)
    ]
    openings = [
        Opening(f"{name}{number}", side, sign * 0.5 * pitch_um, width_um)
        for name, side in (("in", "west"), ("out", "east"))
        for number, sign in enumerate((-1.0, 1.0))
    ]
    half = 0.5 * (pitch_um + width_um)
    return framed("coupler", drawing, (0.0, -half, end, half), openings, core, cladding)


def _arm(outer_um: float, inner_um: float, width_um: float, length_um: float, end_um: float) -> list[Array]:
    """One guide: an S-bend inwards, the straight, and an S-bend outwards."""
    bend = 0.5 * (end_um - length_um)
    shift = inner_um - outer_um
    parts = [
        strip(s_bend_path(0.0, outer_um, bend, shift), width_um),
        strip(s_bend_path(bend + length_um, inner_um, bend, -shift), width_um),
    ]
    if length_um > 0:
        half = 0.5 * width_um
        parts.append(rectangle(bend, inner_um - half, bend + length_um, inner_um + half))
    return parts
