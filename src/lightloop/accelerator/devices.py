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
from typing import Annotated, Any, Literal

from pydantic import Field

from lightloop.errors import InputError, unknown_name
from lightloop.settings import Settings, mistaken, mistakes
from lightloop.units import to_si

# The unit that a field's last word stands for; a field with none of them is a plain number.
UNIT_OF_SUFFIX = {
    "um": "um", "um2": "um2", "mm2": "mm2", "fj": "fJ", "pj": "pJ", "mw": "mW", "db": "dB", "dbm": "dBm",
    "us": "us", "ns": "ns", "ghz": "GHz", "mhz": "MHz", "gsps": "GS/s", "kib": "KiB", "gib": "GiB", "bps": "B/s",
    "bits": "bit", "k": "K", "ff": "fF", "v": "V", "nm": "nm", "papsqrthz": "pA/sqrtHz", "dbphz": "dB/Hz", "apw": "A/W",
}  # fmt: skip


LIBRARY_FILES = ("devices.toml", "receiver.toml")

# Fields that something is divided by.
POSITIVE = ("bandwidth", "rate", "wavelength", "wall_plug_efficiency", "conversion_efficiency", "quantum_efficiency",
            "clock", "size", "resolution", "tiles_served", "capacity", "endurance", "temperature", "walden",
            "adc_loading")  # fmt: skip
# Units of levels: they may be below zero.
LEVELS = ("dBm", "dB/Hz")


Number = Annotated[float, Field(strict=True)]  # neither true nor "3"


class Entry(Settings):
    """One constant as it stands in a data file."""

    value: Number
    unit: str
    source: str
    kind: Literal["measured", "assumed", "derived"]
    low: Number | None = None
    high: Number | None = None


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
        return si_name_of(self.name)

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
            check_value(changed[name], value)
            changed[name] = replace(
                changed[name], value=float(value), source=source, kind="assumed", low=None, high=None
            )
        return DeviceLibrary(changed)

    def si(self) -> dict[str, Any]:
        """Formula name -> value in SI."""
        return {constant.si_name: constant.si for constant in self.constants.values()}


def check_value(constant: Constant, value: object) -> None:
    """Raise `InputError` where `value`, in the constant's unit, is none that it can have."""
    name, unit, field = constant.name, constant.unit, constant.name.partition(".")[2]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"device.{name} must be a number in {unit}, got {value!r}")
    if value == 0 and field.startswith(POSITIVE):
        raise InputError(f"device.{name} must be greater than 0")
    if value > 1 and "efficiency" in field:
        raise InputError(f"device.{name} is a fraction, got {value!r}", allowed=["greater than 0, up to 1"])
    if value < 0 and unit not in LEVELS:
        raise InputError(f"device.{name} must not be negative, got {value!r} {unit}")


def constant_mistakes(table: Mapping[str, Any], place: str = "") -> list[str]:
    """Everything that is wrong with a `[device]` -> `field = {value, unit, source, kind}` table, one line each."""
    lines: list[str] = []
    for device, fields in table.items():
        if not isinstance(fields, Mapping):
            lines.append(f"{place}{device}: must be a table of fields")
            continue
        for field, raw in fields.items():
            lines += [f"{place}{line}" for line in _entry_mistakes(f"{device}.{field}", raw)]
    return lines


def _entry_mistakes(name: str, raw: Any) -> list[str]:
    """Mistakes of one constant; what can be told of its numbers is told even where its unit is missing."""
    if not isinstance(raw, Mapping):
        return [f"{name} must be {{value, unit, source, kind}}, got {raw!r}"]
    lines = [f"{name}.{line}" for line in mistakes(Entry, raw)]
    expected, unit = unit_of(name), raw.get("unit")
    if isinstance(unit, str) and unit != expected:
        lines.append(f"{name}: the name says {expected}, its unit says {unit}")
    ends = [raw[key] for key in ("low", "value", "high") if _is_number(raw.get(key))]
    unit = unit if isinstance(unit, str) else expected
    if not all(map(math.isfinite, ends)):
        return [*lines, f"{name}: {ends} are not all finite"]
    if ends != sorted(ends):
        lines.append(f"{name}: low <= value <= high does not hold for {ends}")
    if ends and min(ends) < 0 and unit not in LEVELS:
        what = "a loss" if unit == "dB" else "a device constant"
        lines.append(f"{name}: {what} is not negative, got {min(ends)!r} {unit}")
    if 0 in ends and name.partition(".")[2].startswith(POSITIVE):
        lines.append(f"{name}: something is divided by it, so it must be greater than 0")
    if ends and max(ends) > 1 and "efficiency" in name.partition(".")[2]:
        lines.append(f"{name}: a fraction is at most 1, got {max(ends)!r}")
    return lines


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def si_name_of(name: str) -> str:
    """The name that formulas use for a constant: without the unit."""
    head, _, tail = name.rpartition("_")
    return head if tail in UNIT_OF_SUFFIX and "." in head else name


def unit_of(name: str) -> str:
    """The unit that a constant's name ends in; "1" for a plain number."""
    head, _, tail = name.partition(".")[2].rpartition("_")
    return UNIT_OF_SUFFIX.get(tail, "1") if head else "1"


def read_constants(table: Mapping[str, Any], source: str) -> dict[str, Constant]:
    """The constants of a `[device]` -> `field = {value, unit, source, kind}` table.

    Raises:
        InputError: With every mistake in the table.
    """
    lines = constant_mistakes(table)
    if lines:
        raise mistaken(source, lines)
    return readable_constants(table)


def readable_constants(table: Mapping[str, Any]) -> dict[str, Constant]:
    """Those constants of such a table that have no mistakes."""
    named = {name: raw for name, raw in entries(table).items() if not _entry_mistakes(name, raw)}
    return {name: Constant(name, **Entry.model_validate(dict(raw)).model_dump()) for name, raw in named.items()}


def entries(table: Mapping[str, Any]) -> dict[str, Any]:
    """Full name -> entry, as it stands in such a table."""
    devices = {device: fields for device, fields in table.items() if isinstance(fields, Mapping)}
    return {f"{device}.{field}": raw for device, fields in devices.items() for field, raw in fields.items()}


@cache
def device_library() -> DeviceLibrary:
    """The library that comes with lightloop."""
    constants: dict[str, Constant] = {}
    for name in LIBRARY_FILES:
        text = (files("lightloop.accelerator") / name).read_text(encoding="utf-8")
        constants |= read_constants(tomllib.loads(text), name)
    return DeviceLibrary(constants)
