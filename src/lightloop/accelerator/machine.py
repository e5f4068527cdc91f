"""A machine with all its quantities: sizes, device constants, link budget, converter powers.

`machine("lt-base", bits=4)` is a value; `machine("lt-base", bits=4, **{"core.height": 16})` is another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from lightloop.accelerator.devices import DeviceLibrary, device_library, read_constants
from lightloop.accelerator.formulas import formula
from lightloop.accelerator.knobs import ALL_CHARGES, CHARGE, DEVICE, KNOBS, checked_bits, set_to
from lightloop.accelerator.link import LinkBudget, link_budget
from lightloop.accelerator.machine_file import read_machine
from lightloop.accelerator.schema import MachineFile
from lightloop.accelerator.sizes import SIZES, fixed_quantities
from lightloop.errors import InputError


@dataclass(frozen=True)
class Machine:
    """A machine at one operating point, or at many: then quantities are arrays of shape (designs, 1).

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
    bits: Any
    file: MachineFile
    library: DeviceLibrary
    quantities: Mapping[str, Any]
    link: LinkBudget
    overrides: Mapping[str, float]

    def __repr__(self) -> str:
        q = self.quantities
        core = f"{q['height']}x{q['width']}x{q['wavelengths']}"
        return f"Machine({self.name}: {q['tiles']} tiles x {q['cores_per_tile']} cores {core}, {self.bits} bit)"


def machine(name: str, *, bits: int = 4, rule: str = "2^b", **overrides: float) -> Machine:
    """A preset machine or a machine file, at `bits` of resolution.

    Args:
        name: A preset (`lt-base`, ...) or the path of a `.toml` machine file.
        bits: Resolution of both operands, 1 to 16.
        rule: How the light grows with the bits: "2^b" as published, or "snr" as shot and thermal noise ask for.
        **overrides: `core.height`, `core.width`, `core.wavelengths`, `tiles`, `cores_per_tile`, `accumulation`,
            `clock_ghz`, `laser_margin_db`, `charge.NAME`, or `device.NAME.FIELD` in the field's unit.

    Raises:
        InputError: The machine, a key or a value is not allowed.
    """
    checked_bits(bits)
    file = read_machine(str(name))
    library = library_of(file, str(name)).with_overrides(
        {key.removeprefix(DEVICE): value for key, value in overrides.items() if key.startswith(DEVICE)}
    )
    own = preset_quantities(file)
    for key, value in overrides.items():
        if key == ALL_CHARGES:
            own |= dict.fromkeys((f"{CHARGE}{charge}" for charge in file.charge), set_to(key, value, []))
        elif not key.startswith(DEVICE):
            quantity = KNOBS[key].quantity if key in KNOBS else key
            own[quantity] = set_to(key, value, list(file.charge))
    if file.mapping.one_vector and own["width"] != 1:
        raise InputError(
            f"core.width of {name} must be 1, got {own['width']}: its core takes one vector per clock",
            hint="set core.height or core.wavelengths instead",
        )
    return assemble(str(name), file, library, {**library.si(), **own, "bits": bits}, rule, overrides)


def assemble(
    name: str,
    file: MachineFile,
    library: DeviceLibrary,
    quantities: dict[str, Any],
    rule: str,
    overrides: Mapping[str, float],
) -> Machine:
    """The machine of some sizes and constants, which may be arrays of shape (designs, 1)."""
    for key, text in file.define.items():
        quantities[key] = formula(text)(quantities, f"define.{key}")
    link = link_budget(file.link, quantities, rule)
    quantities["laser_power"] = link.laser_electrical_w
    return Machine(name, quantities["bits"], file, library, quantities, link, dict(overrides))


def library_of(file: MachineFile, source: str) -> DeviceLibrary:
    """The device constants of a machine: the library's, and its own in their place."""
    own = read_constants(file.devices, source)
    return DeviceLibrary({**device_library().constants, **own}) if own else device_library()


def preset_quantities(file: MachineFile) -> dict[str, Any]:
    """Sizes, clock and switches as the machine's file sets them, in SI."""
    return {
        **{knob.quantity: knob.si(attrgetter(key)(file)) for key, knob in SIZES.items()},
        **fixed_quantities(file.mapping.positive_stream),
        **{f"{CHARGE}{name}": 0.0 for name in file.charge},
    }
