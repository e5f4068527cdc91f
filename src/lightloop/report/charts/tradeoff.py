"""Designs in two axes, the front of those that no other beats, and a reference level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightloop.report.charts.scales import scale
from lightloop.report.theme import INK, PALETTE, QUIET, Figure, layout


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
    data: list[dict[str, Any]] = [staircase(front)] if front else []
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
        x_title, y_title, height=520, xaxis=scale(True, [p.x for points in groups.values() for p in points])
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


def staircase(front: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """The trace of a front: from each of its corners to the right, then down to the next."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Pareto front",
        "x": [x for x, _ in front],
        "y": [y for _, y in front],
        "line": {"shape": "hv", "color": QUIET, "width": 1.5},
        "hoverinfo": "skip",
    }
