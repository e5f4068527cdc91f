"""Which of the published simulator's defects a simulation repeats.

- `compat` repeats all of them and reproduces its figures.
- `fixed` mends the two that change energy by percents, and the layer that one baseline counts twice.
- `strict` also maps products onto cores and tiles as the wiring allows, counts whole broadcasts and the bytes there
  are (keys and values in a cache, activations that do not fit on the chip), lets memory and element-wise work overlap
  with the optics, and runs every product on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from lightloop.errors import unknown_name


@dataclass(frozen=True)
class Mode:
    """Rules of one mode.

    Args:
        name: Its name.
        attention_buffer_repriced: The global-buffer energy of attention operands is multiplied by its own value in
            millijoules once more, which makes it vanish.
        vector_work_once: Element-wise work is counted for one layer, at 4 bits.
        counted_twice: One layer of the interferometer mesh enters its total twice.
        flat_packing: Blocks fill all cores one after the other, although the cores of a tile split k and tiles split m.
        serial: Layers wait for memory and for the element-wise unit; otherwise the three work side by side, the
            weights being fetched while earlier layers compute, and the slowest of them sets the time.
        vector_seconds_as_ms: Seconds of element-wise work are added to milliseconds.
        as_reference: Machines are treated as `[reference]` of their file says.
    """

    name: str
    attention_buffer_repriced: bool = False
    vector_work_once: bool = False
    counted_twice: bool = False
    flat_packing: bool = False
    serial: bool = False
    vector_seconds_as_ms: bool = False
    as_reference: bool = False


_REFERENCE_TIMING = {"flat_packing": True, "serial": True, "vector_seconds_as_ms": True, "as_reference": True}

MODES = {
    mode.name: mode
    for mode in (
        Mode(
            "compat",
            attention_buffer_repriced=True,
            vector_work_once=True,
            counted_twice=True,
            **_REFERENCE_TIMING,
        ),
        Mode("fixed", **_REFERENCE_TIMING),
        Mode("strict"),
    )
}


def mode_named(name: str) -> Mode:
    """The mode of that name. Raises `InputError` for another name."""
    if name not in MODES:
        raise unknown_name("mode", name, MODES)
    return MODES[name]
