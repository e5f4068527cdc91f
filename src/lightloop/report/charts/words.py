"""Words on figures: names that came from outside are escaped, quantities are written with their unit."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping

from lightloop.errors import InputError
from lightloop.units import engineering

UNITS = {
    "mj": ("mJ", 1e-3, "J"),
    "ms": ("ms", 1e-3, "s"),
    "mw": ("mW", 1e-3, "W"),
    "mm2": ("mm²", None, ""),
    "mj_ms": ("mJ ms", None, ""),
    "ghz": ("GHz", 1e9, "Hz"),
    "db": ("dB", None, ""),
}
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def plain(text: object) -> str:
    """Text that a figure shows as it is: plotly reads a little HTML in labels, and a name may hold a `<`."""
    return html.escape(str(text), quote=False)


def words(name: str) -> str:
    """An identifier as words: "dac_1" is "dac 1"."""
    return plain(name.replace("_", " "))


def measure(name: str) -> tuple[str, str]:
    """Words and unit of a quantity that carries its unit in its name: "energy_mj" is ("energy", "mJ")."""
    stem, suffix, of = _parts(name)
    what = "energy-delay product" if stem == "edp" else words(stem)
    return f"{what}, {words(of)}" if of else what, UNITS[suffix][0] if suffix else ""


def title(name: str) -> str:
    """The title of an axis for a quantity that carries its unit in its name: "energy (mJ)"."""
    what, unit = measure(name)
    return f"{what} ({unit})" if unit else what


def quantity(name: str, value: float, digits: int = 4) -> str:
    """A value with the prefix that reads best, its unit taken from the quantity's name."""
    _, suffix, _ = _parts(name)
    if not suffix:
        return f"{value:.{digits}g}"
    shown, factor, si = UNITS[suffix]
    return engineering(value * factor, si, digits) if factor else f"{value:.{digits}g} {shown}"


def _parts(name: str) -> tuple[str, str, str]:
    """Stem, suffix of the unit and what it is of: "energy_mj.deit_tiny" is ("energy", "mj", "deit_tiny")."""
    for suffix in sorted(UNITS, key=len, reverse=True):
        stem, found, rest = name.partition(f"_{suffix}")
        if found and (not rest or rest.startswith(".")):
            return stem, suffix, rest.removeprefix(".")
    return name, "", ""


def times(ratio: float) -> str:
    """A ratio to three digits and without powers of ten: "17.9x", "1,130,000x"."""
    if not 1e-2 < abs(ratio) < 1e15:
        return f"{ratio:.3g}x"
    return f"{ratio:.3g}x" if abs(ratio) < 999.5 else f"{float(f'{ratio:.3g}'):,.0f}x"


def in_bytes(count: float) -> str:
    """A number of bytes with a binary prefix: 1536 is "1.5 KiB"."""
    power = min(int(math.log(count, 1024)), len(_BINARY) - 1) if count >= 1 else 0
    return f"{count / 1024**power:.4g} {_BINARY[power]}"


def amounts_only(what: str, table: Mapping[str, float]) -> None:
    """Raise `InputError` that names every entry which is no amount: negative, infinite or not a number."""
    wrong = [f"{name} = {value}" for name, value in table.items() if not (math.isfinite(value) and value >= 0)]
    if wrong:
        raise InputError(f"{what} cannot be drawn: {', '.join(wrong)}", allowed=["finite numbers of zero or more"])
