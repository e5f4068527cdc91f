"""Axes: what a logarithmic axis writes at its ticks, and how far an axis reaches."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from lightloop.units import engineering

WITHIN_A_DECADE, MANY_DECADES, VERY_MANY_DECADES = 12.0, 3, 9


def scale(logarithmic: bool, values: Iterable[float], unit: str | None = None) -> dict[str, Any]:
    """A linear axis, or a logarithmic one with labels that do not crowd.

    Args:
        logarithmic: Whether the axis is logarithmic; it is linear all the same where no value is positive.
        values: What is drawn along the axis.
        unit: Write the ticks with SI prefixes before this unit (may be empty); None writes plain numbers.
    """
    positive = [float(value) for value in values if value > 0 and math.isfinite(value)]
    if not logarithmic or not positive:
        return {"type": "linear"}
    first, last = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
    reach = last - first
    digits: tuple[float, ...] = (1, 2, 5) if reach <= MANY_DECADES else (1,)
    if max(positive) / min(positive) < WITHIN_A_DECADE:
        digits = (1, 1.5, 2, 3, 4, 5, 7)
    step = 1 if reach <= VERY_MANY_DECADES else 3
    start = first // step * step  # of steps of three decades, those with a prefix of their own
    ticks = [digit * 10.0**decade for decade in range(start, last + 1, step) for digit in digits]
    texts = [f"{tick:g}" if unit is None else engineering(tick, unit, 3).strip() for tick in ticks]
    return {"type": "log", "tickmode": "array", "tickvals": ticks, "ticktext": texts}


def log_range(values: Iterable[float], *, below: float = 2.0, above: float = 2.0) -> list[float]:
    """The range of a logarithmic axis as plotly wants it, in powers of ten, with a factor of room at either end."""
    positive = [float(value) for value in values if value > 0 and math.isfinite(value)]
    return [math.log10(min(positive) / below), math.log10(max(positive) * above)]
