"""One look for all figures: a small palette that survives colour blindness and print, and quiet axes."""

from __future__ import annotations

from typing import Any

Figure = dict[str, Any]  # a plotly figure as plain data: {"data": [...], "layout": {...}}

# Okabe and Ito's palette (2008), reordered so that the first three stay apart in grey.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A6A4F", "#5B5B8C", "#9A9A9A")
INK = "#1d2733"
QUIET = "#8a94a0"
GRID = "#e8ebef"
# Dark to light without a break in lightness, so that it also reads in grey.
SEQUENCE = ("#13315c", "#1f5f8b", "#2f8f94", "#67b588", "#b7cf7a", "#f2dc7e")
FONT = "Inter, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with a title and a light grid."""
    return {
        "title": {"text": title, "font": {"size": 13}},
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": QUIET,
        "ticks": "outside",
        "tickcolor": QUIET,
        "automargin": True,
        **more,
    }


def layout(x_title: str, y_title: str, *, height: int = 380, **more: Any) -> dict[str, Any]:
    """The layout of a figure with two axes."""
    x, y = more.pop("xaxis", {}), more.pop("yaxis", {})
    return {
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 64, "r": 20, "t": 44, "b": 56},
        "height": height,
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": QUIET, "activecolor": INK},
        "hoverlabel": {"font": {"family": FONT}},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        "xaxis": axis(x_title, **x),
        "yaxis": axis(y_title, **y),
        **more,
    }


def rgba(colour: str, alpha: float) -> str:
    """A hexadecimal colour with an opacity."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def tint(colour: str, amount: float) -> str:
    """A hexadecimal colour moved towards white: 0 leaves it, 1 is white. Unlike `rgba` it hides what lies behind."""
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(part + (255 - part) * amount):02x}" for part in parts)


def colour_of(index: int) -> str:
    """The colour of the n-th thing: the palette, then its paler copies, for ever."""
    rounds, place = divmod(index, len(PALETTE))
    return tint(PALETTE[place], (0.0, 0.45, 0.7)[min(rounds, 2)])
