"""The roofline: what a machine could do at each intensity, and what the layers of a network reach.

A layer that does I operations for each byte it moves can run no faster than min(peak, I x bandwidth).
Williams, Waterman, Patterson, "Roofline", CACM 52(4), 2009.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightloop.errors import InputError
from lightloop.report.charts.labels import place
from lightloop.report.charts.scales import log_range, scale
from lightloop.report.charts.words import plain, words
from lightloop.report.theme import INK, Figure, colour_of, layout, rgba
from lightloop.units import engineering

LARGEST_MARKER_PX, SMALLEST_MARKER_PX = 34.0, 6.0
NAMED_POINTS = 8
SAME_SPOT = 0.035  # of the plot; layers nearer than this share one name


@dataclass(frozen=True)
class RoofPoint:
    """One layer on the roofline.

    Args:
        name: The layer.
        ops_per_byte: Operations for each byte that it moves at `level`.
        ops_per_s: Operations per second that it reaches.
        time_s: How long it runs; the area of its marker.
        level: The memory whose bytes were counted; one of the bandwidths.
    """

    name: str
    ops_per_byte: float
    ops_per_s: float
    time_s: float
    level: str


def roofline(points: Sequence[RoofPoint], peak: float, bandwidths: Mapping[str, float]) -> Figure:
    """Layers under the roofs of a machine, both axes logarithmic.

    Args:
        points: The layers; those that move no byte or take no time have no place and are left out.
        peak: Most operations per second of the machine.
        bandwidths: Memory level -> bytes per second, one slanted roof for each.

    Raises:
        InputError: The peak or a bandwidth is not positive, or a point counts the bytes of a level without a roof.
    """
    _check(points, peak, bandwidths)
    drawn = [p for p in points if 0 < p.ops_per_byte < math.inf and p.ops_per_s > 0 and p.time_s > 0]
    ridges = [peak / bandwidth for bandwidth in bandwidths.values()]
    x_values = [p.ops_per_byte for p in drawn] + ridges or [1.0]
    y_values = [p.ops_per_s for p in drawn] + [peak]
    x_range, y_range = log_range(x_values, below=5, above=5), log_range(y_values, below=6, above=3)
    colours = {level: colour_of(index) for index, level in enumerate(bandwidths)}
    data = [_roof(level, bandwidths[level], peak, x_range, y_range, colours[level]) for level in bandwidths]
    data.append(_line(f"peak, {engineering(peak, 'op/s', 3)}", [10 ** x_range[0], 10 ** x_range[1]], [peak] * 2, INK))
    data[-1]["line"]["dash"] = "dash"
    data += [
        _layers([p for p in drawn if p.level == level], level, colours[level], drawn, x_range, y_range)
        for level in bandwidths
        if any(p.level == level for p in drawn)
    ]
    x_axis = scale(True, [10 ** x_range[0], 10 ** x_range[1]], "") | {"range": x_range}
    y_axis = scale(True, [10 ** y_range[0], 10 ** y_range[1]], "") | {"range": y_range}
    figure_layout = layout("operations per byte", "operations per second", height=480, xaxis=x_axis, yaxis=y_axis)
    return {"data": data, "layout": figure_layout}


def _check(points: Sequence[RoofPoint], peak: float, bandwidths: Mapping[str, float]) -> None:
    wrong = [f"{name} = {value:g}" for name, value in {"peak": peak, **bandwidths}.items() if not 0 < value < math.inf]
    lost = sorted({p.level for p in points} - set(bandwidths))
    if lost:
        wrong.append(f"points at {', '.join(lost)}, which has no bandwidth")
    if wrong:
        raise InputError(
            f"no roofline of {'; '.join(wrong)}",
            allowed=["a positive peak, a positive bandwidth for each level that a point names"],
        )


def _roof(level: str, bandwidth: float, peak: float, x_range: list[float], y_range: list[float], colour: str) -> Any:
    """From where the roof enters the plot up to its ridge."""
    start = max(10 ** x_range[0], 10 ** y_range[0] / bandwidth)
    x = [start, peak / bandwidth]
    return _line(f"{words(level)}, {engineering(bandwidth, 'B/s', 3)}", x, [bandwidth * value for value in x], colour)


def _line(name: str, x: list[float], y: list[float], colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 2.2}
    hover = f"{name}<extra></extra>"
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line, "hovertemplate": hover}


def _layers(
    own: Sequence[RoofPoint],
    level: str,
    colour: str,
    everyone: Sequence[RoofPoint],
    x_range: list[float],
    y_range: list[float],
) -> dict[str, Any]:
    longest = max(p.time_s for p in everyone)
    order = sorted(own, key=lambda p: -p.time_s)
    sizes = [max(LARGEST_MARKER_PX * math.sqrt(p.time_s / longest), SMALLEST_MARKER_PX) for p in order]
    texts, sides = _names(order, sizes, x_range, y_range)
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": f"layers, by bytes of {words(level)}",
        "x": [p.ops_per_byte for p in order],
        "y": [p.ops_per_s for p in order],
        "text": texts,
        "textposition": sides,
        "textfont": {"size": 11, "color": INK},
        "customdata": [[plain(p.name), engineering(p.ops_per_s, "op/s"), engineering(p.time_s, "s")] for p in order],
        "marker": {"size": sizes, "color": rgba(colour, 0.55), "line": {"width": 1, "color": "#ffffff"}},
        "hovertemplate": "<b>%{customdata[0]}</b><br>%{x:.4g} operations per byte<br>%{customdata[1]}"
        "<br>%{customdata[2]}<extra></extra>",
    }


def _names(
    order: Sequence[RoofPoint], sizes: Sequence[float], x_range: list[float], y_range: list[float]
) -> tuple[list[str], list[str]]:
    """The longest layer of each spot, and how many lie under it; the others are left to the pointer."""
    spots = [(_fraction(p.ops_per_byte, x_range), _fraction(p.ops_per_s, y_range)) for p in order]
    leaders: dict[int, int] = {}
    for i, spot in enumerate(spots):
        near = next((j for j in leaders if math.dist(spot, spots[j]) < SAME_SPOT), None)
        leaders[i if near is None else near] = leaders.get(i if near is None else near, 0) + 1
    named = list(leaders)[:NAMED_POINTS]
    labels = [order[i].name + (f" +{leaders[i] - 1}" if leaders[i] > 1 else "") for i in named]
    found = place([spots[i] for i in named], labels, [sizes[i] / 2 for i in named])
    chosen = {i: (label, side) for i, label, side in zip(named, labels, found, strict=True) if side}
    texts = [plain(chosen[i][0]) if i in chosen else "" for i in range(len(order))]
    return texts, [chosen[i][1] or "" if i in chosen else "top center" for i in range(len(order))]


def _fraction(value: float, reach: list[float]) -> float:
    return (math.log10(value) - reach[0]) / (reach[1] - reach[0])
