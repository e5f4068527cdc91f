"""Figures of circuits: annotated plots of simulations, the course of a sizing, the figures of a bench."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lightloop.report.charts.scales import scale
from lightloop.report.charts.words import plain
from lightloop.report.theme import INK, PALETTE, QUIET, Figure, axis, colour_of, layout

Values = Mapping[str, Any]
PANEL_PX, GAP = 230, 0.08
MARGIN_PX = 110
STANDOFF_PX = 10
EDGE = 0.12  # share of the axis at either end where a text has no room beyond it
FLAT = 0.02  # share of a panel's height: a curve that moves less beside a mark runs level there


def plot_figure(plot: Values) -> Figure:
    """A plot of a circuit with its marked points and levels.

    Args:
        plot: As `lightloop.analog.evidence.plots.PlotData.to_dict()`.
    """
    panels = len(plot["y_titles"])
    data = [_line(index, line) for index, line in enumerate(plot["lines"])]
    data += [_marks(plot, panel) for panel in range(panels) if any(m["panel"] == panel for m in plot["marks"])]
    x_axis = scale(plot["log_x"], [x for line in plot["lines"] for x in line["x"]], "" if plot["log_x"] else None)
    figure = layout(
        plain(plot["x_title"]), plain(plot["y_titles"][0]), height=MARGIN_PX + PANEL_PX * panels, xaxis=x_axis
    )
    figure["showlegend"] = len(plot["lines"]) > panels
    figure["shapes"], figure["annotations"] = _levels(plot["levels"], plot["log_x"])
    for panel, title in enumerate(plot["y_titles"]):
        low = (panels - 1 - panel) * (1 + GAP) / panels
        own = {"domain": [low, low + (1 - GAP * (panels - 1)) / panels]} if panels > 1 else {}
        figure[_axis_name(panel)] = axis(plain(title), **own, **_reach(plot, panel))
        figure[_axis_name(panel)]["title"]["standoff"] = STANDOFF_PX
    figure["xaxis"]["anchor"] = _trace_axis(panels - 1)
    return {"data": data, "layout": figure}


def _axis_name(panel: int) -> str:
    return "yaxis" if panel == 0 else f"yaxis{panel + 1}"


def _trace_axis(panel: int) -> str:
    return "y" if panel == 0 else f"y{panel + 1}"


def _reach(plot: Values, panel: int) -> dict[str, Any]:
    """A range with room for the texts of marks."""
    values = [y for line in plot["lines"] if line["panel"] == panel for y in line["y"] if math.isfinite(y)]
    values += [level["y"] for level in plot["levels"] if level["panel"] == panel and level["y"] is not None]
    if not values:
        return {}
    room = 0.14 * (max(values) - min(values)) or 1.0
    return {"range": [min(values) - room, max(values) + room]}


def _line(index: int, line: Values) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain(line["name"]),
        "x": [_finite(x) for x in line["x"]],
        "y": [_finite(y) for y in line["y"]],
        "yaxis": _trace_axis(line["panel"]),
        "line": {"color": colour_of(index), "width": 2.2},
        "hovertemplate": f"{plain(line['name'])}<br>%{{x:.4g}}: <b>%{{y:.4g}}</b><extra></extra>",
    }


def _marks(plot: Values, panel: int) -> dict[str, Any]:
    own = sorted((mark for mark in plot["marks"] if mark["panel"] == panel), key=lambda mark: mark["x"])
    curves = [line for line in plot["lines"] if line["panel"] == panel]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": "",
        "showlegend": False,
        "x": [_finite(mark["x"]) for mark in own],
        "y": [_finite(mark["y"]) for mark in own],
        "yaxis": _trace_axis(panel),
        "text": [plain(mark["text"]) for mark in own],
        "textposition": [_text_side(mark, curves[0], place, plot["log_x"]) for place, mark in enumerate(own)],
        "textfont": {"size": 12, "color": INK},
        "cliponaxis": False,
        "marker": {"size": 9, "color": PALETTE[1], "line": {"width": 1.5, "color": "#ffffff"}},
        "hovertemplate": "%{text}<extra></extra>",
    }


def _share(value: float, low: float, high: float, log_x: bool) -> float:
    """Where a value lies between two others, 0 to 1."""
    if high <= low:
        return 0.0
    return math.log(value / low) / math.log(high / low) if log_x and low > 0 else (value - low) / (high - low)


def _text_side(mark: Values, curve: Values, place: int, log_x: bool) -> str:
    """Where the text of a mark is clear of the curve: on the outer side of its slope; marks in a row take turns."""
    x, y = curve["x"], curve["y"]
    at = min(range(len(x)), key=lambda i: abs(x[i] - mark["x"]))
    reach = max(1, len(x) // 40)
    rise = y[min(at + reach, len(y) - 1)] - y[max(at - reach, 0)]
    place_x = _share(mark["x"], min(x), max(x), log_x)
    left_edge, right_edge = place_x < EDGE, place_x > 1 - EDGE
    if abs(rise) < FLAT * (max(y) - min(y)):
        return "top right" if left_edge else "top left" if right_edge else "top center"
    first, second = ("top left", "bottom right") if rise > 0 else ("top right", "bottom left")
    if left_edge or right_edge:  # no room beyond the edge
        return next(side for side in (first, second) if side.endswith("right") == left_edge)
    return first if place % 2 == 0 else second


def _levels(levels: Sequence[Values], log_x: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Lines across a panel and their texts at its edge."""
    shapes, texts = [], []
    for level in levels:
        y_axis = _trace_axis(level["panel"])
        ends: dict[str, Any] = {"xref": "paper", "x0": 0, "x1": 1, "yref": y_axis, "y0": level["y"], "y1": level["y"]}
        spot: dict[str, Any] = {
            "xref": "paper",
            "x": 1,
            "xanchor": "right",
            "yref": y_axis,
            "y": level["y"],
            "yanchor": "bottom",
        }
        if level["x"] is not None:
            ends = {"xref": "x", "x0": level["x"], "x1": level["x"], "yref": f"{y_axis} domain", "y0": 0, "y1": 1}
            spot = {
                "xref": "x",
                "x": math.log10(level["x"]) if log_x else level["x"],
                "xanchor": "left",
                "yref": f"{y_axis} domain",
                "y": 0.02,
                "yanchor": "bottom",
            }
        shapes.append({"type": "line", **ends, "line": {"color": QUIET, "width": 1, "dash": "dot"}})
        texts.append({**spot, "text": plain(level["text"]), "showarrow": False, "font": {"size": 11, "color": QUIET}})
    return shapes, texts


