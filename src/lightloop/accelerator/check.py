"""Everything that is wrong with a machine file, found at once.

Beside what the schema refuses: stages that follow unknown stages or go round in a circle, device constants that are
wrong or that nothing uses, formulas with names that nothing defines before them, and formulas that have no value at
the file's own sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from lightloop.accelerator.devices import (
    constant_mistakes,
    device_library,
    entries,
    readable_constants,
    si_name_of,
)
from lightloop.accelerator.file_formulas import Reading, formulas_in, names_used, unknown
from lightloop.accelerator.link import link_budget
from lightloop.accelerator.path import LASER, circles
from lightloop.accelerator.schema import Link, MachineFile, Stage
from lightloop.accelerator.sizes import SIZES, fixed_quantities
from lightloop.errors import InputError
from lightloop.settings import mistaken, mistakes

PRESET_BITS = 4  # formulas are tried at this resolution, the one that a machine has where none is asked for
# What mapping knows of a product before the machine's own events.
PRODUCT_NAMES = ("m", "k", "n", "heads", "dynamic", "static", "passes", "i_m", "i_k", "i_n", "blocks", "repriced",
                 "exact", "convolution")  # fmt: skip
MEMORY_NAMES = ("hbm_elements",)
NEEDED_EVENTS = {"operand_1", "encodings_1", "encodings_2", "conversions"}
OF_MACHINE = ("area", "power", "charge", "node")
OF_PRODUCTS = ("mapping", "latency", "wear")


def checked(table: Mapping[str, Any], source: str) -> MachineFile:
    """`table` as a machine file. Raises `InputError` with every mistake, one line each."""
    devices = _table(table, "devices")
    formulas = formulas_in(table)
    lines = [line for line in mistakes(MachineFile, table) if not line.startswith("devices.")]
    lines += [f"{key}: must be a number, got true or false" for key in SIZES if isinstance(_at(table, key), bool)]
    lines += constant_mistakes(devices, "devices.")
    lines += _stray_constants(devices, names_used(text for part in formulas.values() for text in part.values()))
    lines += _path_mistakes(_table(_table(table, "link"), "path"))
    lines += _formula_mistakes(table, formulas, sound=not lines)
    if isinstance(table.get("events"), Mapping) and not table["events"].keys() >= NEEDED_EVENTS:
        lines.append(f"events: {', '.join(sorted(NEEDED_EVENTS - table['events'].keys()))} needed")
    if lines:
        raise mistaken(source, lines)
    return MachineFile.model_validate(dict(table))


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = table.get(key, {})
    return inner if isinstance(inner, Mapping) else {}


def _at(table: Mapping[str, Any], key: str) -> Any:
    inner, _, last = key.rpartition(".")
    return (_table(table, inner) if inner else table).get(last)


def _stray_constants(devices: Mapping[str, Any], used: set[str]) -> list[str]:
    """Constants that neither replace one of the library nor are used: most likely misspelt."""
    library = device_library().constants
    quantities = {constant.si_name: name for name, constant in library.items()}
    lines = []
    for name in entries(devices):
        quantity = si_name_of(name)
        if name in library:
            continue
        if quantity in quantities:
            lines.append(f"devices.{name}: the library has this quantity as {quantities[quantity]!r}; give that one")
        elif quantity not in used:
            near = get_close_matches(name, sorted(library), n=1, cutoff=0.5)
            advice = f"; did you mean {near[0]!r}?" if near else ""
            lines.append(f"devices.{name}: no formula of this machine uses {quantity!r}{advice}")
    return lines


def _path_mistakes(path: Mapping[str, Any]) -> list[str]:
    stages: dict[str, Stage] = {}
    for name, raw in path.items():
        try:
            stages[name] = Stage.model_validate(raw | {"loss_db": "0"})  # its formula is told elsewhere
        except (ValidationError, TypeError):
            continue  # told by the schema
    lines = [
        f"link.path.{name}.after: {unknown('stage', before, [LASER, *path])}"
        for name, stage in stages.items()
        for before in stage.after
        if before not in (LASER, *path)
    ]
    lines += [f"link.path.{name}.after: names no stage" for name, stage in stages.items() if not stage.after]
    found = circles({name: stage.after for name, stage in stages.items()})
    return lines + [
        f"link.path goes round in a circle: {' -> '.join(reversed(circle))}; light passes each stage once"
        for circle in found
    ]


def _formula_mistakes(table: Mapping[str, Any], formulas: Mapping[str, Mapping[str, str]], *, sound: bool) -> list[str]:
    """Names and values, section by section in the order in which they are computed.

    Args:
        table: The file.
        formulas: Section -> place -> formula.
        sound: Whether the file has no other mistakes; only then the light can be computed.
    """
    known, values = _own_quantities(table)
    events = {place.removeprefix("events."): "[events] count it" for place in formulas.get("events", {})}
    of_products = dict.fromkeys((*PRODUCT_NAMES, *MEMORY_NAMES), "it belongs to a product of the network")
    reading = Reading(known, values, {**events, **of_products, "laser_power": "it comes of [link]"})

    def read(*sections: str) -> None:
        for section in sections:
            reading.read(section, formulas.get(section, {}))

    read("define", "link")
    reading.known.add("laser_power")
    if sound and not reading.lines:
        reading.values |= _laser_power(table, reading.values)
    read(*OF_MACHINE)
    reading.known |= set(PRODUCT_NAMES)
    read("events", *OF_PRODUCTS)
    reading.known |= set(MEMORY_NAMES)
    read("energy")
    return reading.lines


def _own_quantities(table: Mapping[str, Any]) -> tuple[set[str], dict[str, Any]]:
    """Names of sizes, switches and constants, and the values of those that have no mistakes."""
    library = dict(device_library().constants)
    own = entries(_table(table, "devices"))
    known = {constant.si_name for constant in library.values()} | {si_name_of(name) for name in own}
    constants = {name: constant for name, constant in library.items() if name not in own}
    constants |= readable_constants(_table(table, "devices"))
    values: dict[str, Any] = {constant.si_name: constant.si for constant in constants.values()}
    for key, knob in SIZES.items():
        size = _at(table, key)
        if isinstance(size, int | float) and not isinstance(size, bool) and size > 0:
            values[knob.quantity] = knob.si(size)
    fixed = {"bits": PRESET_BITS, **fixed_quantities(bool(_table(table, "mapping").get("positive_stream")))}
    return known | {knob.quantity for knob in SIZES.values()} | fixed.keys(), values | fixed


def _laser_power(table: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Power of the laser; nothing for a machine that needs too bright a light, which says so when it is made."""
    try:
        budget = link_budget(Link.model_validate(dict(_table(table, "link"))), values)
    except InputError:
        return {}
    return {"laser_power": budget.laser_electrical_w}
