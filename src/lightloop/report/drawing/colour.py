"""Plotly's colours, dashes and symbols in matplotlib's words."""

from __future__ import annotations

import re
from typing import Any

from lightloop.errors import unknown_name

DASHES: dict[str, Any] = {"solid": "-", "dot": (0, (1, 2)), "dash": (0, (5, 3)), "dashdot": (0, (5, 2, 1, 2))}
SYMBOLS = {"circle": "o", "diamond": "D", "square": "s", "cross": "P", "x": "X", "triangle-up": "^", "star": "*"}
_RGBA = re.compile(r"rgba?\(([^)]*)\)")


def colour(text: str) -> tuple[float, float, float, float]:
    """ "#rrggbb", "rgb(...)", "rgba(...)" or a name, as four numbers from 0 to 1."""
    from matplotlib.colors import to_rgba

    found = _RGBA.fullmatch(text.replace(" ", ""))
    if not found:
        return to_rgba(text)
    red, green, blue, *alpha = (float(part) for part in found[1].split(","))
    return red / 255, green / 255, blue / 255, alpha[0] if alpha else 1.0


def dash(name: str) -> Any:
    """The line style of that name."""
    if name not in DASHES:
        raise unknown_name("dash", name, DASHES)
    return DASHES[name]


def symbol(name: str) -> tuple[str, bool]:
    """Matplotlib's marker, and whether it is hollow."""
    plain = name.removesuffix("-open")
    if plain not in SYMBOLS:
        raise unknown_name("marker symbol", name, SYMBOLS)
    return SYMBOLS[plain], name.endswith("-open")


def is_dark(rgba: tuple[float, float, float, float]) -> bool:
    """Whether white text reads better on it than black; relative luminance of ITU-R BT.709."""
    return 0.2126 * rgba[0] + 0.7152 * rgba[1] + 0.0722 * rgba[2] < 0.55
