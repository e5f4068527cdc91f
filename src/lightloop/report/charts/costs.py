"""A loss against what it costs: one named point for each contender, and the front of those that no other beats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lightloop.report.charts.labels import place
from lightloop.report.charts.scales import log_range, scale
from lightloop.report.charts.tradeoff import Point, staircase
from lightloop.report.charts.words import plain
from lightloop.report.theme import INK, Figure, colour_of, layout

# Where neither the error bar nor the front crosses the name.
SIDES = ("top right", "bottom right", "middle left", "middle right")
RADIUS_PX = 5.5


def costs(contenders: Sequence[Point], x_title: str, y_title: str) -> Figure:
    """Points over a logarithmic axis of costs, less being better in both.

    Args:
        contenders: Each with its cost, its loss and the error of that; one that costs nothing has no place on the
            axis and is left out, but keeps its colour.
        x_title: What it costs.
        y_title: The loss.
    """
    drawn = [(index, point) for index, point in enumerate(contenders) if point.x > 0]
    if not drawn:
        return {"data": [], "layout": layout(x_title, y_title, height=460)}
    reach = log_range([point.x for _, point in drawn], below=1.4, above=1.8)
    data: list[dict[str, Any]] = [staircase(_front([(point.x, point.y) for _, point in drawn]))]
    sides = _sides([point for _, point in drawn], reach)
    data += [_point(index, point, side) for (index, point), side in zip(drawn, sides, strict=True)]
    axis = scale(True, [10**end for end in reach]) | {"range": reach}
    return {"data": data, "layout": layout(x_title, y_title, height=460, xaxis=axis)}


def _point(index: int, point: Point, side: str | None) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers+text" if side else "markers",
        "name": plain(point.label),
        "x": [point.x],
        "y": [point.y],
        "error_y": {"type": "data", "array": [point.error], "thickness": 1.2, "width": 3, "visible": point.error > 0},
        "text": [f"\u00a0{plain(point.label)}\u00a0"],
        "textposition": side or "middle right",
        "textfont": {"size": 11, "color": INK},
        "customdata": [point.detail],
        "marker": {"size": 2 * RADIUS_PX, "color": colour_of(index)},
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _sides(points: Sequence[Point], reach: Sequence[float]) -> list[str | None]:
    """Where each name stands; the best loss is asked first."""
    low, high = min(point.y - point.error for point in points), max(point.y + point.error for point in points)
    places = [
        ((math.log10(point.x) - reach[0]) / (reach[1] - reach[0]), (point.y - low) / ((high - low) or 1.0))
        for point in points
    ]
    order = sorted(range(len(points)), key=lambda index: points[index].y)
    found = place([places[i] for i in order], [points[i].label for i in order], [RADIUS_PX] * len(order), order=SIDES)
    named = dict(zip(order, found, strict=True))
    return [named[index] for index in range(len(points))]


def _front(corners: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those that no other equals or beats in both, by rising cost."""
    front: list[tuple[float, float]] = []
    for corner in sorted(set(corners)):
        if not front or corner[1] < front[-1][1]:
            front.append(corner)
    return front
