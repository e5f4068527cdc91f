"""A multimode interference coupler with cavities etched into it, drawn by chance.

             _________________
    in2  ===|  o   o     oo   |===  out2
    in1  ===|    o     o      |===  out1
    in0  ===|_o____oo_____o___|===  out0

The family of data that neural operators are trained on: a lattice of 30 x 7 cells (35 x 9 for 5 x 5 ports) over the
middle 0.8 of the body along both axes, 5 to 10 % of which are drawn, with replacement, from every second row and filled
with the cladding.
"""

from __future__ import annotations

import numpy as np

from lightloop.errors import InputError
from lightloop.maxwell.devices.framing import checked, checked_counts, framed
from lightloop.maxwell.devices.mmi import arms
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.shapes import Array, rectangle

LATTICE_SHARE = 0.8


def etched_mmi(
    *,
    n_in: int = 3,
    n_out: int = 3,
    length_um: float = 25.0,
    width_um: float = 6.25,
    port_width_um: float = 0.9,
    pitch_um: float = 2.0,
    taper_length_um: float = 4.5,
    taper_width_um: float | None = 1.3,
    columns: int = 30,
    rows: int = 7,
    cavity_ratio: float = 0.075,
    seed: int = 0,
    core: str | complex = "Si",
    cladding: str | complex = "SiO2",
) -> Device:
    """An `mmi` with cavities; the defaults are the middle of the ranges of the 3 x 3 family.

    Args:
        n_in, n_out, length_um, width_um, port_width_um, pitch_um, taper_length_um, taper_width_um: As of `mmi`.
        columns, rows: Of the lattice.
        cavity_ratio: Cells drawn over cells of the lattice.
        seed: Of the draw.
        core, cladding: Materials, or ε_r.
    """
    checked(length_um=length_um, width_um=width_um, port_width_um=port_width_um, pitch_um=pitch_um)
    checked_counts(n_in=n_in, n_out=n_out, columns=columns, rows=rows)
    if not 0 <= cavity_ratio <= 1:
        raise InputError(f"cavity_ratio={cavity_ratio} cannot be used", allowed=["0 to 1"])
    body = rectangle(0.0, -0.5 * width_um, length_um, 0.5 * width_um)
    tapers, box, openings = arms(
        n_in, n_out, length_um, width_um, port_width_um, pitch_um, taper_length_um, taper_width_um
    )
    holes = _cavities(length_um, width_um, columns, rows, cavity_ratio, seed)
    drawing = [(body, core), *((vertices, core) for vertices in tapers), *((hole, cladding) for hole in holes)]
    return framed(f"etched-mmi {n_in}x{n_out}", drawing, box, openings, core, cladding)


def _cavities(length_um: float, width_um: float, columns: int, rows: int, ratio: float, seed: int) -> list[Array]:
    random = np.random.default_rng(seed)
    cell = LATTICE_SHARE * np.array([length_um / columns, width_um / rows])
    corner = np.array([0.5 * (1.0 - LATTICE_SHARE) * length_um, -0.5 * LATTICE_SHARE * width_um])
    count = int(ratio * columns * rows)
    column = random.integers(columns, size=count)
    row = 2 * random.integers((rows + 1) // 2, size=count)
    drawn = sorted(set(zip(column.tolist(), row.tolist(), strict=True)))
    lows = [corner + cell * place for place in drawn]
    return [rectangle(*low, *(low + cell)) for low in lows]
