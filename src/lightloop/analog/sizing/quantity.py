"""What can be measured of a circuit: names that carry their unit, and whether they are compared by ratio."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """A measured number.

    Args:
        unit: Its unit.
        what: What it is, in one line.
        by_ratio: Whether it is above zero and its order of magnitude counts.
        scale: What a shortfall is compared with where the limit is zero.
    """

    unit: str
    what: str
    by_ratio: bool = True
    scale: float = 1.0
