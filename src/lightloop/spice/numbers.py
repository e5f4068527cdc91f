"""Numbers as SPICE writes them: a decimal number, a scale suffix, and letters of a unit that are ignored.

Example:
    >>> parse_number("4.7k"), parse_number("10uF"), parse_number("1MEG"), parse_number("1m")
    (4700.0, 1e-05, 1000000.0, 0.001)
"""

from __future__ import annotations

import math
import re

NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)([a-z]*)", re.ASCII)
MAX_DIGITS = 64

# Power of ten of each suffix; "meg" and "mil" are looked for before "m". Ngspice 39 manual, section 2.1.3.
_POWERS = {"t": 12, "g": 9, "k": 3, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15}
_MIL_M = 25.4e-6


def parse_number(text: str) -> float | None:
    """The value of a SPICE number in its own unit; None where `text` is no finite number.

    Case does not matter: `M` is milli, `MEG` is mega. Letters after the suffix are a unit: `1F` is one femto.
    """
    match = NUMBER.fullmatch(text.lower()) if len(text) <= MAX_DIGITS else None
    if match is None:
        return None
    value = _scaled(match[1], match[2])
    return value if math.isfinite(value) else None


def format_number(value: float) -> str:
    """The shortest text without suffix that reads back as exactly `value`."""
    return repr(int(value)) if value == int(value) and abs(value) < 1e6 else repr(float(value))


def _scaled(digits: str, letters: str) -> float:
    if letters.startswith("mil"):
        return float(digits) * _MIL_M
    power = 6 if letters.startswith("meg") else _POWERS.get(letters[:1], 0)
    mantissa, _, exponent = digits.partition("e")
    return float(f"{mantissa}e{int(exponent or 0) + power}")
