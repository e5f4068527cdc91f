"""When each layer occupies the optics, the memory and the element-wise unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightloop.errors import InputError
from lightloop.report.charts.words import plain, words
from lightloop.report.theme import Figure, colour_of, layout, tint
from lightloop.units import engineering

LANES = {"optics": "optics", "memory": "memory", "vector": "element-wise"}
TIME_UNITS = ((1e6, "s"), (1e3, "ms"), (1.0, "µs"), (1e-3, "ns"), (0.0, "ps"))
NAMED_FROM = 0.03  # share of the whole time from which a bar may carry its name
EDGES_UP_TO = 80  # bars; with more of them white edges would eat the bars
BAR_HEIGHT = 0.62


def gantt(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Bars over time in lanes, coloured by the kind of layer.

    Args:
        rows: {name, lane, start_us, end_us} and, if known, `kind`; a row without a kind is of its lane's kind.

    Raises:
        InputError: There are no rows, or a row ends before it starts; all such rows are named.
    """
    _check(rows)
    lanes = [lane for lane in LANES if any(row["lane"] == lane for row in rows)]
    lanes += [lane for lane in dict.fromkeys(row["lane"] for row in rows) if lane not in LANES]
    start, end = min(row["start_us"] for row in rows), max(row["end_us"] for row in rows)
    reach = (end - start) or 1.0
    factor, unit = _unit(end)
    heights = {lane: index for index, lane in enumerate(lanes)}
    kinds = list(dict.fromkeys(_kind(row) for row in rows))
    data = [
        _bars([row for row in rows if _kind(row) == kind], kind, colour_of(index), heights, factor, reach, len(rows))
        for index, kind in enumerate(kinds)
    ]
    y_axis = {
        "tickmode": "array",
        "tickvals": list(heights.values()),
        "ticktext": [f"{plain(LANES.get(lane, lane))}<br>{_share(_busy(rows, lane) / reach)} busy" for lane in lanes],
        "range": [len(lanes) - 0.4, -0.6],
        "showgrid": False,
    }
    x_axis = {"range": [start / factor - 0.005 * reach / factor, end / factor + 0.005 * reach / factor]}
    figure_layout = layout(f"time ({unit})", "", height=150 + 90 * len(lanes), xaxis=x_axis, yaxis=y_axis)
    figure_layout |= {"barmode": "overlay", "uniformtext": {"minsize": 9, "mode": "hide"}}
    return {"data": data, "layout": figure_layout}


def _check(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        raise InputError("a time chart needs at least one row")
    wrong = [f"{row['name']} ({row['start_us']} to {row['end_us']})" for row in rows if row["end_us"] < row["start_us"]]
    if wrong:
        raise InputError(f"rows that end before they start: {', '.join(wrong)}")


def _share(part: float) -> str:
    return "under 1%" if 0 < part < 0.01 else f"{part:.0%}"


def _unit(longest_us: float) -> tuple[float, str]:
    """The unit in which the end of the chart is at least one, with its size in microseconds."""
    factor, unit = next((factor, unit) for factor, unit in TIME_UNITS if longest_us >= factor)
    return (factor or 1e-6), unit


def _kind(row: Mapping[str, Any]) -> str:
    return str(row.get("kind") or LANES.get(row["lane"], row["lane"]))


def _bars(
    rows: Sequence[Mapping[str, Any]],
    kind: str,
    colour: str,
    heights: Mapping[str, int],
    factor: float,
    reach: float,
    count: int,
) -> dict[str, Any]:
    """One kind of layer; neighbours alternate in shade, so that one sees where a bar ends."""
    shades = dict.fromkeys(heights, 0)
    colours = []
    for row in rows:
        colours.append(tint(colour, 0.0 if shades[row["lane"]] % 2 == 0 else 0.2))
        shades[row["lane"]] += 1
    lengths = [row["end_us"] - row["start_us"] for row in rows]
    return {
        "type": "bar",
        "orientation": "h",
        "name": words(kind),
        "y": [heights[row["lane"]] for row in rows],
        "base": [row["start_us"] / factor for row in rows],
        "x": [length / factor for length in lengths],
        "width": [BAR_HEIGHT] * len(rows),
        "text": [
            plain(row["name"]) if length >= NAMED_FROM * reach else ""
            for row, length in zip(rows, lengths, strict=True)
        ],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"size": 10, "color": "#ffffff"},
        "customdata": [
            [plain(row["name"]), *(engineering(row[key] * 1e-6, "s") for key in ("start_us", "end_us")),
             engineering(length * 1e-6, "s")]
            for row, length in zip(rows, lengths, strict=True)
        ],
        "marker": {"color": colours, "line": {"width": 0.6 if count <= EDGES_UP_TO else 0, "color": "#ffffff"}},
        "hovertemplate": "<b>%{customdata[0]}</b><br>%{customdata[1]} to %{customdata[2]}"
        "<br>takes %{customdata[3]}<extra></extra>",
    }  # fmt: skip


def _busy(rows: Sequence[Mapping[str, Any]], lane: str) -> float:
    """Microseconds in which a lane works at all; rows that overlap count once."""
    busy, reached = 0.0, float("-inf")
    for row in sorted((row for row in rows if row["lane"] == lane), key=lambda row: row["start_us"]):
        busy += max(row["end_us"] - max(row["start_us"], reached), 0.0)
        reached = max(reached, row["end_us"])
    return busy
