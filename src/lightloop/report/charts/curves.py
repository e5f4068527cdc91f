"""Curves over a common axis, each with an optional band of low and high values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lightloop.report.charts.scales import scale
from lightloop.report.theme import PALETTE, Figure, layout, rgba


@dataclass(frozen=True)
class Line:
    """A curve, with an optional band of low and high values around it."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    dash: str = "solid"
    colour: int | None = None
    faint: bool = False


def lines(curves: Sequence[Line], x_title: str, y_title: str, *, log_x: bool = False, log_y: bool = False) -> Figure:
    """Curves over a common axis."""
    data: list[dict[str, Any]] = []
    for index, curve in enumerate(curves):
        colour = PALETTE[(index if curve.colour is None else curve.colour) % len(PALETTE)]
        if curve.low is not None and curve.high is not None:
            data.append(_band(curve, colour))
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": curve.name,
                "x": list(curve.x),
                "y": list(curve.y),
                "line": {"color": colour, "width": 1.4 if curve.faint else 2.4, "dash": curve.dash},
                "marker": {"size": 3 if curve.faint else 5},
                "opacity": 0.45 if curve.faint else 1.0,
                "hovertemplate": f"{curve.name}<br>%{{x:.4g}}: <b>%{{y:.4f}}</b><extra></extra>",
            }
        )
    x_scale = scale(log_x, [x for curve in curves for x in curve.x])
    y_scale = scale(log_y, [y for curve in curves for y in (*curve.y, *(curve.low or ()), *(curve.high or ()))])
    figure_layout = layout(x_title, y_title, xaxis=x_scale, yaxis=y_scale)
    return {"data": data, "layout": figure_layout}


def _band(curve: Line, colour: str) -> dict[str, Any]:
    assert curve.low is not None and curve.high is not None
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*curve.x, *reversed(curve.x)],
        "y": [*curve.high, *reversed(curve.low)],
        "fill": "toself",
        "fillcolor": rgba(colour, 0.16),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }
