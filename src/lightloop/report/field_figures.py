"""Figures of a device's scattering over wavelengths and geometry, and its fields as pictures with axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from lightloop.report.charts.curves import Line, lines
from lightloop.report.charts.words import plain
from lightloop.report.theme import Figure

Values = Mapping[str, Any]
MAX_CURVES = 9


def scattering_figures(result: Values) -> dict[str, Figure]:
    """Powers between the ports over what was varied.

    With one axis, a figure for each port that is entered; with several, one for each port that is left when the first
    is entered, over the longest axis.

    Args:
        result: As `SweepResult.to_dict()`.

    Returns:
        Figures by name; none where nothing was varied.
    """
    varied = [name for name, values in result["axes"].items() if len(values) > 1]
    if not varied:
        return {}
    along = max(varied, key=lambda name: len(result["axes"][name]))
    title = axis_title(along)
    ports, numbers = result["ports"], range(len(result["ports"]))
    if len(varied) == 1:
        own = {f"from_{entered}": (entered, list(numbers), f"from {ports[entered]}") for entered in numbers}
    else:
        own = {f"into_{left}": (0, [left], f"from {ports[0]} to {ports[left]}") for left in numbers}
    return {
        name: lines(list(_curves(result, along, entered, left))[:MAX_CURVES], title, plain(f"power {what}"))
        for name, (entered, left, what) in own.items()
    }


def axis_title(name: str) -> str:
    """Of a parameter: `gap_um` is "gap (µm)"."""
    quantity = name.removesuffix("_um").replace("_", " ")
    return f"{quantity} (µm)" if name.endswith("_um") else quantity


def place_told(parameters: Mapping[str, float]) -> str:
    """Values of parameters in words: "gap 0.2 µm, wavelength 1.55 µm"."""
    return ", ".join(
        f"{name.removesuffix('_um').replace('_', ' ')} {value:g}{' µm' if name.endswith('_um') else ''}"
        for name, value in parameters.items()
    )


def curves_cut(result: Values) -> int:
    """How many curves of a figure are left out, for there are too many."""
    lengths = [len(values) for values in result["axes"].values()]
    others = prod(lengths) // max(lengths)
    return max(0, others - MAX_CURVES)


def picture_figure(data_uri: str, width_px: int, height_px: int, *, shown_px: int = 900) -> Figure:
    """A picture, as the page shows figures.

    Args:
        data_uri: The PNG within the page.
        width_px, height_px: Of the picture.
        shown_px: Width on the page.
    """
    hidden = {"visible": False, "range": [0, 1], "fixedrange": True}
    picture = {
        "source": data_uri, "xref": "paper", "yref": "paper", "x": 0, "y": 1, "sizex": 1, "sizey": 1,
        "xanchor": "left", "yanchor": "top", "sizing": "contain", "layer": "below",
    }  # fmt: skip
    return {
        "data": [],
        "layout": {
            "images": [picture],
            "height": round(shown_px * height_px / width_px),
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
            "xaxis": hidden,
            "yaxis": hidden,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "modebar": {"remove": ["toImage"]},
        },
    }


def _curves(result: Values, along: str, entered: int, left: Sequence[int]) -> Iterator[Line]:
    """One for each port left and each combination of the other axes."""
    axes, ports = result["axes"], result["ports"]
    others = [name for name, values in axes.items() if name != along and len(values) > 1]
    for port, places in product(left, product(*(range(len(axes[name])) for name in others))):
        fixed = dict(zip(others, places, strict=True))
        values = [_at(result, {**fixed, along: place})[port][entered] for place in range(len(axes[along]))]
        told = place_told({name: axes[name][place] for name, place in fixed.items()})
        yield Line(plain(told or f"{ports[entered]} to {ports[port]}"), axes[along], values)


def _at(result: Values, places: Mapping[str, int]) -> Any:
    """Powers (ports, ports) at one point."""
    power = result["power"]
    for name in result["axes"]:
        power = power[places.get(name, 0)]
    return power
