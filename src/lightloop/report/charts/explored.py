"""Very many designs in two axes, thinned to what a browser bears, with their front and their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lightloop.errors import InputError
from lightloop.report.charts.scales import log_range, scale
from lightloop.report.charts.tradeoff import staircase
from lightloop.report.charts.words import measure, plain, title
from lightloop.report.theme import INK, SEQUENCE, Figure, layout

MOST_POINTS = 20_000
SVG_POINTS = 3_000  # a browser draws up to this many as vectors; more go to its graphics card
WIDE = 30.0  # ratio of largest to smallest from which a colour scale is logarithmic
SPREAD = 4.0  # the same for an axis


def scatter_designs(
    columns: Mapping[str, Any],
    x: str,
    y: str,
    *,
    colour: str | None = None,
    front: Any | None = None,
    larger: Sequence[str] = (),
    most: int = MOST_POINTS,
    total: int | None = None,
    seed: int = 0,
) -> Figure:
    """Designs in the plane of two columns, less being better in both unless told otherwise.

    All designs of the front stay; the others are a uniform random sample without replacement, which keeps the density
    of the cloud. `layout.meta` holds {shown, of, impossible, front}, and a line below the plot says the same.

    Args:
        columns: Name -> values of shape (designs,), numbers or strings; all of them are shown under the pointer.
        x: The column along x.
        y: The column along y.
        colour: The column of numbers that colours the points.
        front: Mask of shape (designs,) of designs that must stay; None takes the front of the two axes.
        larger: Columns of which more is better.
        most: How many points are drawn at most, as long as the front is not larger.
        total: How many possible designs the columns were drawn from, if they are a sample already.
        seed: Seed of the sample.

    Raises:
        InputError: A column is missing or of another length, or no design has both coordinates.
    """
    arrays = _arrays(columns, [name for name in (x, y, colour) if name])
    possible = np.isfinite(arrays[x]) & np.isfinite(arrays[y])
    if not possible.any():
        raise InputError(f"no design has both {x} and {y}", hint="loosen the constraints of the exploration")
    costs = [-arrays[name] if name in larger else arrays[name] for name in (x, y)]
    corners = front_of(*costs)
    keep = np.zeros(possible.size, bool)
    keep[corners] = True
    if front is not None:
        keep |= np.asarray(front, bool) & possible
    chosen = thin(possible, keep, most, seed)
    meta = {
        "shown": int(chosen.size),
        "of": max(int(possible.sum()), total or 0),
        "impossible": int((~possible).sum()),
        "front": int(keep.sum()),
    }
    log = {name: _spread(arrays[name][possible]) > SPREAD for name in (x, y)}
    stairs = staircase([(float(arrays[x][i]), float(arrays[y][i])) for i in corners])
    stairs |= {"line": {"shape": "hv", "color": INK, "width": 1.8}}
    data = [_cloud(arrays, chosen, x, y, colour), stairs, _front_points(arrays, corners, x, y)]
    axes = {
        key: scale(log[name], arrays[name][chosen], None)
        | ({"range": log_range(arrays[name][chosen], below=1.15, above=1.15)} if log[name] else {})
        for key, name in (("xaxis", x), ("yaxis", y))
    }
    figure_layout = layout(title(x), title(y), height=560, **axes)
    figure_layout |= {"meta": meta, "hovermode": "closest"}
    return {"data": data, "layout": figure_layout}


def told(figure: Figure) -> str:
    """One sentence on how many of the designs a figure of `scatter_designs` shows."""
    meta = figure["layout"]["meta"]
    if meta["shown"] == meta["of"]:
        sentence = f"All {meta['of']:,} possible designs are drawn"
    else:
        sentence = (
            f"{meta['shown']:,} of {meta['of']:,} possible designs are drawn: all {meta['front']:,} of the front, "
            "and a sample of the others that keeps their density"
        )
    return sentence + (f"; {meta['impossible']:,} that cannot be are left out." if meta["impossible"] else ".")


def front_of(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Indices of the designs that no other beats in both axes, sorted by x; of equal ones, the first.

    Args:
        x: Shape (designs,); entries that are not finite take no part.
        y: Shape (designs,), likewise.
    """
    possible = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    order = possible[np.lexsort((y[possible], x[possible]))]
    if not order.size:
        return order
    lowest = np.minimum.accumulate(y[order])
    better = np.ones(order.size, bool)
    better[1:] = y[order][1:] < lowest[:-1]
    return order[better]


