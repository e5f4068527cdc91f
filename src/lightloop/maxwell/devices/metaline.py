"""A slab with lines of slots, each of which delays the wave that passes it: a diffractive layer on a chip.

         ________________
in2  ===|    -     ---   |===  out2
        |    --    -     |
in1  ===|    ---   --    |===  out1
        |    -     ---   |
in0  ===|____--____-_____|===  out0
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightloop.errors import InputError
from lightloop.maxwell.devices.framing import checked, checked_counts, framed
from lightloop.maxwell.devices.mmi import arms
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.shapes import Array, rectangle


def metaline(
    *,
    n_in: int = 3,
    n_out: int = 3,
    length_um: float = 9.0,
    width_um: float = 11.0,
    port_width_um: float = 0.65,
    pitch_um: float = 3.5,
    taper_length_um: float = 3.0,
    taper_width_um: float | None = 1.3,
    layers: int = 2,
    atoms: int = 10,
    slot_width_um: float = 0.2,
    longest_slot_um: float = 2.0,
    slots_um: Sequence[float] | None = None,
    seed: int = 0,
    core: str | complex = "Si",
    cladding: str | complex = "SiO2",
) -> Device:
    """A slab between tapers, with `layers` lines of `atoms` slots each; the defaults follow the 3 x 3 family.

    Args:
        n_in, n_out, length_um, width_um, port_width_um, pitch_um, taper_length_um, taper_width_um: As of `mmi`.
        layers: Number of lines, evenly spaced along x.
        atoms: Slots in each, evenly spaced along y.
        slot_width_um: Along y.
        longest_slot_um: Along x; lengths are drawn evenly up to it.
        slots_um: The lengths, line by line from the west and the south, 0 for no slot; drawn if None.
        seed: Of the draw.
        core, cladding: Materials, or ε_r; slots are filled with the cladding.
    """
    checked(length_um=length_um, width_um=width_um, port_width_um=port_width_um, pitch_um=pitch_um)
    checked(slot_width_um=slot_width_um, longest_slot_um=longest_slot_um)
    checked_counts(n_in=n_in, n_out=n_out, layers=layers, atoms=atoms)
    drawn = np.random.default_rng(seed).uniform(0.0, longest_slot_um, layers * atoms)
    lengths = drawn if slots_um is None else np.array(slots_um, float)
    _refuse_slots(lengths, layers, atoms, length_um / layers, width_um / atoms, slot_width_um)
    body = rectangle(0.0, -0.5 * width_um, length_um, 0.5 * width_um)
    tapers, box, openings = arms(
        n_in, n_out, length_um, width_um, port_width_um, pitch_um, taper_length_um, taper_width_um
    )
    x = (np.arange(layers) + 0.5) * length_um / layers
    y = (np.arange(atoms) + 0.5) * width_um / atoms - 0.5 * width_um
    slots = _slots(x, y, lengths.reshape(layers, atoms), slot_width_um)
    drawing = [(body, core), *((vertices, core) for vertices in tapers), *((slot, cladding) for slot in slots)]
    return framed(f"metaline {n_in}x{n_out}", drawing, box, openings, core, cladding)


def _slots(x: Array, y: Array, lengths: Array, width_um: float) -> list[Array]:
    half = 0.5 * width_um
    middles = [(float(x[line]), float(y[atom]), 0.5 * float(long)) for (line, atom), long in np.ndenumerate(lengths)]
    return [rectangle(at - reach, up - half, at + reach, up + half) for at, up, reach in middles if reach > 0]


def _refuse_slots(lengths: Array, layers: int, atoms: int, room_um: float, pitch_um: float, width_um: float) -> None:
    if lengths.shape != (layers * atoms,):
        raise InputError(f"slots_um has {lengths.size} lengths", allowed=[f"{layers} x {atoms} = {layers * atoms}"])
    if not np.isfinite(lengths).all() or lengths.min() < 0 or lengths.max() > room_um or width_um > pitch_um:
        raise InputError(
            f"slots of {lengths.min():g} to {lengths.max():g} by {width_um:g} um cannot be used",
            allowed=[f"lengths from 0 to {room_um:g} um, a width up to {pitch_um:g} um"],
        )
