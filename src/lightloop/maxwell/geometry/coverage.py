"""Means of the permittivity over the cells of a grid, exact for polygons.

Along a row of cells the permittivity changes only where a boundary is crossed. A part of a boundary within a cell that
rises by dy, with ε_l on its left and ε_r on its right, adds (Green's theorem, row by row)

    (ε_r − ε_l) dy (x_right − x_mid)    to the integral over its own cell, x_mid the middle of the part,
    (ε_r − ε_l) dy width                to that over every cell further right.

A field component sees <ε> if it is tangential to the interface and 1/<1/ε> if it is normal to it. With n the
interface's normal (Farjadpour et al., Opt. Lett. 31, 2972 (2006); Kottke et al., Phys. Rev. E 77, 036611 (2008))

    1/ε̃_xx = n_x² <1/ε> + (1 − n_x²) / <ε>,     n_x² = Σ w dy²/l / Σ w l     over parts of length l.

The weight w is |ε_r − ε_l| times a bump that all but vanishes on the sides of the cell, so that it does not matter on
which side of a line of the grid rounding puts an edge that runs along it. The tensor's off-diagonal elements are left
out. They vanish for interfaces along the axes.

Where an edge runs along a line of the grid, means have a kink: they change in one cell if it moves one way, in the next
if it moves the other. Gradients there are those of one of the two sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lightloop.maxwell.geometry.outlines import (
    Array,
    Boundary,
    Values,
    cut,
    is_tensor,
    join,
    numbers,
    stretches,
    visible,
)
from lightloop.maxwell.permittivity import Permittivity

# Enough to tell the direction of an edge that is alone in its cell; far above rounding.
ON_SIDES = 1e-9


class Parts(NamedTuple):
    """Parts of boundaries, each within one cell or beside the grid.

    Attributes:
        of: The piece of the boundary, shape (m,).
        cell: Index into the raveled grid, shape (m,).
        room: From its middle to the right side of its cell in um, shape (m,).
        above: From its middle to the upper side of its cell in um, shape (m,).
        dx, dy: From its start to its end in um, shape (m,).
        inside: Whether it is in its cell, or left of the grid and counted with the first cell of its row, shape (m,).
        x, y: Lines of the grid in um, shapes (nx + 1,) and (ny + 1,).
    """

    of: Array
    cell: Array
    room: Values
    above: Values
    dx: Values
    dy: Values
    inside: Array
    x: Array
    y: Array


def permittivity_of(
    polygons: Sequence[Values], eps_r: Sequence[complex], background: complex, shape: tuple[int, int], dl_um: float
) -> Permittivity:
    """ε_r of polygons on a grid, averaged for each component of the electric field.

    Args:
        polygons: Vertices in um from the grid's lower left corner, shape (n, 2) each, later ones over earlier ones;
            arrays, or tensors, whose gradients the result then carries.
        eps_r: Of each polygon.
        background: ε_r where there is none.
        shape: (nx, ny).
        dl_um: Side of a cell.

    Returns:
        Arrays, or tensors of float64 (complex128 for complex ε_r) if a polygon is one.
    """
    if not len(polygons):
        return Permittivity.of_cells(np.full(shape, background))
    at_points, between = zip(*(_lines(count, dl_um) for count in shape), strict=True)
    eps = np.array([*eps_r, background])
    boundary = _contrasting(visible(polygons), eps)
    jump = eps[boundary.right] - eps[boundary.left], 1.0 / eps[boundary.right] - 1.0 / eps[boundary.left]
    means = []
    for axis, (x, y) in enumerate([(at_points[0], between[1]), (between[0], at_points[1])]):
        parts = _parts(boundary, x, y)
        mean, inverse = _mean(parts, jump[0], background), _mean(parts, jump[1], 1.0 / background)
        normal = _facing(parts, np.abs(jump[0]), axis)
        means.append(1.0 / (normal * inverse + (1.0 - normal) / mean))
    return Permittivity(_mean(_parts(boundary, at_points[0], at_points[1]), jump[0], background), *means)


def area_fractions(polygon: Values, x_um: Array, y_um: Array) -> Values:
    """How much of each cell a polygon covers, from 0 to 1.

    Args:
        polygon: Vertices in um, shape (n, 2); an array or a tensor.
        x_um, y_um: Lines of the grid, ascending, shapes (nx + 1,) and (ny + 1,).

    Returns:
        Shape (nx, ny).
    """
    boundary = visible([polygon])
    covered = np.array([1.0, 0.0])
    return _mean(_parts(boundary, x_um, y_um), covered[boundary.right] - covered[boundary.left], 0.0)


def _lines(count: int, dl_um: float) -> tuple[Array, Array]:
    """Sides of the cells around the points of an axis, and around the places half a step before and behind them."""
    between = (np.arange(count + 2) - 0.5) * dl_um
    return np.arange(count + 1) * dl_um, np.clip(between, 0.0, count * dl_um)


def _contrasting(boundary: Boundary, eps: Array) -> Boundary:
    """Without what separates like from like."""
    kept = eps[boundary.left] != eps[boundary.right]
    return Boundary(*(part[kept] for part in boundary))


def _parts(boundary: Boundary, x: Array, y: Array) -> Parts:
    """Boundaries, cut at the lines of a grid."""
    crossed = [_crossed(boundary, axis, lines) for axis, lines in enumerate((x, y))]
    which = np.concatenate([of for of, _ in crossed])
    of, start, end = cut(boundary.start, boundary.end, which, join([times for _, times in crossed]))
    column, row = (
        np.searchsorted(lines, numbers(start + end)[:, axis] / 2, side="right") - 1 for axis, lines in enumerate((x, y))
    )
    kept = np.flatnonzero((row >= 0) & (row < len(y) - 1) & (column < len(x) - 1))
    of, start, end, row, column = of[kept], start[kept], end[kept], row[kept], column[kept]
    inside = column >= 0
    column = np.maximum(column, 0)
    middle = 0.5 * (start + end)
    room, above = _like(x[column + 1], start) - middle[:, 0], _like(y[row + 1], start) - middle[:, 1]
    # What is left of the grid changes the whole row.
    room = room * _like(inside * 1.0, start) + _like(~inside * (x[1] - x[0]), start)
    way = end - start
    return Parts(of, column * (len(y) - 1) + row, room, above, way[:, 0], way[:, 1], inside, x, y)


def _crossed(boundary: Boundary, axis: int, lines: Array) -> tuple[Array, Values]:
    """Pieces and where along them they cross lines of one axis."""
    start, end = boundary.start[:, axis], boundary.end[:, axis]
    low, high = np.sort([numbers(start), numbers(end)], axis=0)
    first, last = np.searchsorted(lines, low, side="right"), np.searchsorted(lines, high, side="left")
    of, line = stretches(first, last)
    return of, (_like(lines[line], start) - start[of]) / (end[of] - start[of])


def _mean(parts: Parts, jump: Array, first: complex) -> Values:
    """Mean over each cell of what is `first` far on the left and changes by `jump` from left to right of each piece."""
    width, height = np.diff(parts.x)[:, None], np.diff(parts.y)
    shape = (len(width), len(height))
    crossed = _like(jump[parts.of], parts.dy) * parts.dy
    own, further = (_add_up(parts.cell, part, shape) for part in (crossed * parts.room, crossed))
    before = further.cumsum(0) - further
    return first + (own / _like(width, own) + before) / _like(height, own)


def _facing(parts: Parts, weight: Array, axis: int) -> Values:
    """n_x² (axis 0) or n_y² of each cell; 0 where there is no interface."""
    shape = (len(parts.x) - 1, len(parts.y) - 1)
    length = (parts.dx**2 + parts.dy**2) ** 0.5
    weighted = _like(weight[parts.of] * parts.inside, length) * _bump(parts)
    towards = parts.dy if axis == 0 else parts.dx
    part, whole = (_add_up(parts.cell, weighted * one, shape) for one in (towards**2 / length, length))
    return part / (whole + (whole == 0))


def _bump(parts: Parts) -> Values:
    """1 in the middle of a cell, next to nothing on its sides."""
    column, row = np.divmod(parts.cell, len(parts.y) - 1)
    width, height = (_like(sides, parts.dx) for sides in (np.diff(parts.x)[column], np.diff(parts.y)[row]))
    across, up = parts.room / width, parts.above / height
    return ON_SIDES + 16.0 * abs(across * (1.0 - across) * up * (1.0 - up))


def _add_up(cell: Array, values: Values, shape: tuple[int, int]) -> Values:
    """Sums over the parts in each cell."""
    if is_tensor(values):
        places = _like(cell, values)
        return values.new_zeros(shape[0] * shape[1]).index_add(0, places, values).reshape(shape)
    if np.iscomplexobj(values):
        return _add_up(cell, values.real, shape) + 1j * _add_up(cell, values.imag, shape)
    return np.bincount(cell, values, shape[0] * shape[1]).reshape(shape)


def _like(array: Array, values: Values) -> Values:
    """A tensor if `values` is one."""
    if not is_tensor(values):
        return array
    import torch

    return torch.as_tensor(array, device=values.device)
