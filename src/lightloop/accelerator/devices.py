"""The device library: every constant with value, unit, source, and whether it was measured or assumed.

A field carries its unit in its name (`energy_fj`); formulas use it in SI without the unit (`mzm.energy`).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from lightloop.errors import InputError, unknown_name
from lightloop.settings import Settings, parse_settings
from lightloop.units import to_si

# The unit that a field's last word stands for; a field with none of them is a plain number.
UNIT_OF_SUFFIX = {
    "um": "um", "um2": "um2", "mm2": "mm2", "fj": "fJ", "pj": "pJ", "mw": "mW", "db": "dB", "dbm": "dBm",
    "us": "us", "ghz": "GHz", "mhz": "MHz", "gsps": "GS/s", "kib": "KiB", "bps": "B/s", "bits": "bit",
}  # fmt: skip


# Fields that something is divided by.
POSITIVE = ("bandwidth", "rate", "wavelength", "wall_plug_efficiency", "clock", "size", "resolution", "tiles_served")


class Entry(Settings):
    """One constant as it stands in a data file."""

    value: float
    unit: str
    source: str
    kind: Literal["measured", "assumed", "derived"]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Constant:
    """One constant: `mzm.energy_fj` = 450 fJ, with its source."""

    name: str
    value: float
    unit: str
    source: str
    kind: str
    low: float | None = None
    high: float | None = None

    @property
    def si_name(self) -> str:
        """The name that formulas use: without the unit."""
        head, _, tail = self.name.rpartition("_")
        return head if tail in UNIT_OF_SUFFIX and "." in head else self.name

    @property
    def si(self) -> float:
        """The value in SI units (levels and losses stay in dBm and dB)."""
        return to_si(self.value, self.unit)


@dataclass(frozen=True)
class DeviceLibrary:
    """All constants of a machine, by their full name."""

    constants: Mapping[str, Constant]

    def with_overrides(self, overrides: Mapping[str, float], source: str = "set by the user") -> DeviceLibrary:
        """A copy in which some constants have another value.

        Args:
            overrides: Full name (`mzm.energy_fj`) -> value in the field's unit.
            source: What the new constants quote as their source.

        Raises:
            InputError: A name is unknown, or a value is not a finite number.
        """
        changed = dict(self.constants)
        for name, value in overrides.items():
            if name not in changed:
                raise unknown_name("device constant", name, changed)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise InputError(f"device.{name} must be a number in {changed[name].unit}, got {value!r}")
            field = name.partition(".")[2]
            if value == 0 and field.startswith(POSITIVE):
                raise InputError(f"device.{name} must be greater than 0")
            if value > 1 and "efficiency" in field:
                raise InputError(f"device.{name} is a fraction, got {value!r}", allowed=["greater than 0, up to 1"])
            if value < 0 and not name.endswith("_dbm"):
                raise InputError(f"device.{name} must not be negative, got {value!r} {changed[name].unit}")
            changed[name] = replace(
                changed[name], value=float(value), source=source, kind="assumed", low=None, high=None
            )
        return DeviceLibrary(changed)

    def si(self) -> dict[str, float]:
        """Formula name -> value in SI."""
        return {constant.si_name: constant.si for constant in self.constants.values()}


def read_constants(table: Mapping[str, Any], source: str) -> dict[str, Constant]:
    """The constants of a `[device]` -> `field = {value, unit, source, kind}` table.

    Raises:
        InputError: An entry lacks a key, or its unit contradicts its name.
    """
    constants = {}
    for device, fields in table.items():
        if not isinstance(fields, Mapping):
            raise InputError(f"{source}: device {device!r} must be a table of fields")
        for field, raw in fields.items():
            name = f"{device}.{field}"
            if not isinstance(raw, Mapping):
                raise InputError(f"{source}: {name} must be {{value, unit, source, kind}}, got {raw!r}")
            entry = parse_settings(Entry, raw, f"{source}: {name}")
            expected = UNIT_OF_SUFFIX.get(field.rpartition("_")[2], "1")
            if expected != entry.unit:
                raise InputError(f"{source}: the name {name} says {expected}, its unit says {entry.unit}")
            constants[name] = Constant(name, **entry.model_dump())
    return constants


@cache
def device_library() -> DeviceLibrary:
    """The library that comes with lightloop."""
    text = (files("lightloop.accelerator") / "devices.toml").read_text(encoding="utf-8")
    return DeviceLibrary(read_constants(tomllib.loads(text), "devices.toml"))
