"""Bars: grouped, stacked upright, stacked lying."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightloop.report.charts.scales import scale
from lightloop.report.charts.words import plain, words
from lightloop.report.theme import PALETTE, Figure, layout, rgba


def grouped_bars(
    table: Mapping[str, Mapping[str, float]], y_title: str, *, label: str = "%{y:.3g}", log_y: bool = False
) -> Figure:
    """For each column one group of bars, one bar for each row of the table."""
    data = [
        {
            "type": "bar",
            "name": name,
            "x": list(row),
            "y": list(row.values()),
            "marker": {"color": PALETTE[index % len(PALETTE)]},
            "texttemplate": label,
            "textposition": "outside",
            "textfont": {"size": 10},
            "cliponaxis": False,
            "hovertemplate": f"{name}, %{{x}}: <b>%{{y:.4g}}</b><extra></extra>",
        }
        for index, (name, row) in enumerate(table.items())
    ]
    y_scale = scale(log_y, [value for row in table.values() for value in row.values()])
    return {"data": data, "layout": layout("", y_title, barmode="group", yaxis=y_scale)}


def stacked_columns(table: Mapping[str, Mapping[str, float]], y_title: str, *, unit: str) -> Figure:
    """One column for each row of the table, cut into its parts, with its total above."""
    parts = list(dict.fromkeys(part for row in table.values() for part in row))
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "name": part,
            "x": list(table),
            "y": [row.get(part, 0.0) for row in table.values()],
            "marker": {"color": PALETTE[index % len(PALETTE)]},
            "hovertemplate": f"%{{x}}, {part}: <b>%{{y:.4g}} {unit}</b><extra></extra>",
        }
        for index, part in enumerate(parts)
    ]
    totals = [sum(row.values()) for row in table.values()]
    data.append(
        {
            "type": "scatter",
            "mode": "text",
            "x": list(table),
            "y": totals,
            "text": [f"{total:.3g} {unit}" for total in totals],
            "textposition": "top center",
            "cliponaxis": False,
            "hoverinfo": "skip",
            "showlegend": False,
        }
    )
    return {"data": data, "layout": layout("", y_title, barmode="stack")}


def stacked_bars(
    table: Mapping[str, Mapping[str, float]],
    x_title: str,
    *,
    share: bool = False,
    unit: str | Mapping[str, str] = "",
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """One horizontal bar for each row of the table, cut into its parts; largest parts first.

    Args:
        table: Row -> part -> amount.
        x_title: Title of the axis.
        share: Draw each row as 100 %; the pointer still shows the amounts.
        unit: Unit of the amounts, or one for each row.
        colours: Part -> hexadecimal colour; the others follow the palette.
    """
    totals: dict[str, float] = {}
    for row in table.values():
        for part, value in row.items():
            totals[part] = totals.get(part, 0.0) + value / (sum(row.values()) or 1.0)
    units = [unit if isinstance(unit, str) else unit[row] for row in table]
    hover = "%{y}, %{fullData.name}: <b>%{customdata[0]:.4g} %{customdata[1]}</b>" + (" (%{x:.3g} %)" if share else "")
    data = []
    for index, part in enumerate(sorted(totals, key=lambda name: -totals[name])):
        raw = [row.get(part, 0.0) for row in table.values()]
        scale = [sum(row.values()) / 100 or 1.0 if share else 1.0 for row in table.values()]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": words(part),
                "y": [plain(row) for row in table],
                "x": [value / by for value, by in zip(raw, scale, strict=True)],
                "customdata": [list(pair) for pair in zip(raw, units, strict=True)],
                "marker": {"color": (colours or {}).get(part, _shade(index)), "line": {"width": 0.5, "color": "white"}},
                "hovertemplate": f"{hover}<extra></extra>",
            }
        )
    figure_layout = layout(x_title, "", height=110 + 62 * len(table), barmode="stack")
    figure_layout["yaxis"]["autorange"] = "reversed"
    figure_layout["legend"] = {
        "orientation": "h",
        "y": -0.28,
        "yanchor": "top",
        "x": 0,
        "traceorder": "normal",
    }
    figure_layout["margin"]["t"] = 12
    return {"data": data, "layout": figure_layout}


def _shade(index: int) -> str:
    """The palette, then its paler copies."""
    colour = PALETTE[index % len(PALETTE)]
    return colour if index < len(PALETTE) else rgba(colour, 0.5)
