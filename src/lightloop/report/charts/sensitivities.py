"""A tornado: what moves when each constant goes to its low and to its high value, the strongest on top."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lightloop.errors import InputError
from lightloop.report.charts.words import plain
from lightloop.report.theme import INK, PALETTE, QUIET, Figure, layout
from lightloop.units import engineering

MOST_ROWS = 20
ENDS = ("low", "high")
OTHER_END = {"low": "high", "high": "low"}
CANNOT_BE = "cannot be"


def tornado(sensitivities: Sequence[Mapping[str, Any]], nominal_mj: float, *, most: int = MOST_ROWS) -> Figure:
    """Bars of the energy around its nominal value, one row for each constant.

    Args:
        sensitivities: {name, unit, low, high, energy_low_mj, energy_high_mj}; the constant's low and high value and
            the energy with each of them, all other constants nominal. An energy of None is an end that cannot be.
        nominal_mj: Energy with every constant at its nominal value.
        most: How many rows are drawn at most; `layout.meta` says how many there were.

    Raises:
        InputError: There is nothing to draw.
    """
    if not sensitivities:
        raise InputError("a tornado needs at least one constant with a low and a high value")
    rows = sorted(sensitivities, key=lambda row: -_swing(row, nominal_mj))[:most]
    data = [_side(rows, end, nominal_mj, PALETTE[index]) for index, end in enumerate(ENDS)]
    data += [_values(rows, end, nominal_mj) for end in ENDS]
    energies = [energy for row in rows for end in ENDS if (energy := row[f"energy_{end}_mj"]) is not None]
    energies.append(nominal_mj)
    room = 0.16 * (max(energies) - min(energies) or nominal_mj)
    y_axis = {
        "tickmode": "array",
        "tickvals": list(range(len(rows))),
        "ticktext": [plain(row["name"]) for row in rows],
        "range": [len(rows) - 0.4, -0.6],
        "showgrid": False,
    }
    x_axis = {"range": [min(energies) - room, max(energies) + room]}
    figure_layout = layout("energy (mJ)", "", height=130 + 27 * len(rows), xaxis=x_axis, yaxis=y_axis)
    line = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": nominal_mj, "x1": nominal_mj}
    figure_layout |= {
        "barmode": "overlay",
        "shapes": [line | {"line": {"color": INK, "width": 1.2}}],
        "meta": {"shown": len(rows), "of": len(sensitivities)},
    }
    return {"data": data, "layout": figure_layout}


def _swing(row: Mapping[str, Any], nominal: float) -> float:
    """The longest way between the two ends and the nominal value; an end that cannot be is endlessly far."""
    ends = [row[f"energy_{end}_mj"] for end in ENDS]
    if None in ends:
        return math.inf
    return max([*ends, nominal]) - min([*ends, nominal])


def _change_mj(row: Mapping[str, Any], end: str, nominal: float) -> float:
    """From the nominal energy to the energy at an end; 0 where that end cannot be."""
    energy = row[f"energy_{end}_mj"]
    return 0.0 if energy is None else float(energy) - nominal


def _side(rows: Sequence[Mapping[str, Any]], end: str, nominal: float, colour: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": f"constant at its {end} value",
        "y": list(range(len(rows))),
        "base": [nominal] * len(rows),
        "x": [_change_mj(row, end, nominal) for row in rows],
        "width": [0.66] * len(rows),
        "customdata": [[plain(row["name"]), _value(row, end), _energy(row, end, nominal)] for row in rows],
        "marker": {"color": colour, "line": {"width": 0}},
        "hovertemplate": "%{customdata[0]} = %{customdata[1]}: <b>%{customdata[2]}</b><extra></extra>",
    }


def _energy(row: Mapping[str, Any], end: str, nominal: float) -> str:
    energy = row[f"energy_{end}_mj"]
    if energy is None:
        return CANNOT_BE
    change = f" ({(energy - nominal) / nominal:+.1%})" if nominal else ""
    return engineering(energy * 1e-3, "J") + change


def _values(rows: Sequence[Mapping[str, Any]], end: str, nominal: float) -> dict[str, Any]:
    """The constant's value beyond the end of its bar, on the side where the bar is."""
    return {
        "type": "scatter",
        "mode": "text",
        "x": [nominal + _change_mj(row, end, nominal) for row in rows],
        "y": list(range(len(rows))),
        "text": ["" if _covered(row, end, nominal) else f"\u00a0{_told(row, end)}\u00a0" for row in rows],
        "textposition": ["middle left" if _is_left(row, end, nominal) else "middle right" for row in rows],
        "textfont": {"size": 10, "color": QUIET},
        "cliponaxis": False,
        "showlegend": False,
        "hoverinfo": "skip",
    }


def _is_left(row: Mapping[str, Any], end: str, nominal: float) -> bool:
    """Whether the bar goes left; one without a length goes where the other does not."""
    this, that = _change_mj(row, end, nominal), _change_mj(row, OTHER_END[end], nominal)
    return this < 0 or (this == 0 and (that > 0 or (that == 0 and end == "low")))


def _covered(row: Mapping[str, Any], end: str, nominal: float) -> bool:
    """Whether both bars go to the same side and the other one goes further: this figure would lie on that bar."""
    this, that = _change_mj(row, end, nominal), _change_mj(row, OTHER_END[end], nominal)
    return this * that > 0 and (abs(this), end == "high") < (abs(that), end == "low")


def _told(row: Mapping[str, Any], end: str) -> str:
    return _value(row, end) + (f": {CANNOT_BE}" if row[f"energy_{end}_mj"] is None else "")


def _value(row: Mapping[str, Any], end: str) -> str:
    unit = "" if row["unit"] in ("1", "") else f" {row['unit']}"
    return plain(f"{row[end]:.4g}{unit}")