def progress_figure(history: Sequence[Values], objective: str) -> Figure:
    """Each evaluation of a sizing, and the best feasible one so far.

    Args:
        history: Rows with `evaluation`, `objective` (less is better) and `violation` (0 where all constraints hold).
        objective: Title of the axis.
    """
    rows = [row for row in history if math.isfinite(row["objective"])]
    groups = {
        "all constraints hold": [row for row in rows if row["violation"] <= 0],
        "a constraint is broken": [row for row in rows if row["violation"] > 0],
    }
    data: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "markers", "name": name,
            "x": [row["evaluation"] for row in group], "y": [row["objective"] for row in group],
            "marker": {"size": 5, "color": colour, "opacity": 0.6},
            "hovertemplate": "%{x}: <b>%{y:.4g}</b><extra></extra>",
        }
        for (name, group), colour in zip(groups.items(), (PALETTE[2], PALETTE[8]), strict=True) if group
    ]  # fmt: skip
    best: list[tuple[float, float]] = []
    for row in groups["all constraints hold"]:
        if not best or row["objective"] < best[-1][1]:
            best.append((row["evaluation"], row["objective"]))
    if best:
        best.append((max(row["evaluation"] for row in rows), best[-1][1]))
        data.append(
            {
                "type": "scatter", "mode": "lines", "name": "best so far",
                "x": [x for x, _ in best], "y": [y for _, y in best],
                "line": {"shape": "hv", "color": PALETTE[0], "width": 2.4}, "hoverinfo": "skip",
            }
        )  # fmt: skip
    return {"data": data, "layout": layout("evaluation", plain(objective), height=360)}


def front_figure(front: Sequence[Values], first: str, second: str) -> Figure:
    """Designs that no other beats in two objectives.

    Args:
        front: Rows with `measured`, name -> value.
        first, second: Names of the objectives.
    """
    spots = sorted((row["measured"][first], row["measured"][second]) for row in front)
    data = {
        "type": "scatter", "mode": "lines+markers", "name": "front",
        "x": [x for x, _ in spots], "y": [y for _, y in spots],
        "line": {"shape": "hv", "color": QUIET, "width": 1.4}, "marker": {"size": 9, "color": PALETTE[0]},
        "hovertemplate": "%{x:.4g}, <b>%{y:.4g}</b><extra></extra>",
    }  # fmt: skip
    names = [plain(name.replace("_", " ")) for name in (first, second)]
    return {"data": [data], "layout": layout(names[0], names[1], height=360)}


def passed_figure(tasks: Sequence[Values]) -> Figure:
    """Share of the trials of each task that passed, by level."""
    levels = list(dict.fromkeys(task["level"] for task in tasks))
    data = [
        {
            "type": "bar", "name": plain(level),
            "x": [plain(task["task"]) for task in tasks if task["level"] == level],
            "y": [100 * (task["pass_at_1"] or 0.0) for task in tasks if task["level"] == level],
            "marker": {"color": colour_of(index)},
            "hovertemplate": "%{x}: <b>%{y:.1f} %</b><extra></extra>",
        }
        for index, level in enumerate(levels)
    ]  # fmt: skip
    return {
        "data": data,
        "layout": layout("", "Pass@1 (%)", height=400, yaxis={"range": [0, 105]}, xaxis={"tickangle": -45}),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