def thin(possible: np.ndarray, keep: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Indices of at most `most` possible designs: all that must be kept, and a uniform sample of the others."""
    kept, others = np.flatnonzero(keep), np.flatnonzero(possible & ~keep)
    room = max(most - kept.size, 0)
    if others.size > room:
        others = np.random.default_rng(seed).choice(others, room, replace=False)
    return np.sort(np.concatenate([kept, others]))


def _arrays(columns: Mapping[str, Any], needed: Sequence[str]) -> dict[str, np.ndarray]:
    missing = [name for name in needed if name not in columns]
    if missing:
        raise InputError(f"no column {', '.join(missing)}", allowed=columns)
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    sizes = {name: array.shape for name, array in arrays.items()}
    if len(set(sizes.values())) > 1 or any(len(size) != 1 for size in sizes.values()):
        told = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise InputError(f"columns of designs differ in shape: {told}", allowed=["one value for each design"])
    return arrays


def _spread(values: np.ndarray) -> float:
    """Largest over smallest; 0 where a logarithm has no sense."""
    return float(values.max() / values.min()) if values.size and values.min() > 0 else 0.0


def _numbers(values: np.ndarray) -> list[Any]:
    """Plain numbers of six digits, or strings; None for what is not finite. JSON knows no numpy and no NaN."""
    if values.dtype.kind not in "fiub":
        return [plain(value) for value in values.tolist()]
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values.astype(float).tolist()]


def _cloud(arrays: Mapping[str, np.ndarray], chosen: np.ndarray, x: str, y: str, colour: str | None) -> dict[str, Any]:
    count = chosen.size
    return {
        "type": "scattergl" if count > SVG_POINTS else "scatter",
        "mode": "markers",
        "name": "designs",
        "x": _numbers(arrays[x][chosen]),
        "y": _numbers(arrays[y][chosen]),
        "showlegend": False,
        "marker": {
            "size": 4 if count > SVG_POINTS else 6,
            "opacity": 0.55 if count > SVG_POINTS else 0.75,
            "line": {"width": 0},
            **(_coloured(arrays[colour][chosen], colour) if colour else {"color": SEQUENCE[1]}),
        },
        **_hover(arrays, chosen),
    }


def _hover(arrays: Mapping[str, np.ndarray], chosen: np.ndarray) -> dict[str, Any]:
    lines = []
    for place, name in enumerate(arrays):
        what, unit = measure(name)
        form = ":.5g" if arrays[name].dtype.kind in "fiu" else ""
        lines.append(f"{what}: <b>%{{customdata[{place}]{form}}}</b> {unit}".rstrip())
    rows = zip(*(_numbers(values[chosen]) for values in arrays.values()), strict=True)
    return {"customdata": [list(row) for row in rows], "hovertemplate": "<br>".join(lines) + "<extra></extra>"}


def _coloured(values: np.ndarray, name: str) -> dict[str, Any]:
    """Colours by a column; by its logarithm where it spans more than a decade and a half."""
    if values.dtype.kind not in "fiub":
        raise InputError(f"{name} is no column of numbers and cannot colour the designs")
    numbers = values.astype(float)
    finite = numbers[np.isfinite(numbers)]
    bar: dict[str, Any] = {"title": {"text": title(name), "side": "right"}, "thickness": 14, "outlinewidth": 0}
    shown = numbers
    if _spread(finite) > WIDE:
        ticks = [tick for tick in scale(True, finite)["tickvals"] if finite.min() <= tick <= finite.max()]
        shown = np.log10(numbers)
        bar |= {"tickmode": "array", "tickvals": [float(np.log10(tick)) for tick in ticks]}
        bar["ticktext"] = [f"{tick:g}" for tick in ticks]
    steps = [[place / (len(SEQUENCE) - 1), shade] for place, shade in enumerate(SEQUENCE)]
    return {"color": _numbers(shown), "colorscale": steps, "showscale": True, "colorbar": bar}


def _front_points(arrays: Mapping[str, np.ndarray], corners: np.ndarray, x: str, y: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{corners.size:,} designs on the front of {measure(x)[0]} and {measure(y)[0]}",
        "x": _numbers(arrays[x][corners]),
        "y": _numbers(arrays[y][corners]),
        "marker": {"size": 8, "color": "#D55E00", "line": {"width": 1, "color": "#ffffff"}},
        **_hover(arrays, corners),
    }
