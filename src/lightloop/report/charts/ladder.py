"""Energy per multiply-accumulate against the floors that physics sets, on one logarithmic axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightloop.errors import InputError
from lightloop.report.charts.scales import log_range, scale
from lightloop.report.charts.words import times, words
from lightloop.report.theme import INK, PALETTE, QUIET, Figure, layout
from lightloop.units import engineering


def floors(ladder: Sequence[Mapping[str, Any]], components: Sequence[Mapping[str, Any]] = ()) -> Figure:
    """The ladder of floors, and below it each component beside its own floor.

    Args:
        ladder: {name, energy_aj_per_mac, ratio}: floors, drawn the deepest first; `ratio` is the design over it.
        components: {name, energy_aj_per_mac, floor_aj_per_mac, ratio}; a floor of 0 or None means that none is known.

    Raises:
        InputError: No energy of either list is positive.
    """
    steps = sorted(
        (row for row in ladder if _positive(row["energy_aj_per_mac"])), key=lambda row: row["energy_aj_per_mac"]
    )
    parts = sorted(
        (row for row in components if _positive(row["energy_aj_per_mac"])), key=lambda row: -row["energy_aj_per_mac"]
    )
    if not steps and not parts:
        raise InputError("nothing to draw: no energy per multiply-accumulate is positive")
    gap = 1 if steps and parts else 0
    places = {("step", i): i for i in range(len(steps))} | {
        ("part", i): len(steps) + gap + i for i in range(len(parts))
    }
    under = [(i, row) for i, row in enumerate(parts) if _positive(row.get("floor_aj_per_mac"))]
    values = [row["energy_aj_per_mac"] * 1e-18 for row in (*steps, *parts)]
    values += [row["floor_aj_per_mac"] * 1e-18 for _, row in under]
    data = [_links(under, places)] if under else []
    if steps:
        data.append(
            _dots("floor of physics", steps, [places["step", i] for i in range(len(steps))], "diamond", PALETTE[2])
        )
    if under:
        data.append(_open_dots(under, places))
    if parts:
        data.append(_dots("this design", parts, [places["part", i] for i in range(len(parts))], "circle", PALETTE[1]))
    reach = log_range(values, below=3, above=1)
    reach[1] += 0.28 * (reach[1] - reach[0])  # room for the figures at the right of the last dot
    rows = [(place, (steps if group == "step" else parts)[i]["name"]) for (group, i), place in places.items()]
    y_axis = {
        "tickmode": "array",
        "tickvals": [place for place, _ in rows],
        "ticktext": [words(name) for _, name in rows],
        "range": [len(rows) + gap - 0.4, -0.6],
    }
    x_axis = scale(True, [10.0 ** reach[0], 10.0 ** reach[1]], "J") | {"range": reach}
    title = "energy per multiply-accumulate"
    return {"data": data, "layout": layout(title, "", height=130 + 28 * (len(rows) + gap), xaxis=x_axis, yaxis=y_axis)}


def _positive(value: float | None) -> bool:
    return value is not None and value > 0


def _dots(
    name: str, rows: Sequence[Mapping[str, Any]], places: Sequence[int], symbol: str, colour: str
) -> dict[str, Any]:
    told = [engineering(row["energy_aj_per_mac"] * 1e-18, "J", 3) for row in rows]
    phrase = "{} its floor" if symbol == "circle" else "the design is at {}"
    over = [phrase.format(times(row["ratio"])) if _positive(row.get("ratio")) else "" for row in rows]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": name,
        "x": [row["energy_aj_per_mac"] * 1e-18 for row in rows],
        "y": list(places),
        "text": [f"  {value}, {ratio}" if ratio else f"  {value}" for value, ratio in zip(told, over, strict=True)],
        "textposition": "middle right",
        "textfont": {"size": 11, "color": INK},
        "cliponaxis": False,
        "customdata": [[words(row["name"]), value] for row, value in zip(rows, told, strict=True)],
        "marker": {"size": 11, "color": colour, "symbol": symbol},
        "hovertemplate": "%{customdata[0]}: <b>%{customdata[1]}</b> per multiply-accumulate<extra></extra>",
    }


def _open_dots(under: Sequence[tuple[int, Mapping[str, Any]]], places: Mapping[tuple[str, int], int]) -> dict[str, Any]:
    told = [engineering(row["floor_aj_per_mac"] * 1e-18, "J", 3) for _, row in under]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "floor of the component",
        "x": [row["floor_aj_per_mac"] * 1e-18 for _, row in under],
        "y": [places["part", i] for i, _ in under],
        "customdata": [[words(row["name"]), value] for (_, row), value in zip(under, told, strict=True)],
        "marker": {"size": 10, "color": PALETTE[2], "symbol": "circle-open", "line": {"width": 2, "color": PALETTE[2]}},
        "hovertemplate": "%{customdata[0]}: floor <b>%{customdata[1]}</b><extra></extra>",
    }


def _links(under: Sequence[tuple[int, Mapping[str, Any]]], places: Mapping[tuple[str, int], int]) -> dict[str, Any]:
    """A thin line from each floor to its component; None breaks the line between two of them."""
    x: list[float | None] = []
    y: list[float | None] = []
    for i, row in under:
        x += [row["floor_aj_per_mac"] * 1e-18, row["energy_aj_per_mac"] * 1e-18, None]
        y += [places["part", i], places["part", i], None]
    line = {"color": QUIET, "width": 1.4}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip", "showlegend": False}
