"""How sure a figure is: quantile bands along an axis, and intervals of several figures side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightloop.errors import InputError
from lightloop.report.charts.scales import scale
from lightloop.report.charts.words import measure, plain, quantity
from lightloop.report.theme import INK, PALETTE, Figure, colour_of, layout, rgba

QUANTILES = ("q05", "q25", "q50", "q75", "q95")
SHARES = {"q05": "5 %", "q25": "25 %", "q50": "50 %", "q75": "75 %", "q95": "95 %"}


@dataclass(frozen=True)
class Band:
    """A figure along an axis: for each of `QUANTILES` one value at each x."""

    name: str
    x: Sequence[float]
    quantiles: Mapping[str, Sequence[float]]


def bands(found: Sequence[Band], x_title: str, y_title: str, *, log_x: bool = False, log_y: bool = False) -> Figure:
    """The median as a line, half of the samples in the darker band, nine tenths in the paler one."""
    data: list[dict[str, Any]] = []
    for index, band in enumerate(found):
        _check(band.name, band.quantiles)
        colour, q = colour_of(index), band.quantiles
        data += [
            _area(band.x, q["q05"], q["q95"], rgba(colour, 0.14)),
            _area(band.x, q["q25"], q["q75"], rgba(colour, 0.24)),
        ]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": plain(band.name),
                "x": list(band.x),
                "y": list(q["q50"]),
                "line": {"color": colour, "width": 2.4},
                "marker": {"size": 5},
                "customdata": [list(row) for row in zip(*(q[key] for key in QUANTILES), strict=True)],
                "hovertemplate": "%{x:.4g}: <b>%{y:.4g}</b><br>half of the samples: %{customdata[1]:.4g} to "
                "%{customdata[3]:.4g}<br>nine tenths: %{customdata[0]:.4g} to %{customdata[4]:.4g}<extra></extra>",
            }
        )
    x_scale = scale(log_x, [x for band in found for x in band.x])
    y_scale = scale(log_y, [y for band in found for key in ("q05", "q95") for y in band.quantiles[key]])
    return {"data": data, "layout": layout(x_title, y_title, xaxis=x_scale, yaxis=y_scale)}


def intervals(metrics: Mapping[str, Mapping[str, float]]) -> Figure:
    """Several figures of one design, each as a share of its own median, with its true values written beside it.

    Args:
        metrics: Name with its unit ("energy_mj") -> quantile ("q05", ..., "q95") -> value; a value for "nominal" is
            drawn too.

    Raises:
        InputError: A quantile is missing, or a median is zero.
    """
    for name, quantiles in metrics.items():
        _check(name, quantiles)
    flat = [name for name, quantiles in metrics.items() if quantiles["q50"] == 0]
    if flat:
        raise InputError(f"no share of a median that is zero: {', '.join(flat)}", hint="leave these figures out")
    rows = {name: {key: 100 * q[key] / q["q50"] for key in QUANTILES} for name, q in metrics.items()}
    heights = range(len(rows))
    data = [
        _spans(rows, metrics, "q05", "q95", 0.16, rgba(PALETTE[0], 0.35), "nine tenths of the samples"),
        _spans(rows, metrics, "q25", "q75", 0.42, PALETTE[0], "half of the samples"),
        {
            "type": "scatter",
            "mode": "markers",
            "name": "median",
            "x": [100.0] * len(rows),
            "y": list(heights),
            "customdata": [quantity(name, q["q50"]) for name, q in metrics.items()],
            "marker": {"size": 11, "color": "#ffffff", "line": {"width": 2, "color": INK}},
            "hovertemplate": "median: <b>%{customdata}</b><extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "text",
            "x": [
                max(row["q95"], 100 * (metrics[name].get("nominal") or 0.0) / metrics[name]["q50"])
                for name, row in rows.items()
            ],
            "y": list(heights),
            "text": [f"\u00a0\u00a0\u00a0{_told(name, q)}" for name, q in metrics.items()],
            "textposition": "middle right",
            "textfont": {"size": 11, "color": INK},
            "cliponaxis": False,
            "showlegend": False,
            "hoverinfo": "skip",
        },
    ]
    nominal = [None if q.get("nominal") is None else 100 * q["nominal"] / q["q50"] for q in metrics.values()]
    if any(value is not None for value in nominal):
        data.insert(3, _nominal(metrics, nominal))
    ends = [row[key] for row in rows.values() for key in ("q05", "q95")]
    ends += [value for value in nominal if value is not None]
    low, high = min(ends), max(ends)
    reach = max(high - low, 1e-6 * high)
    y_axis = {
        "tickmode": "array",
        "tickvals": list(heights),
        "ticktext": [measure(name)[0] for name in rows],
        "range": [len(rows) - 0.4, -0.6],
        "showgrid": False,
    }
    x_axis = {"range": [low - 0.05 * reach, high + 0.62 * reach]}
    figure_layout = layout("percent of the median", "", height=130 + 56 * len(rows), xaxis=x_axis, yaxis=y_axis)
    return {"data": data, "layout": figure_layout | {"barmode": "overlay"}}


def _nominal(metrics: Mapping[str, Mapping[str, float]], places: Sequence[float | None]) -> dict[str, Any]:
    """All constants at their own values; this need not be the median, nor even lie inside the bars."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "nominal",
        "x": list(places),
        "y": list(range(len(places))),
        "customdata": [quantity(name, q["nominal"]) if "nominal" in q else "" for name, q in metrics.items()],
        "marker": {"size": 9, "color": PALETTE[1], "symbol": "diamond", "line": {"width": 1, "color": "#ffffff"}},
        "hovertemplate": "nominal: <b>%{customdata}</b><extra></extra>",
    }


def _told(name: str, quantiles: Mapping[str, float]) -> str:
    ends = " to ".join(quantity(name, quantiles[key], 3) for key in ("q05", "q95"))
    return f"{quantity(name, quantiles['q50'], 3)}  ({ends})"


def _check(name: str, quantiles: Mapping[str, Any]) -> None:
    missing = [key for key in QUANTILES if quantiles.get(key) is None]
    if missing:
        raise InputError(f"{name} lacks the quantiles {', '.join(missing)}", allowed=QUANTILES)


def _area(x: Sequence[float], low: Sequence[float], high: Sequence[float], colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*x, *reversed(x)],
        "y": [*high, *reversed(low)],
        "fill": "toself",
        "fillcolor": colour,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _spans(
    rows: Mapping[str, Mapping[str, float]],
    metrics: Mapping[str, Mapping[str, float]],
    low: str,
    high: str,
    width: float,
    colour: str,
    name: str,
) -> dict[str, Any]:
    ends = [f"{quantity(key, q[low])} to {quantity(key, q[high])}" for key, q in metrics.items()]
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": list(range(len(rows))),
        "base": [row[low] for row in rows.values()],
        "x": [row[high] - row[low] for row in rows.values()],
        "width": [width] * len(rows),
        "customdata": ends,
        "marker": {"color": colour, "line": {"width": 0}},
        "hovertemplate": f"{SHARES[low]} to {SHARES[high]}: <b>%{{customdata}}</b><extra></extra>",
    }
