"""What stands around the traces: legend, shapes, notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightloop.report.drawing.axis import POINT_PER_PX, Plane
from lightloop.report.drawing.colour import colour, dash, symbol
from lightloop.report.drawing.scatter import line_look, marker_colour
from lightloop.report.drawing.text import listed, unmarked, weight
from lightloop.report.theme import INK

LEGEND_PX = 12


def legend(figure: Any, layout: dict[str, Any], traces: Sequence[dict[str, Any]]) -> None:
    """The names of the traces in as few rows as fit; as in plotly, one trace alone needs none."""
    named = [trace for trace in traces if trace.get("showlegend", True) and trace.get("name")]
    asked = any(trace.get("showlegend") for trace in named)
    if not layout.get("showlegend", len(named) > 1 or asked) or not named:
        return
    where = "outside lower left" if layout.get("legend", {}).get("y", 1) < 0 else "outside upper left"
    handles, labels = [_handle(trace) for trace in named], [unmarked(trace["name"]) for trace in named]
    room = figure.bbox.width * 0.98
    for columns in range(len(named), 0, -1):
        # Matplotlib fills column by column; one reads row by row.
        order = [i for column in range(columns) for i in range(column, len(named), columns)]
        made = figure.legend(
            [handles[i] for i in order],
            [labels[i] for i in order],
            loc=where,
            ncols=columns,
            frameon=False,
            fontsize=LEGEND_PX * POINT_PER_PX,
            handlelength=1.5,
            handletextpad=0.5,
            columnspacing=1.5,
            labelspacing=0.35,
            borderpad=0.2,
        )
        if columns == 1 or made.get_window_extent().width <= room:
            return
        made.remove()


def _handle(trace: dict[str, Any]) -> Any:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if trace.get("type") == "bar":
        marker = trace.get("marker", {})
        return Patch(facecolor=colour(listed(marker.get("color", "#777777"), 1)[0]), alpha=trace.get("opacity"))
    modes = trace.get("mode", "lines").split("+")
    look = line_look(trace) if "lines" in modes else {"linestyle": "none", "alpha": trace.get("opacity")}
    if "markers" in modes:
        marker = trace.get("marker", {})
        shape, hollow = symbol(marker.get("symbol", "circle"))
        shade = colour(listed(marker_colour(trace), 1)[0])
        size = max(min(listed(marker.get("size", 6), 1)[0], 10), 3) * POINT_PER_PX
        rim = colour(marker.get("line", {}).get("color", "#ffffff")) if marker.get("line") else shade
        look |= {"marker": shape, "markersize": size, "markerfacecolor": "none" if hollow else shade}
        look |= {"markeredgecolor": shade if hollow or rim == (1, 1, 1, 1) else rim}
        look.setdefault("color", shade)
    return Line2D([], [], **look)


def shapes(plane: Plane) -> None:
    """Lines and boxes, in data or in parts of the plot."""
    from matplotlib.patches import Rectangle

    for shape in plane.layout.get("shapes", []):
        x, y = (shape["x0"], shape["x1"]), (shape["y0"], shape["y1"])
        line = shape.get("line", {})
        look = {"linewidth": line.get("width", 2) * POINT_PER_PX, "linestyle": dash(line.get("dash", "solid"))}
        way = _transform(plane, shape.get("xref", "x"), shape.get("yref", "y"))
        if shape["type"] == "line":
            plane.axes.plot(x, y, color=colour(line.get("color", INK)), transform=way, zorder=3.5, **look)
            continue
        box = Rectangle((x[0], y[0]), x[1] - x[0], y[1] - y[0], transform=way, zorder=0.5, **look)
        box.set_facecolor(colour(shape.get("fillcolor", "rgba(0,0,0,0)")))
        box.set_edgecolor(colour(line.get("color", INK)))
        plane.axes.add_patch(box)


def _transform(plane: Plane, x_reference: str, y_reference: str) -> Any:
    from matplotlib.transforms import blended_transform_factory

    part, data = plane.axes.transAxes, plane.axes.transData
    return blended_transform_factory(
        part if x_reference == "paper" else data,
        part if y_reference == "paper" else data,
    )


def notes(plane: Plane) -> None:
    """Notes without arrows. On a logarithmic axis plotly gives their place in powers of ten."""
    across = {"left": "left", "center": "center", "right": "right", "auto": "center"}
    upright = {"top": "top", "middle": "center", "bottom": "bottom", "auto": "center"}
    for note in plane.layout.get("annotations", []):
        references = {"x": note.get("xref", "x"), "y": note.get("yref", "y")}
        spot = [
            10.0 ** note[way] if references[way] != "paper" and plane.is_log(way) else note[way] for way in ("x", "y")
        ]
        font = note.get("font", {})
        plane.axes.text(
            *spot,
            unmarked(note["text"]),
            transform=_transform(plane, references["x"], references["y"]),
            ha=across[note.get("xanchor", "auto")],
            va=upright[note.get("yanchor", "auto")],
            fontsize=font.get("size", 12) * POINT_PER_PX,
            color=colour(font.get("color", INK)),
            weight=weight(note["text"]),
            zorder=6,
        )
