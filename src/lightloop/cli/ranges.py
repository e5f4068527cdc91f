"""Values on the command line: `1.55`, a list `1.53,1.55`, or a range `FROM:TO:COUNT`; and names with values."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from lightloop.errors import InputError

EXAMPLES = ["1.55", "1.53,1.55,1.57", "1.53:1.57:9 (from, to, how many)"]
MAX_VALUES, DIGITS = 100_000, 12
SMALLEST_GRID = 32  # with absorbing layers of 15 cells


def values_of(option: str, text: str) -> list[float]:
    """The numbers that a text stands for. Raises `InputError` where it stands for none."""
    try:
        found = _range(*text.split(":")) if ":" in text else [float(part) for part in text.split(",")]
    except (TypeError, ValueError):
        raise InputError(f"{option} {text!r} cannot be read", allowed=EXAMPLES) from None
    if not all(map(math.isfinite, found)):
        raise InputError(f"{option} {text!r} is not finite", allowed=EXAMPLES)
    return found


def named_values(option: str, items: Sequence[str] | None) -> dict[str, list[float]]:
    """`NAME=VALUES`, each name once. Raises `InputError` for anything else."""
    named = _named(option, items, "gap_um=0.15:0.25:5")
    return {name: values_of(f"{option} {name}", text) for name, text in named.items()}


def named_settings(option: str, items: Sequence[str] | None) -> dict[str, float | str]:
    """`NAME=NUMBER` or `NAME=WORD`, each name once. Raises `InputError` for anything else."""
    found: dict[str, float | str] = {}
    for name, text in _named(option, items, "width_um=0.5").items():
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) and not text.isidentifier():
            raise InputError(f"{option} {name}={text!r} cannot be read", allowed=["a number", "a word"])
        found[name] = number if math.isfinite(number) else text
    return found


def named_numbers(option: str, items: Sequence[str] | None) -> dict[str, float]:
    """`NAME=NUMBER`, each name once. Raises `InputError` for anything else."""
    found = named_values(option, items)
    several = [name for name, values in found.items() if len(values) > 1]
    if several:
        raise InputError(f"{option} {several[0]} has several values", hint="give one number")
    return {name: values[0] for name, values in found.items()}


def grids_of(option: str, items: Sequence[str] | None) -> list[tuple[int, int]]:
    """`NXxNY` as two numbers of points. Raises `InputError` for anything else."""
    found = []
    for item in items or []:
        match = re.fullmatch(r"(\d+)x(\d+)", item)
        if match is None or min(map(int, match.groups())) < SMALLEST_GRID:
            allowed = [f"NXxNY such as 384x80, at least {SMALLEST_GRID} each"]
            raise InputError(f"{option} {item!r} is no grid", allowed=allowed)
        found.append((int(match[1]), int(match[2])))
    return found


def _named(option: str, items: Sequence[str] | None, example: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in items or []:
        name, _, text = (part.strip() for part in item.partition("="))
        if not text or not name:
            raise InputError(f"{option} {item!r} is not NAME=VALUE", hint=f"for example {option} {example}")
        if name in found:
            raise InputError(f"{option} {name} is given twice", hint="leave one of them out")
        found[name] = text
    return found


def _range(first: str, last: str, count: str) -> list[float]:
    low, high, number = float(first), float(last), int(count)
    if not 1 <= number <= MAX_VALUES or (number == 1 and low != high):
        raise ValueError
    step = (high - low) / max(1, number - 1)
    return [round(low + place * step, DIGITS) for place in range(number - 1)] + [high]
