"""Visible boundaries of polygons that lie over one another, and pieces of straight lines.

All boundaries are cut where they meet. Of each piece it is asked which polygon is on top on its left and on its right;
it belongs to the picture if its own polygon is the upper one of the two. So what a later polygon hides is gone, and
where two polygons share a boundary it is there once.

Positions are arrays, or tensors, which then carry gradients: what is cut where is decided on their numbers, and each
cut is the intersection of two lines p + t r and q + u d,

    t = (q − p) × d / (r × d).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lightloop.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
# An array or a tensor.
Values = Any
# Points nearer than this are one; far above the rounding of positions up to a millimetre.
SAME_UM = 1e-10
# How far from a boundary its sides are looked at.
BESIDE_UM = 1e-8
# Sine of the angle below which two lines are parallel.
PARALLEL = 1e-12
# Pairs of points and edges that are looked at together.
BLOCK = 4_000_000


class Boundary(NamedTuple):
    """Straight pieces.

    Attributes:
        start, end: Positions in um, shape (n, 2).
        left, right: The polygon on top on either side, shape (n,); −1 where there is none.
    """

    start: Values
    end: Values
    left: Array
    right: Array


class Edges(NamedTuple):
    """All edges of some polygons.

    Attributes:
        start, end: Positions in um, shape (n, 2).
        owner: Number of the polygon, shape (n,).
    """

    start: Values
    end: Values
    owner: Array


def visible(polygons: Sequence[Values]) -> Boundary:
    """The boundaries that are seen, each later polygon lying over the earlier ones.

    Args:
        polygons: Vertices in um, shape (n, 2) each, in either sense.

    Raises:
        InputError: The boundary of a polygon crosses itself.
    """
    edges = _edges(polygons)
    whole, start, end = cut(edges.start, edges.end, *_meetings(edges))
    left, right = _tops([numbers(polygon) for polygon in polygons], edges.owner[whole], numbers(start), numbers(end))
    seen = np.maximum(left, right) == edges.owner[whole]
    return Boundary(start[seen], end[seen], left[seen], right[seen])


def cut(start: Values, end: Values, which: Array, times: Values) -> tuple[Array, Values, Values]:
    """Straight pieces, cut.

    Args:
        start, end: Of the pieces, shape (n, 2).
        which: Numbers of the pieces that are cut, shape (k,).
        times: Where, from 0 at the start to 1 at the end, shape (k,).

    Returns:
        The piece that each part is of, shape (m,), and the parts' starts and ends.
    """
    every = np.arange(len(start))
    pieces = np.concatenate([every, every, which])
    ones = start[:, 0] * 0.0 + 1.0
    at = join([ones - 1.0, ones, times])
    order = np.lexsort((numbers(at), pieces))
    pieces, at = pieces[order], at[order]
    parts = np.flatnonzero((pieces[1:] == pieces[:-1]) & (np.diff(numbers(at)) > 0.0))
    whole = pieces[parts]
    way = end[whole] - start[whole]
    begin, stop = start[whole] + at[parts][:, None] * way, start[whole] + at[parts + 1][:, None] * way
    long = (numbers(begin) != numbers(stop)).any(1)
    return whole[long], begin[long], stop[long]


def is_tensor(values: Values) -> bool:
    """Whether this is a torch tensor; torch is not loaded for it."""
    return hasattr(values, "detach")


def numbers(values: Values) -> Array:
    """As an array, without gradients."""
    return values.detach().cpu().numpy() if is_tensor(values) else np.asarray(values)


def join(parts: Sequence[Values]) -> Values:
    """One after the other; a tensor if one of them is."""
    if not any(is_tensor(part) for part in parts):
        return np.concatenate(parts)
    import torch

    return torch.cat([torch.as_tensor(part, dtype=torch.float64) for part in parts])


def stretches(first: Array, beyond: Array) -> tuple[Array, Array]:
    """All whole numbers from each first to below each beyond, and which of them each is from."""
    counts = np.maximum(beyond - first, 0)
    which = np.repeat(np.arange(len(counts)), counts)
    return which, first[which] + np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)


def signed_area(polygon: Values) -> Values:
    """Area in um², positive if the vertices go anticlockwise."""
    x, y = polygon[:, 0] - polygon[0, 0], polygon[:, 1] - polygon[0, 1]
    return 0.5 * (x[:-1] * y[1:] - x[1:] * y[:-1]).sum()


def _edges(polygons: Sequence[Values]) -> Edges:
    counts = [len(polygon) for polygon in polygons]
    first = np.arange(sum(counts))
    following = np.concatenate([np.roll(part, -1) for part in np.split(first, np.cumsum(counts)[:-1])])
    vertices = join(polygons)
    known = numbers(vertices)
    long = np.linalg.norm(known[following] - known[first], axis=1) > SAME_UM
    owner = np.repeat(np.arange(len(polygons)), counts)
    return Edges(vertices[first[long]], vertices[following[long]], owner[long])


def _meetings(edges: Edges) -> tuple[Array, Values]:
    """Edges that are met by others between their ends, and where."""
    p, r = edges.start, edges.end - edges.start
    one, other = _near(numbers(p), numbers(edges.end))
    one, other = np.concatenate([one, other]), np.concatenate([other, one])
    crossing, along = _kinds(numbers(p), numbers(r), one, other)
    _refuse_crossing_itself(edges, numbers(p), numbers(r), one[crossing], other[crossing])
    i, j = one[crossing], other[crossing]
    times = [_cross(p[j] - p[i], r[j]) / _cross(r[i], r[j])]
    # On one line: each end of the other that lies between this one's ends.
    i, j = one[along], other[along]
    times += [((q - p[i]) * r[i]).sum(1) / (r[i] * r[i]).sum(1) for q in (p[j], edges.end[j])]
    which, at = np.concatenate([one[crossing], i, i]), join(times)
    slack = SAME_UM / np.linalg.norm(numbers(r)[which], axis=1)
    between = (numbers(at) > slack) & (numbers(at) < 1.0 - slack)
    return which[between], at[between]


def _near(start: Array, end: Array) -> tuple[Array, Array]:
    """Pairs of edges whose bounding boxes meet."""
    low, high = np.minimum(start, end) - SAME_UM, np.maximum(start, end) + SAME_UM
    order = np.argsort(low[:, 0], kind="stable")
    low, high = low[order], high[order]
    beyond = np.searchsorted(low[:, 0], high[:, 0], side="right")
    following = np.arange(1, len(low) + 1)
    pairs = []
    for edges in _blocks(beyond - following):
        of, other = stretches(following[edges], beyond[edges])
        one = edges[of]
        meet = (low[one, 1] <= high[other, 1]) & (low[other, 1] <= high[one, 1])
        pairs.append((order[one[meet]], order[other[meet]]))
    ones, others = zip(*pairs, strict=True)
    return np.concatenate(ones), np.concatenate(others)


def _kinds(p: Array, r: Array, one: Array, other: Array) -> tuple[Array, Array]:
    """Which pairs are met by the other between its ends, and which lie on one line."""
    length = np.linalg.norm(r, axis=1)
    sine = _cross(r[one], r[other]) / (length[one] * length[other])
    apart = _cross(p[other] - p[one], r[one]) / length[one]
    parallel = np.abs(sine) < PARALLEL
    u_um = np.divide(apart, sine, where=~parallel, out=np.full(len(one), np.inf))
    crossing = ~parallel & (u_um >= -SAME_UM) & (u_um <= length[other] + SAME_UM)
    return crossing, parallel & (np.abs(apart) < SAME_UM)


def _refuse_crossing_itself(edges: Edges, p: Array, r: Array, i: Array, j: Array) -> None:
    own = edges.owner[i] == edges.owner[j]
    i, j = i[own], j[own]
    c = _cross(r[i], r[j])
    inside = np.ones(len(i), dtype=bool)
    for edge, time in ((i, _cross(p[j] - p[i], r[j]) / c), (j, _cross(p[j] - p[i], r[i]) / c)):
        slack = BESIDE_UM / np.linalg.norm(r[edge], axis=1)
        inside &= (time > slack) & (time < 1.0 - slack)
    if inside.any():
        x, y = (p[i] + r[i] * (_cross(p[j] - p[i], r[j]) / c)[:, None])[inside][0]
        raise InputError(
            f"the boundary of shape {edges.owner[i[inside][0]] + 1} crosses itself near x = {x:.4g}, y = {y:.4g} um",
            hint="order the vertices along the boundary, or split the shape into several",
        )


def _tops(polygons: Sequence[Array], owner: Array, start: Array, end: Array) -> tuple[Array, Array]:
    """The polygon on top on the left and on the right of each piece."""
    way = end - start
    left = np.stack([-way[:, 1], way[:, 0]], axis=1) / np.linalg.norm(way, axis=1)[:, None]
    middle = 0.5 * (start + end)
    order = np.argsort(middle[:, 0])
    ordered = middle[order, 0]
    tops = np.full((2, len(owner)), -1)
    for number, polygon in enumerate(polygons):
        low, high = polygon.min(0) - BESIDE_UM, polygon.max(0) + BESIDE_UM
        near = order[slice(*np.searchsorted(ordered, (low[0], high[0])))]
        near = near[(middle[near, 1] >= low[1]) & (middle[near, 1] <= high[1])]
        own = owner[near] == number
        others, area = near[~own], signed_area(polygon)
        for top, side in zip(tops, (1.0, -1.0), strict=True):
            if len(others):
                points = middle[others] + side * BESIDE_UM * left[others]
                top[others[_contains(polygon, points)]] = number
            if side * area > 0:
                top[near[own]] = number
    return tops[0], tops[1]


def _contains(polygon: Array, points: Array) -> Array:
    """Whether a ray from each point towards +x crosses the boundary an odd number of times."""
    start, end = polygon, np.roll(polygon, -1, axis=0)
    order = np.argsort(points[:, 1])
    # An edge spans the heights from its lower end to below its upper one: of points in order, a stretch.
    heights = np.sort([start[:, 1], end[:, 1]], axis=0)
    first, beyond = np.searchsorted(points[order, 1], heights)
    crossings = np.zeros(len(points), dtype=int)
    for edges in _blocks(beyond - first):
        of, place = stretches(first[edges], beyond[edges])
        edge, point = edges[of], order[place]
        share = (points[point, 1] - start[edge, 1]) / (end[edge, 1] - start[edge, 1])
        hit = start[edge, 0] + share * (end[edge, 0] - start[edge, 0]) > points[point, 0]
        crossings += np.bincount(point[hit], minlength=len(points))
    return crossings % 2 == 1


def _blocks(counts: Array) -> list[Array]:
    """Places, in groups of which each counts little more than `BLOCK`."""
    return np.split(np.arange(len(counts)), np.flatnonzero(np.diff(np.cumsum(counts) // BLOCK)) + 1)


def _cross(a: Values, b: Values) -> Values:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
