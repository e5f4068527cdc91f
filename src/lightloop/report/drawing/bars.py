"""Bars upright and lying: grouped, stacked, overlaid, floating; with text inside or beyond their ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightloop.report.drawing.axis import POINT_PER_PX, Plane
from lightloop.report.drawing.colour import colour
from lightloop.report.drawing.text import filled, listed, unmarked
from lightloop.report.theme import INK

GROUP_WIDTH = 0.8
HEADROOM = 1.09


@dataclass
class _Bars:
    """One trace: where its bars stand, where they begin and how long they are. All of shape (bars,)."""

    place: np.ndarray
    start: np.ndarray
    length: np.ndarray
    width: np.ndarray


def draw_bars(plane: Plane, traces: Sequence[dict[str, Any]]) -> None:
    """All bar traces of a figure; they are drawn together, because they stand on or beside one another."""
    mode = plane.layout.get("barmode", "group")
    heaps: dict[tuple[float, bool], float] = {}
    for index, trace in enumerate(traces):
        lying = trace.get("orientation") == "h"
        along, across = ("x", "y") if lying else ("y", "x")
        length = np.nan_to_num(plane.numbers(along, trace[along]))
        place = plane.numbers(across, trace[across])
        shift, width = _slot(mode, index, len(traces))
        bars = _Bars(
            place + shift,
            _starts(trace, place, length, heaps if mode in ("stack", "relative") else None),
            length,
            np.array(listed(trace.get("width", width), len(place)), float),
        )
        _rectangles(plane, trace, bars, lying)
        _texts(plane, trace, bars, lying)
    _headroom(plane, traces)


def _slot(mode: str, index: int, count: int) -> tuple[float, float]:
    """How far a trace's bars stand from their category, and how wide they are."""
    if mode != "group":
        return 0.0, GROUP_WIDTH
    width = GROUP_WIDTH / count
    return (index - (count - 1) / 2) * width, width


def _starts(
    trace: dict[str, Any], place: np.ndarray, length: np.ndarray, heaps: dict[tuple[float, bool], float] | None
) -> np.ndarray:
    """Where each bar begins: at its base, on what is already stacked there, or at zero."""
    if "base" in trace:
        return np.array(listed(trace["base"], len(place)), float)
    start = np.zeros(len(place))
    if heaps is not None:
        for i, spot in enumerate(place):
            heap = (float(spot), bool(length[i] < 0))
            start[i] = heaps.get(heap, 0.0)
            heaps[heap] = start[i] + length[i]
    return start


def _rectangles(plane: Plane, trace: dict[str, Any], bars: _Bars, lying: bool) -> None:
    marker = trace.get("marker", {})
    faces = [colour(face) for face in listed(marker.get("color", "#777777"), len(bars.place))]
    edge = marker.get("line", {})
    look = {
        "color": faces,
        "edgecolor": colour(edge.get("color", "#ffffff")),
        "linewidth": edge.get("width", 0) * POINT_PER_PX,
        "alpha": trace.get("opacity"),
        "zorder": 2,
    }
    if lying:
        plane.axes.barh(bars.place, bars.length, bars.width, left=bars.start, **look)
    else:
        plane.axes.bar(bars.place, bars.length, bars.width, bottom=bars.start, **look)


def _texts(plane: Plane, trace: dict[str, Any], bars: _Bars, lying: bool) -> None:
    count = len(bars.place)
    texts = [unmarked(text) for text in listed(trace.get("text", ""), count)]
    if "texttemplate" in trace:
        fields = {"x": trace["x"], "y": trace["y"], "text": texts}
        texts = [filled(trace["texttemplate"], {key: fields[key][i] for key in fields}) for i in range(count)]
    positions = listed(trace.get("textposition", "auto"), count)
    font = trace.get("textfont", {})
    inks = [colour(ink) for ink in listed(font.get("color", INK), count)]
    look = {"fontsize": font.get("size", 12) * POINT_PER_PX, "zorder": 4}
    for i, (text, position) in enumerate(zip(texts, positions, strict=True)):
        if text and position == "outside":
            _beyond(plane, bars, i, text, lying, look | {"color": inks[i]})
        elif text and position != "none":
            _within(plane, bars, i, text, lying, look | {"color": inks[i]})


def _beyond(plane: Plane, bars: _Bars, i: int, text: str, lying: bool, look: dict[str, Any]) -> None:
    end, sign = bars.start[i] + bars.length[i], -1 if bars.length[i] < 0 else 1
    at = (end, bars.place[i]) if lying else (bars.place[i], end)
    gap = (4 * sign, 0) if lying else (0, 3 * sign)
    aligned = {"ha": "left" if sign > 0 else "right", "va": "center"} if lying else {"ha": "center"}
    if not lying:
        aligned["va"] = "bottom" if sign > 0 else "top"
    plane.axes.annotate(text, at, gap, textcoords="offset points", **aligned, **look)


def _within(plane: Plane, bars: _Bars, i: int, text: str, lying: bool, look: dict[str, Any]) -> None:
    """In the middle of the bar; `drop_what_does_not_fit` takes it away again once the axes have their size."""
    middle = bars.start[i] + bars.length[i] / 2
    at = (middle, bars.place[i]) if lying else (bars.place[i], middle)
    written = plane.axes.text(*at, text, ha="center", va="center", clip_on=True, **look)
    ends, half = (bars.start[i], bars.start[i] + bars.length[i]), bars.width[i] / 2
    sides = (bars.place[i] - half, bars.place[i] + half)
    corners = [(ends[k], sides[k]) if lying else (sides[k], ends[k]) for k in (0, 1)]
    written.room = corners


def drop_what_does_not_fit(plane: Plane, figure: Any) -> None:
    """Remove the texts that are larger than the bar they stand in."""
    texts = [text for text in plane.axes.texts if hasattr(text, "room")]
    if not texts:
        return
    figure.draw_without_rendering()
    for text in texts:
        (x0, y0), (x1, y1) = plane.axes.transData.transform(text.room)
        box = text.get_window_extent()
        if box.width > abs(x1 - x0) - 4 or box.height > abs(y1 - y0):
            text.remove()


def _headroom(plane: Plane, traces: Sequence[dict[str, Any]]) -> None:
    """Room for texts beyond the ends of upright bars."""
    beyond = any(trace.get("textposition") == "outside" and trace.get("orientation") != "h" for trace in traces)
    if beyond and "range" not in plane.layout.get("yaxis", {}):
        low, high = plane.axes.get_ylim()
        plane.axes.set_ylim(low, high * (HEADROOM**3 if plane.is_log("y") else HEADROOM))
