"""A machine with all its quantities: sizes, device constants, link budget, converter powers.

`machine("lt-base", bits=4)` is a value; `machine("lt-base", bits=4, **{"core.height": 16})` is another one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lightloop.accelerator.devices import DeviceLibrary, device_library, read_constants
from lightloop.accelerator.formulas import formula
from lightloop.accelerator.link import LinkBudget, link_budget
from lightloop.accelerator.schema import MachineFile, read_machine
from lightloop.errors import InputError, unknown_name

SIZES = {
    "core.height": "height",
    "core.width": "width",
    "core.wavelengths": "wavelengths",
    "tiles": "tiles",
    "cores_per_tile": "cores_per_tile",
    "accumulation": "accumulation",
}
MAX_BITS = 16
MAX_SIZE = 10**6
MAX_CLOCK_GHZ = 10**4


@dataclass(frozen=True)
class Machine:
    """A machine at one operating point.

    Args:
        name: Preset name or file.
        bits: Resolution of both operands.
        file: Its sizes and formulas.
        library: Its device constants.
        quantities: Name -> value in SI of everything a formula may use.
        link: Its link budget.
        overrides: What was set by the user.
    """

    name: str
    bits: int
    file: MachineFile
    library: DeviceLibrary
    quantities: Mapping[str, Any]
    link: LinkBudget
    overrides: Mapping[str, float]

    def __repr__(self) -> str:
        q = self.quantities
        core = f"{q['height']}x{q['width']}x{q['wavelengths']}"
        return f"Machine({self.name}: {q['tiles']} tiles x {q['cores_per_tile']} cores {core}, {self.bits} bit)"


def machine(name: str, *, bits: int = 4, **overrides: float) -> Machine:
    """A preset machine or a machine file, at `bits` of resolution.

    Args:
        name: A preset (`lt-base`, ...) or the path of a `.toml` machine file.
        bits: Resolution of both operands, 1 to 16.
        **overrides: `core.height`, `core.width`, `core.wavelengths`, `tiles`, `cores_per_tile`, `accumulation`,
            `clock_ghz`, or `device.NAME.FIELD` in the field's unit.

    Raises:
        InputError: The machine, a key or a value is not allowed.
    """
    if isinstance(bits, bool) or not isinstance(bits, int) or not 1 <= bits <= MAX_BITS:
        raise InputError(f"bits must be a whole number from 1 to {MAX_BITS}, got {bits!r}")
    file = read_machine(str(name))
    library = _library(file, str(name)).with_overrides(
        {key.removeprefix("device."): value for key, value in overrides.items() if key.startswith("device.")}
    )
    sizes = _sizes(file, {key: value for key, value in overrides.items() if not key.startswith("device.")})
    if file.mapping.one_vector and sizes["width"] != 1:
        raise InputError(
            f"core.width of {name} must be 1, got {sizes['width']}: its core takes one vector per clock",
            hint="set core.height or core.wavelengths instead",
        )
    quantities: dict[str, Any] = {**library.si(), **sizes, "bits": bits}
    for key, text in file.define.items():
        quantities[key] = formula(text)(quantities)
    link = link_budget(file.link, quantities)
    quantities["laser_power"] = link.laser_electrical_w
    return Machine(str(name), bits, file, library, quantities, link, dict(overrides))


def _library(file: MachineFile, source: str) -> DeviceLibrary:
    own = read_constants(file.devices, source)
    return DeviceLibrary({**device_library().constants, **own}) if own else device_library()


def _sizes(file: MachineFile, overrides: Mapping[str, float]) -> dict[str, Any]:
    sizes: dict[str, Any] = {
        "height": file.core.height,
        "width": file.core.width,
        "wavelengths": file.core.wavelengths,
        "tiles": file.tiles,
        "cores_per_tile": file.cores_per_tile,
        "accumulation": file.accumulation,
        "clock": file.clock_ghz * 1e9,
    }
    for key, value in overrides.items():
        if key == "clock_ghz":
            if not _is_number(value) or not math.isfinite(value) or not 0 < value <= MAX_CLOCK_GHZ:
                raise InputError(f"clock_ghz must be a positive number up to {MAX_CLOCK_GHZ}, got {value!r}")
            sizes["clock"] = value * 1e9
        elif key in SIZES:
            if not _is_number(value) or value != int(value) or not 1 <= value <= MAX_SIZE:
                raise InputError(
                    f"{key} must be a whole number of at least 1, got {value!r}", allowed=[f"1 to {MAX_SIZE}"]
                )
            sizes[SIZES[key]] = int(value)
        else:
            raise unknown_name("machine setting", key, [*SIZES, "clock_ghz"], hint="or device.NAME.FIELD")
    return sizes


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
