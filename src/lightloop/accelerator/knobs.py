"""What a user may set on a machine beside its device constants: sizes, clock, bits, light, charges."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightloop.errors import InputError, unknown_name


@dataclass(frozen=True)
class Knob:
    """One setting: the quantity that it sets, its range, and the factor to SI."""

    quantity: str
    low: float
    high: float
    whole: bool = False
    scale: float = 1.0
    above: bool = False  # the lower end itself is not allowed

    def fits(self, values: np.ndarray) -> np.ndarray:
        """Which of `values` are allowed, shape as given."""
        with np.errstate(invalid="ignore"):
            fits = (values > self.low) if self.above else (values >= self.low)
            fits &= (values <= self.high) & np.isfinite(values)
            return fits & (values == np.floor(values)) if self.whole else fits

    def si(self, value: Any) -> Any:
        """`value` in SI; a whole number stays one."""
        return int(value) if self.whole else value * self.scale

    def wanted(self) -> str:
        """What is allowed, in words."""
        if self.whole:
            return f"a whole number of at least {self.low:g}"
        return (
            f"a positive number up to {self.high:g}" if self.above else f"a number from {self.low:g} to {self.high:g}"
        )

    def range(self) -> str:
        """Its two ends, in words."""
        return f"above {self.low:g}, up to {self.high:.0f}" if self.above else f"{self.low:g} to {self.high:.0f}"


MAX_SIZE = 10**6
MAX_BITS = 16
KNOBS = {
    "core.height": Knob("height", 1, MAX_SIZE, whole=True),
    "core.width": Knob("width", 1, MAX_SIZE, whole=True),
    "core.wavelengths": Knob("wavelengths", 1, MAX_SIZE, whole=True),
    "tiles": Knob("tiles", 1, MAX_SIZE, whole=True),
    "cores_per_tile": Knob("cores_per_tile", 1, MAX_SIZE, whole=True),
    "accumulation": Knob("accumulation", 1, MAX_SIZE, whole=True),
    "clock_ghz": Knob("clock", 0, 10**4, scale=1e9, above=True),
    "laser_margin_db": Knob("laser_margin", -200, 200),
}
CHARGE = "charge."
CHARGE_KNOB = Knob("charge", 0, 100)
DEVICE = "device."
ALL_CHARGES = "charge.all"


def knob(key: str, charges: list[str]) -> Knob:
    """The knob of that key. Raises `InputError` for another key; `charges` are those of the machine."""
    if key in KNOBS:
        return KNOBS[key]
    if key == ALL_CHARGES or (key.startswith(CHARGE) and key.removeprefix(CHARGE) in charges):
        return CHARGE_KNOB
    allowed = [*KNOBS, *(f"{CHARGE}{name}" for name in charges), ALL_CHARGES]
    raise unknown_name("machine setting", key, allowed, hint="or device.NAME.FIELD")


def set_to(key: str, value: object, charges: list[str]) -> float | int:
    """`value` of the knob `key` in SI. Raises `InputError` when it is not allowed."""
    turned = knob(key, charges)
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not turned.fits(np.asarray(float(value))):  # type: ignore[arg-type]
        raise InputError(f"{key} must be {turned.wanted()}, got {value!r}", allowed=[turned.range()])
    return turned.si(value)


def checked_bits(bits: object) -> int:
    """`bits` as a whole number. Raises `InputError` when it is none from 1 to 16."""
    if isinstance(bits, bool) or not isinstance(bits, int) or not 1 <= bits <= MAX_BITS:
        raise InputError(f"bits must be a whole number from 1 to {MAX_BITS}, got {bits!r}")
    return bits
