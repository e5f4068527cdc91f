"""The kinds of figure a report is made of. Each takes plain numbers and returns a plotly figure as a dict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightloop.report.theme import INK, PALETTE, QUIET, layout, rgba

Figure = dict[str, Any]


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
    x_scale = _scale(log_x, [x for curve in curves for x in curve.x])
    y_scale = _scale(log_y, [y for curve in curves for y in curve.y])
    figure_layout = layout(x_title, y_title, xaxis=x_scale, yaxis=y_scale)
    return {"data": data, "layout": figure_layout}


def _scale(logarithmic: bool, values: Iterable[float]) -> dict[str, Any]:
    """A linear axis, or a logarithmic one with a label at 1, 2 and 5 of each decade that `values` reach into."""
    positive = [value for value in values if value > 0]
    if not logarithmic or not positive:
        return {"type": "linear"}
    decades = range(math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive))) + 1)
    ticks = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
    return {"type": "log", "tickmode": "array", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}


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


def grouped_bars(
    table: Mapping[str, Mapping[str, float]], y_title: str, *, label: str = "%{y:.3g}", log_y: bool = False
) -> Figure:
    """For each column one group of bars, one bar for each row of the table."""
    data = [
        {
            "type": "bar",
            "name": name,
            "x": list(row),
            "y": list(row.values()),
            "marker": {"color": PALETTE[index % len(PALETTE)]},
            "texttemplate": label,
            "textposition": "outside",
            "textfont": {"size": 10},
            "cliponaxis": False,
            "hovertemplate": f"{name}, %{{x}}: <b>%{{y:.4g}}</b><extra></extra>",
        }
        for index, (name, row) in enumerate(table.items())
    ]
    scale = _scale(log_y, [value for row in table.values() for value in row.values()])
    return {"data": data, "layout": layout("", y_title, barmode="group", yaxis=scale)}


def stacked_columns(table: Mapping[str, Mapping[str, float]], y_title: str, *, unit: str) -> Figure:
    """One column for each row of the table, cut into its parts, with its total above."""
    parts = list(dict.fromkeys(part for row in table.values() for part in row))
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "name": part,
            "x": list(table),
            "y": [row.get(part, 0.0) for row in table.values()],
            "marker": {"color": PALETTE[index % len(PALETTE)]},
            "hovertemplate": f"%{{x}}, {part}: <b>%{{y:.4g}} {unit}</b><extra></extra>",
        }
        for index, part in enumerate(parts)
    ]
    totals = [sum(row.values()) for row in table.values()]
    data.append(
        {
            "type": "scatter",
            "mode": "text",
            "x": list(table),
            "y": totals,
            "text": [f"{total:.3g} {unit}" for total in totals],
            "textposition": "top center",
            "cliponaxis": False,
            "hoverinfo": "skip",
            "showlegend": False,
        }
    )
    return {"data": data, "layout": layout("", y_title, barmode="stack")}


def stacked_bars(
    table: Mapping[str, Mapping[str, float]], x_title: str, *, share: bool = False, unit: str = ""
) -> Figure:
    """One horizontal bar for each row of the table, cut into its parts; largest parts first."""
    totals: dict[str, float] = {}
    for row in table.values():
        for part, value in row.items():
            totals[part] = totals.get(part, 0.0) + value / (sum(row.values()) or 1.0)
    figure = f"<b>%{{{{customdata:.4g}}}} {unit}</b>" + (" (%{{x:.3g}} %)" if share else "")
    hover = "%{{y}}, {part}: " + figure + "<extra></extra>"
    data = []
    for index, part in enumerate(sorted(totals, key=lambda name: -totals[name])):
        raw = [row.get(part, 0.0) for row in table.values()]
        scale = [sum(row.values()) / 100 if share else 1.0 for row in table.values()]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": part.replace("_", " "),
                "y": list(table),
                "x": [value / by for value, by in zip(raw, scale, strict=True)],
                "customdata": raw,
                "marker": {"color": _shade(index), "line": {"width": 0.5, "color": "white"}},
                "hovertemplate": hover.format(part=part.replace("_", " ")),
            }
        )
    figure_layout = layout(x_title, "", height=110 + 62 * len(table), barmode="stack")
    figure_layout["yaxis"]["autorange"] = "reversed"
    figure_layout["legend"] = {
        "orientation": "h",
        "y": -0.28,
        "yanchor": "top",
        "x": 0,
        "traceorder": "normal",
    }
    figure_layout["margin"]["t"] = 12
    return {"data": data, "layout": figure_layout}


def _shade(index: int) -> str:
    """The palette, then its paler copies."""
    colour = PALETTE[index % len(PALETTE)]
    return colour if index < len(PALETTE) else rgba(colour, 0.5)


@dataclass(frozen=True)
class Point:
    """One design: where it stands, what it belongs to, and what to show when one points at it."""

    x: float
    y: float
    label: str
    detail: str
    error: float = 0.0


def pareto(
    groups: Mapping[str, Sequence[Point]],
    front: Sequence[tuple[float, float]],
    x_title: str,
    y_title: str,
    *,
    hollow: Sequence[str] = (),
    reference: tuple[str, float] | None = None,
) -> Figure:
    """Designs by group, the front of those that no other beats in both axes, and a reference level.

    Args:
        groups: Name -> designs.
        front: Corners of the front, sorted by x.
        x_title: Title of the logarithmic x axis.
        y_title: Title of the y axis.
        hollow: Groups that are drawn with open markers.
        reference: Name and height of a horizontal line.
    """
    data: list[dict[str, Any]] = [_staircase(front)] if front else []
    colours: dict[str, str] = {}
    for name, points in groups.items():
        base = name.split(",")[0]
        colour = colours.setdefault(base, PALETTE[len(colours) % len(PALETTE)])
        data.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "name": name,
                "x": [point.x for point in points],
                "y": [point.y for point in points],
                "error_y": _error_bars(points),
                "text": [point.label for point in points],
                "textposition": "top center" if len(colours) % 2 else "bottom center",
                "textfont": {"size": 10, "color": QUIET},
                "customdata": [point.detail for point in points],
                "marker": {
                    "size": 10,
                    "color": colour,
                    "symbol": "circle-open" if name in hollow else "circle",
                    "line": {"width": 1.8, "color": colour},
                },
                "hovertemplate": "%{customdata}<extra></extra>",
            }
        )
    figure_layout = layout(
        x_title, y_title, height=520, xaxis=_scale(True, [p.x for points in groups.values() for p in points])
    )
    if reference:
        figure_layout["shapes"] = [
            {
                "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": reference[1], "y1": reference[1],
                "line": {"color": INK, "width": 1, "dash": "dot"},
            }
        ]  # fmt: skip
        data.append(
            {
                "type": "scatter", "mode": "lines", "x": [None], "y": [None], "name": reference[0],
                "line": {"color": INK, "width": 1, "dash": "dot"},
            }
        )  # fmt: skip
    return {"data": data, "layout": figure_layout}


def _error_bars(points: Sequence[Point]) -> dict[str, Any]:
    errors = [point.error for point in points]
    return {"type": "data", "array": errors, "thickness": 1.2, "width": 3, "visible": any(errors)}


def _staircase(front: Sequence[tuple[float, float]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Pareto front",
        "x": [x for x, _ in front],
        "y": [y for _, y in front],
        "line": {"shape": "hv", "color": QUIET, "width": 1.5},
        "hoverinfo": "skip",
    }
