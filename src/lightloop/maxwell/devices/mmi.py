"""A multimode interference coupler.

         _______________
in2  ===|               |===  out2
in1  ===|               |===  out1
in0  ===|_______________|===  out0
"""

from __future__ import annotations

from lightloop.errors import InputError
from lightloop.maxwell.devices.framing import Opening, checked, checked_counts, framed, spread
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.shapes import Array, rectangle
from lightloop.maxwell.geometry.shapes import taper as tapered


def mmi(
    *,
    n_in: int = 3,
    n_out: int = 3,
    length_um: float = 8.0,
    width_um: float = 3.0,
    port_width_um: float = 0.5,
    pitch_um: float = 1.0,
    taper_length_um: float = 0.0,
    taper_width_um: float | None = None,
    core: str | complex = "Si",
    cladding: str | complex = "SiO2",
) -> Device:
    """A wide guide with `n_in` guides on its west and `n_out` on its east side, numbered from the south.

    Args:
        n_in, n_out: Number of ports `in0`, ... and `out0`, ...
        length_um, width_um: Of the wide guide.
        port_width_um: Of the others.
        pitch_um: Between their middles.
        taper_length_um: Of linear tapers between them and the wide guide; 0 for none.
        taper_width_um: Of the tapers at the wide guide; 0.8 of the pitch if None, at most what fits.
        core, cladding: Materials, or ε_r.
    """
    checked(length_um=length_um, width_um=width_um, port_width_um=port_width_um, pitch_um=pitch_um)
    checked_counts(n_in=n_in, n_out=n_out)
    body = rectangle(0.0, -0.5 * width_um, length_um, 0.5 * width_um)
    tapers, box, openings = arms(
        n_in, n_out, length_um, width_um, port_width_um, pitch_um, taper_length_um, taper_width_um
    )
    drawing = [(body, core), *((vertices, core) for vertices in tapers)]
    return framed(f"mmi {n_in}x{n_out}", drawing, box, openings, core, cladding)


def arms(
    n_in: int,
    n_out: int,
    length_um: float,
    width_um: float,
    port_width_um: float,
    pitch_um: float,
    taper_length_um: float,
    taper_width_um: float | None,
) -> tuple[list[Array], tuple[float, float, float, float], list[Opening]]:
    """Tapers, box, and openings of a body from x = 0 to its length, around y = 0."""
    most = max(n_in, n_out)
    if (most - 1) * pitch_um + port_width_um > width_um or (most > 1 and port_width_um >= pitch_um):
        raise InputError(
            f"{most} guides of {port_width_um:g} um, {pitch_um:g} um apart, do not fit a width of {width_um:g} um",
            hint="make width_um larger, or pitch_um or port_width_um smaller",
        )
    if not 0 <= taper_length_um < float("inf"):
        raise InputError(f"taper_length_um={taper_length_um} cannot be used", allowed=["a length in um >= 0"])
    sides = {"west": spread(n_in, pitch_um), "east": spread(n_out, pitch_um)}
    room = min(width_um - (most - 1) * pitch_um, pitch_um if most > 1 else width_um)
    wide = taper_width_um if taper_width_um is not None else max(port_width_um, min(0.8 * pitch_um, room))
    if not 0 < wide <= room:
        raise InputError(f"taper_width_um={wide:g} cannot be used", allowed=[f"widths > 0 and <= {room:g} um"])
    tapers = [
        tapered((x, at), (x + sign * taper_length_um, at), wide, port_width_um)
        for side, x, sign in (("west", 0.0, -1.0), ("east", length_um, 1.0))
        for at in sides[side]
        if taper_length_um > 0
    ]
    box = (-taper_length_um, -0.5 * width_um, length_um + taper_length_um, 0.5 * width_um)
    openings = [
        Opening(f"{name}{number}", side, at, port_width_um)
        for name, side in (("in", "west"), ("out", "east"))
        for number, at in enumerate(sides[side])
    ]
    return tapers, box, openings
