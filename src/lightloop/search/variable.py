"""What a search may change: named numbers with bounds, on a linear or a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lightloop.errors import InputError

Scale = Literal["log", "linear"]
SCALES = ("log", "linear")


@dataclass(frozen=True)
class Variable:
    """A number that a search may change.

    Args:
        name: Its name.
        low: Least value, in the caller's unit.
        high: Largest value.
        scale: `log` searches evenly over the orders of magnitude (`low` > 0), `linear` evenly over the values.
        integer: Whether only whole numbers count.

    Raises:
        InputError: The bounds are not finite, not in order, or hold no whole number; or the scale is not known.
    """

    name: str
    low: float
    high: float
    scale: Scale = "log"
    integer: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(
                f"{self.name}: the bounds {self.low:g} to {self.high:g} are not two numbers in rising order"
            )
        if self.scale not in SCALES:
            raise InputError(f"{self.name}: unknown scale {self.scale!r}", allowed=SCALES)
        if self.scale == "log" and self.low <= 0:
            raise InputError(
                f"{self.name}: a logarithmic scale cannot begin at {self.low:g}", hint="use scale 'linear'"
            )
        if self.integer and math.floor(self.high) < math.ceil(self.low):
            raise InputError(f"{self.name}: no whole number between {self.low:g} and {self.high:g}")

    def value(self, unit: float) -> float:
        """The value at a place of the unit interval, 0 for `low` and 1 for `high`."""
        unit = min(max(unit, 0.0), 1.0)
        if self.scale == "log":
            value = self.low * (self.high / self.low) ** unit
        else:
            value = self.low + (self.high - self.low) * unit
        if self.integer:
            value = float(round(value))
            return min(max(value, float(math.ceil(self.low))), float(math.floor(self.high)))
        return min(max(value, self.low), self.high)

    def unit(self, value: float) -> float:
        """The place of a value in the unit interval; the nearest end where it lies outside the bounds."""
        value = min(max(value, self.low), self.high)
        if self.scale == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def check_variables(variables: Sequence[Variable]) -> None:
    """Raises `InputError` where there is none, or two share a name."""
    names = [variable.name for variable in variables]
    if not names:
        raise InputError("a search needs at least one variable")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"two variables are called {twice[0]!r}")


def unit_point(variables: Sequence[Variable], point: Mapping[str, float]) -> list[float]:
    """A point in the unit cube, in the order of the variables. Raises `InputError` where one has no value."""
    missing = [variable.name for variable in variables if variable.name not in point]
    if missing:
        raise InputError(f"the point has no value for {', '.join(missing)}")
    return [variable.unit(point[variable.name]) for variable in variables]
