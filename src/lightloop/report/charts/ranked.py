"""Lying bars, the largest first, coloured by kind, with an optional level to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lightloop.errors import InputError
from lightloop.report.charts.words import plain, words
from lightloop.report.theme import INK, QUIET, Figure, colour_of, layout


@dataclass(frozen=True)
class Bar:
    """One row: its name, how long its bar is, what to write beside it, and its kind."""

    name: str
    value: float
    told: str
    kind: str = ""


def ranking(
    bars: Sequence[Bar],
    x_title: str,
    *,
    most: int = 25,
    sort: bool = True,
    reference: tuple[str, float] | None = None,
) -> Figure:
    """Rows of bars; `layout.meta` says how many are shown of how many, and what the others add up to.

    Args:
        bars: The rows.
        x_title: Title of the axis.
        most: How many rows are drawn at most.
        sort: Draw the longest first; otherwise in the order given.
        reference: Name and place of a dotted line to compare with.

    Raises:
        InputError: There are no rows.
    """
    if not bars:
        raise InputError("a ranking needs at least one bar")
    ordered = sorted(bars, key=lambda bar: -bar.value) if sort else list(bars)
    rows, others = ordered[:most], ordered[most:]
    kinds = list(dict.fromkeys(bar.kind for bar in ordered))
    data = [_of_kind(rows, kind, colour_of(index)) for index, kind in enumerate(kinds)]
    longest = max([bar.value for bar in rows] + ([reference[1]] if reference else []))
    y_axis = {
        "tickmode": "array",
        "tickvals": list(range(len(rows))),
        "ticktext": [plain(bar.name) for bar in rows],
        "range": [len(rows) - 0.4, -0.6],
        "showgrid": False,
    }
    x_axis = {"range": [0, 1.22 * longest or 1.0]}
    figure_layout = layout(x_title, "", height=120 + 26 * len(rows), xaxis=x_axis, yaxis=y_axis)
    figure_layout |= {
        "barmode": "overlay",
        "meta": {"shown": len(rows), "of": len(bars), "others": sum(bar.value for bar in others)},
    }
    if reference:
        data.append(_reference(*reference, len(rows)))
    return {"data": [trace for trace in data if trace["y"]], "layout": figure_layout}


def _of_kind(rows: Sequence[Bar], kind: str, colour: str) -> dict[str, Any]:
    own = [(place, bar) for place, bar in enumerate(rows) if bar.kind == kind]
    return {
        "type": "bar",
        "orientation": "h",
        "name": words(kind),
        "showlegend": bool(kind),
        "y": [place for place, _ in own],
        "x": [bar.value for _, bar in own],
        "width": [0.7] * len(own),
        "text": [plain(bar.told) for _, bar in own],
        "textposition": "outside",
        "textfont": {"size": 11, "color": QUIET},
        "cliponaxis": False,
        "customdata": [plain(bar.name) for _, bar in own],
        "marker": {"color": colour, "line": {"width": 0}},
        "hovertemplate": "%{customdata}: <b>%{text}</b><extra></extra>",
    }


def _reference(name: str, place: float, rows: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain(name),
        "showlegend": True,
        "x": [place, place],
        "y": [-0.6, rows - 0.4],
        "line": {"color": INK, "width": 1.4, "dash": "dot"},
        "hoverinfo": "skip",
    }
