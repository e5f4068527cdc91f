"""A sunburst: rings at the left, and at the right the list of all arcs with their figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightloop.report.drawing.axis import POINT_PER_PX
from lightloop.report.drawing.colour import colour, is_dark
from lightloop.report.drawing.text import unmarked
from lightloop.report.theme import INK, QUIET

HOLE, RING = 0.34, 0.33  # radius of the middle, thickness of a ring, when there are two rings
ROW_PX, LABEL_PX = 21, 11


@dataclass
class _Arc:
    """One node: degrees, counter-clockwise, from plotly's rotation, and how deep it lies."""

    label: str
    detail: str
    start: float
    end: float
    depth: int
    shade: tuple[float, float, float, float]


def height_px(trace: dict[str, Any], wanted: float) -> float:
    """At least as high as the list of its arcs."""
    return max(wanted, ROW_PX * len(trace["ids"]) + 40)


def draw_rings(figure: Any, trace: dict[str, Any]) -> None:
    """The one sunburst of a figure."""
    arcs = _arcs(trace)
    width, height = figure.get_size_inches()
    share = min(0.97 * height / width, 0.56)
    axes = figure.add_axes((0.015, 0.015, share, 0.97))
    axes.set(xlim=(-1.02, 1.02), ylim=(-1.02, 1.02), aspect="equal")
    axes.axis("off")
    depth = max(arc.depth for arc in arcs)
    thickness = 2 * RING / max(depth, 1)
    for arc in arcs[1:]:
        _wedge(axes, arc, HOLE + thickness * arc.depth, thickness)
    axes.text(0, 0, f"{arcs[0].label}\n{arcs[0].detail}", ha="center", va="center", fontsize=14 * POINT_PER_PX,
              weight="bold", color=INK, linespacing=1.4)  # fmt: skip
    figure.draw_without_rendering()
    for arc in arcs[1:]:
        _name(axes, arc, HOLE + thickness * (arc.depth - 1), thickness)
    _list(figure, trace, arcs, share + 0.05)


def _arcs(trace: dict[str, Any]) -> list[_Arc]:
    """Each arc begins where its elder sibling ends, the first one where its parent begins."""
    values = dict(zip(trace["ids"], trace["values"], strict=True))
    root = trace["ids"][trace["parents"].index("")]
    first = float(trace.get("rotation", 0))
    free = {root: first}
    depths = {root: 0}
    found = [_Arc(unmarked(trace["labels"][0]), unmarked(trace["text"][0]), first, first + 360.0, 0, (1, 1, 1, 1))]
    for i, (own, parent) in enumerate(zip(trace["ids"], trace["parents"], strict=True)):
        if own == root:
            continue
        start = free[parent]
        end = start + 360.0 * values[own] / values[root]
        free[parent], free[own], depths[own] = end, start, depths[parent] + 1
        shade = colour(trace["marker"]["colors"][i])
        found.append(_Arc(unmarked(trace["labels"][i]), unmarked(trace["text"][i]), start, end, depths[own], shade))
    return found


def _wedge(axes: Any, arc: _Arc, outer: float, thickness: float) -> None:
    from matplotlib.patches import Wedge

    patch = Wedge((0, 0), outer, arc.start, arc.end, width=thickness, facecolor=arc.shade,
                  edgecolor="white", linewidth=1.1)  # fmt: skip
    axes.add_patch(patch)


def _name(axes: Any, arc: _Arc, inner: float, thickness: float) -> None:
    """The name in its arc: level, along the radius, or not at all."""
    middle, radius = math.radians((arc.start + arc.end) / 2), inner + thickness / 2
    at = (radius * math.cos(middle), radius * math.sin(middle))
    ink = "white" if is_dark(arc.shade) else INK
    text = axes.text(*at, arc.label, ha="center", va="center", fontsize=LABEL_PX * POINT_PER_PX, color=ink)
    box = text.get_window_extent()
    scale = axes.transData.transform((1, 0))[0] - axes.transData.transform((0, 0))[0]
    half = np.array([box.width, box.height]) / scale / 2 + 0.012
    lean = math.degrees(middle)
    lean = lean + 180 if math.cos(middle) < 0 else lean
    for angle in (0.0, lean):
        if _fits(arc, at, half, math.radians(angle), inner, thickness):
            text.set(rotation=angle, rotation_mode="anchor")
            return
    text.remove()


def _fits(arc: _Arc, at: tuple[float, float], half: np.ndarray, angle: float, inner: float, thickness: float) -> bool:
    """Whether the border of a leaning box lies inside the arc."""
    steps = np.linspace(-1, 1, 9)
    border = [(s, side) for s in steps for side in (-1, 1)] + [(side, s) for s in steps for side in (-1, 1)]
    u, v = np.array(border).T * half[:, None]
    x = at[0] + u * math.cos(angle) - v * math.sin(angle)
    y = at[1] + u * math.sin(angle) + v * math.cos(angle)
    radius, turn = np.hypot(x, y), (np.degrees(np.arctan2(y, x)) - arc.start) % 360
    inside_turn = turn <= arc.end - arc.start
    return bool(np.all(inside_turn) and radius.min() >= inner and radius.max() <= inner + thickness)


def _list(figure: Any, trace: dict[str, Any], arcs: list[_Arc], left: float) -> None:
    """All arcs by name, with amount and share as the pointer would show them in a browser."""
    axes = figure.add_axes((left, 0.015, 0.985 - left, 0.97))
    axes.axis("off")
    rows = arcs[1:]
    axes.set(xlim=(0, 1), ylim=(max(len(rows), 16) - 0.5, -0.5))
    details = trace.get("customdata") or trace["text"]
    top = (max(len(rows), 16) - len(rows)) / 2
    for row, (arc, detail) in enumerate(zip(rows, details[1:], strict=True)):
        y, indent = top + row, 0.05 * arc.depth
        group = arc.depth == 1
        axes.plot(indent - 0.02, y, "s", markersize=6.5 if group else 5, color=arc.shade, clip_on=False)
        look: dict[str, Any] = {"va": "center", "fontsize": 12 * POINT_PER_PX, "weight": "bold" if group else "normal"}
        amount, _, share = unmarked(detail).rpartition(", ")
        axes.text(indent + 0.015, y, arc.label, color=INK, **look)
        axes.text(0.76, y, amount, ha="right", color=INK if group else QUIET, **look)
        axes.text(0.95, y, share, ha="right", color=INK if group else QUIET, **look)
