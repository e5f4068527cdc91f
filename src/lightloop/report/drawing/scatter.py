"""Lines, markers, areas, error bars and texts of a scatter trace."""

from __future__ import annotations

from typing import Any

import numpy as np

from lightloop.report.drawing.axis import POINT_PER_PX, Plane
from lightloop.report.drawing.colour import colour, dash, symbol
from lightloop.report.drawing.text import listed, unmarked, weight
from lightloop.report.theme import INK, PALETTE

RASTER_FROM = 2_000  # points; as vectors they would make an SVG of many megabytes
TEXT_GAP_PX = 5
STEPS = {"linear": "default", "hv": "steps-post", "vh": "steps-pre"}
# Horizontal and vertical direction of the text seen from its point.
SIDES = {
    "top left": (-1, 1), "top center": (0, 1), "top right": (1, 1),
    "middle left": (-1, 0), "middle center": (0, 0), "middle right": (1, 0),
    "bottom left": (-1, -1), "bottom center": (0, -1), "bottom right": (1, -1),
}  # fmt: skip


def draw_scatter(plane: Plane, trace: dict[str, Any]) -> None:
    """One scatter trace."""
    x, y = plane.numbers("x", trace["x"]), plane.numbers("y", trace["y"])
    modes = trace.get("mode", "lines").split("+")
    if trace.get("fill") == "toself":
        plane.axes.fill(x, y, color=colour(trace["fillcolor"]), linewidth=0, zorder=1)
    if "lines" in modes and trace.get("line", {}).get("width", 2) > 0:
        _line(plane, trace, x, y)
    if trace.get("error_y", {}).get("visible", True) and "error_y" in trace:
        _error_bars(plane, trace, x, y)
    if "markers" in modes:
        _markers(plane, trace, x, y)
    if "text" in modes:
        _texts(plane, trace, x, y, "markers" in modes)


def line_look(trace: dict[str, Any]) -> dict[str, Any]:
    """How the line of a trace looks; the legend uses it too."""
    line = trace.get("line", {})
    return {
        "color": colour(line.get("color", PALETTE[0])),
        "linewidth": line.get("width", 2) * POINT_PER_PX,
        "linestyle": dash(line.get("dash", "solid")),
        "alpha": trace.get("opacity"),
    }


def marker_colour(trace: dict[str, Any]) -> Any:
    """Colour of the markers; a trace that names none takes the colour of its line."""
    return trace.get("marker", {}).get("color", trace.get("line", {}).get("color", PALETTE[0]))


def _line(plane: Plane, trace: dict[str, Any], x: np.ndarray, y: np.ndarray) -> None:
    style = STEPS[trace.get("line", {}).get("shape", "linear")]
    plane.axes.plot(x, y, drawstyle=style, zorder=2.5, solid_capstyle="round", **line_look(trace))


def _error_bars(plane: Plane, trace: dict[str, Any], x: np.ndarray, y: np.ndarray) -> None:
    errors = trace["error_y"]
    plane.axes.errorbar(
        x,
        y,
        yerr=np.array(errors["array"], float),
        fmt="none",
        ecolor=colour(marker_colour(trace)),
        elinewidth=errors.get("thickness", 1) * POINT_PER_PX,
        capsize=errors.get("width", 3) * POINT_PER_PX,
        zorder=2.6,
    )


def _markers(plane: Plane, trace: dict[str, Any], x: np.ndarray, y: np.ndarray) -> None:
    marker = trace.get("marker", {})
    shape, hollow = symbol(marker.get("symbol", "circle"))
    size = np.array(listed(marker.get("size", 6), len(x)), float) * POINT_PER_PX
    edge = marker.get("line", {})
    look: dict[str, Any] = {
        "marker": shape,
        "s": size**2,
        "linewidths": (edge.get("width", 1.5 if hollow else 0)) * POINT_PER_PX,
        "alpha": marker.get("opacity", trace.get("opacity")),
        "rasterized": len(x) > RASTER_FROM,
        "zorder": 3,
    }
    if "colorscale" in marker:
        from matplotlib.colors import LinearSegmentedColormap

        ramp = LinearSegmentedColormap.from_list("columns", [(at, colour(c)) for at, c in marker["colorscale"]])
        values = np.array([np.nan if value is None else value for value in marker["color"]], float)
        drawn = plane.axes.scatter(x, y, c=values, cmap=ramp, **look)
        if marker.get("showscale"):
            _colour_bar(plane, drawn, marker.get("colorbar", {}))
        return
    faces = [colour(c) for c in listed(marker_colour(trace), len(x))]
    rims = [colour(edge["color"])] * len(x) if "color" in edge else faces
    plane.axes.scatter(x, y, facecolors="none" if hollow else faces, edgecolors=faces if hollow else rims, **look)


def _colour_bar(plane: Plane, drawn: Any, settings: dict[str, Any]) -> None:
    bar = plane.axes.figure.colorbar(drawn, ax=plane.axes, fraction=0.03, pad=0.015)
    bar.solids.set_alpha(1.0)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=3, color=INK, labelcolor=INK)
    if "tickvals" in settings:
        bar.set_ticks(settings["tickvals"], labels=[unmarked(text) for text in settings["ticktext"]])
    bar.set_label(unmarked(settings.get("title", {}).get("text", "")), fontsize=12 * POINT_PER_PX, color=INK)


def _texts(plane: Plane, trace: dict[str, Any], x: np.ndarray, y: np.ndarray, has_markers: bool) -> None:
    font = trace.get("textfont", {})
    sizes = listed(trace.get("marker", {}).get("size", 6) if has_markers else 0, len(x))
    sides = listed(trace.get("textposition", "middle center"), len(x))
    for i, text in enumerate(listed(trace.get("text", ""), len(x))):
        if not str(text).strip() or not (np.isfinite(x[i]) and np.isfinite(y[i])):
            continue
        written = plane.axes.annotate(
            unmarked(text),
            (x[i], y[i]),
            (0, 0),
            textcoords="offset points",
            fontsize=font.get("size", 12) * POINT_PER_PX,
            color=colour(font.get("color", INK)),
            weight=weight(text),
            zorder=5,
            annotation_clip=False,
        )
        written.reach = (sizes[i] / 2 + (TEXT_GAP_PX if has_markers else 2)) * POINT_PER_PX
        written.may_go = has_markers
        put(written, sides[i])


def put(text: Any, side: str) -> None:
    """Move a text to a side of its point."""
    right, up = SIDES[side]
    diagonal = 0.7 if right and up else 1.0
    text.set_position((right * text.reach * diagonal, up * text.reach * diagonal))
    text.set(ha={-1: "right", 0: "center", 1: "left"}[right], va={-1: "top", 0: "center", 1: "bottom"}[up])
    text.side = side


def spread_texts(plane: Plane, figure: Any) -> None:
    """Move texts that lie on another one to a free side of their point; where none is free, leave the name away."""
    texts = [text for text in plane.axes.texts if hasattr(text, "may_go")]
    fixed = [text for text in texts if not text.may_go]
    if not texts:
        return
    figure.draw_without_rendering()
    taken = [text.get_window_extent() for text in fixed]
    taken += [text.get_window_extent() for text in plane.axes.texts if not hasattr(text, "may_go")]
    for text in [text for text in texts if text.may_go]:
        for side in (text.side, *SIDES):
            put(text, side)
            box = text.get_window_extent()
            if side != "middle center" and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
        else:
            text.remove()
