"""A figure of merit against a setting that was swept, one curve for each contender, with error bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lightloop.report.charts.scales import log_range, scale
from lightloop.report.charts.words import plain
from lightloop.report.theme import PALETTE, Figure, colour_of, layout


@dataclass(frozen=True)
class Swept:
    """One contender at several values of the setting.

    Args:
        name: Its name.
        x: The values of the setting, rising.
        y: The figure of merit at each.
        error: Half the length of each error bar; 0 for none.
        best: Place of the value that was chosen, drawn larger; None for none.
        lost: Values of the setting at which there is no figure, because the run failed.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    error: Sequence[float]
    best: int | None = None
    lost: Sequence[float] = ()


def swept(contenders: Sequence[Swept], x_title: str, y_title: str) -> Figure:
    """Curves over a logarithmic axis; crosses along the top mark settings at which a run failed."""
    data: list[dict[str, Any]] = [_curve(index, one) for index, one in enumerate(contenders) if one.x]
    values = [y for one in contenders for y in one.y]
    top = _above(values)
    data += [_lost(index, one, top) for index, one in enumerate(contenders) if one.lost]
    settings = [x for one in contenders for x in (*one.x, *one.lost)]
    x_axis = scale(True, settings) | {"range": log_range(settings, below=1.3, above=1.3)}
    return {"data": data, "layout": layout(x_title, y_title, height=420, xaxis=x_axis)}


def dash_of(index: int) -> str:
    """The dash of the n-th curve: solid until the colours are used up."""
    return ("solid", "dash", "dot")[min(index // len(PALETTE), 2)]


def _curve(index: int, one: Swept) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": plain(one.name),
        "x": list(one.x),
        "y": list(one.y),
        "error_y": {
            "type": "data",
            "array": list(one.error),
            "thickness": 1.2,
            "width": 3,
            "visible": any(one.error),
        },
        "line": {"color": colour_of(index), "width": 2.0, "dash": dash_of(index)},
        "marker": {"size": [11 if place == one.best else 6 for place in range(len(one.x))], "color": colour_of(index)},
        "hovertemplate": f"{plain(one.name)}<br>%{{x:.4g}}: <b>%{{y:.4f}}</b><extra></extra>",
    }


def _lost(index: int, one: Swept, top: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{plain(one.name)}, diverged",
        "showlegend": False,
        "x": list(one.lost),
        "y": [top] * len(one.lost),
        "marker": {"size": 9, "color": colour_of(index), "symbol": "x"},
        "hovertemplate": f"{plain(one.name)}<br>%{{x:.4g}}: diverged<extra></extra>",
    }


def _above(values: Sequence[float]) -> float:
    """A height above all values."""
    finite = [value for value in values if math.isfinite(value)]
    return max(finite) + 0.08 * (max(finite) - min(finite) or 1.0) if finite else 1.0
