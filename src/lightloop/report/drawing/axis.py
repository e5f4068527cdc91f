"""Scales, ticks and categories of the two axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from lightloop.report.drawing.colour import colour
from lightloop.report.drawing.text import unmarked
from lightloop.report.theme import GRID, INK, QUIET

POINT_PER_PX = 0.72  # figures are laid out at 100 pixels to the inch


@dataclass
class Plane:
    """The axes that traces are drawn on, and what strings along them stand for."""

    axes: Any
    layout: dict[str, Any]
    categories: dict[str, dict[str, int]] = field(default_factory=dict)

    def numbers(self, way: str, values: Sequence[Any]) -> np.ndarray:
        """Coordinates along "x" or "y": categories by their order of appearance, None as a gap."""
        names = self.categories[way]
        if names:
            return np.array([names[str(value)] for value in values], float)
        return np.array([np.nan if value is None else value for value in values], float)

    def is_log(self, way: str) -> bool:
        """Whether the axis is logarithmic."""
        return bool(self.layout.get(f"{way}axis", {}).get("type") == "log")


def plane(axes: Any, layout: dict[str, Any], traces: Sequence[dict[str, Any]]) -> Plane:
    """The plane of a figure, with scales set and nothing drawn yet."""
    found = Plane(axes, layout)
    for way in "xy":
        texts = [value for trace in traces for value in trace.get(way, []) if isinstance(value, str)]
        found.categories[way] = {name: place for place, name in enumerate(dict.fromkeys(texts))}
        if found.is_log(way):
            getattr(axes, f"set_{way}scale")("log")
    return found


def finish(found: Plane) -> None:
    """Titles, ticks, ranges and the quiet look, once everything is drawn."""
    for way in "xy":
        settings = found.layout.get(f"{way}axis", {})
        _range(found, way, settings)
        _ticks(found, way, settings)
        _title(found, way, settings)
    axes = found.axes
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(QUIET)
    axes.tick_params(which="major", color=QUIET, length=4, labelcolor=INK)
    axes.tick_params(which="minor", length=0)


def _range(found: Plane, way: str, settings: dict[str, Any]) -> None:
    limits = settings.get("range")
    if limits and found.is_log(way):
        limits = [10.0**limit for limit in limits]
    set_limits = getattr(found.axes, f"set_{way}lim")
    if limits:
        set_limits(*limits)
    elif found.categories[way]:
        set_limits(-0.6, len(found.categories[way]) - 0.4)
    if settings.get("autorange") == "reversed":
        getattr(found.axes, f"invert_{way}axis")()


def _ticks(found: Plane, way: str, settings: dict[str, Any]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

    axis = getattr(found.axes, f"{way}axis")
    names = found.categories[way]
    if names:
        axis.set_ticks(list(names.values()), [unmarked(name) for name in names])
    elif settings.get("tickvals") is not None:
        texts = settings.get("ticktext", [f"{value:g}" for value in settings["tickvals"]])
        _fixed(axis, settings["tickvals"], [unmarked(text) for text in texts])
    elif not found.is_log(way):
        axis.set_major_locator(MaxNLocator(8 if way == "x" else 6, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}".replace("-", "−")))
    axis.set_minor_formatter(NullFormatter())
    angle = settings.get("tickangle", 0)
    if angle:
        for label in axis.get_ticklabels():
            label.set(rotation=-angle, ha="right" if angle < 0 else "left", rotation_mode="anchor")
    shown = settings.get("showgrid", not names or way == "y")
    if shown:
        axis.grid(True, color=settings.get("gridcolor", GRID), linewidth=0.8)


def _fixed(axis: Any, places: Sequence[float], texts: Sequence[str]) -> None:
    """Given ticks, only where the axis reaches: a tick outside would stretch it."""
    low, high = sorted(axis.get_view_interval())
    inside = [(place, text) for place, text in zip(places, texts, strict=True) if low <= place <= high]
    axis.set_ticks([place for place, _ in inside], [text for _, text in inside])


def _title(found: Plane, way: str, settings: dict[str, Any]) -> None:
    title = settings.get("title") or {}
    text = title.get("text", "") if isinstance(title, dict) else title
    if text:
        size = title.get("font", {}).get("size", 13) if isinstance(title, dict) else 13
        ink = colour(found.layout.get("font", {}).get("color", INK))
        getattr(found.axes, f"set_{way}label")(unmarked(text), fontsize=size * POINT_PER_PX, color=ink, labelpad=6)


def unclash(found: Plane, figure: Any) -> None:
    """Tilt the labels of the x axis where they would run into each other."""
    labels = [label for label in found.axes.get_xticklabels() if label.get_text()]
    if any(label.get_rotation() for label in labels):
        return
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in labels]
    if any(left.x1 + 2 > right.x0 for left, right in pairwise(boxes)):
        for label in labels:
            label.set(rotation=35, ha="right", rotation_mode="anchor")
