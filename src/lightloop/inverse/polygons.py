"""Sets of polygons: united, with edges moved, simpler, and without holes, so that each is a simple one in any file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
# gdstk's own grid; how far a simpler outline may be from the one given; vertices of a whole turn around a corner.
PRECISION_UM, SIMPLER_UM, ARC = 1e-6, 5e-4, 64
# What rounding leaves between polygons that touch: far below the area of anything that can be made.
SLIVER_UM2 = 1e-5
# Of a file: cuts lie on it.
DATABASE_UM = 1e-3


def united(polygons: Sequence[Array], within_um: tuple[float, float], edges_um: Sequence[float] = ()) -> list[Array]:
    """The union, its edges moved, corners rounded, and cut off at a rectangle from the origin on.

    Args:
        polygons: Vertices in um, each (n, 2).
        within_um: Width and height of the rectangle.
        edges_um: By how much edges move outwards, one move after the other.
    """
    import gdstk

    drawn = [gdstk.Polygon(one) for one in polygons]  # type: ignore[arg-type]
    solid = gdstk.boolean(drawn, [], "or", PRECISION_UM)
    for edge_um in edges_um:
        solid = gdstk.offset(solid, edge_um, "round", ARC, PRECISION_UM, use_union=True)
    solid = gdstk.boolean(solid, gdstk.rectangle((0.0, 0.0), within_um), "and", PRECISION_UM)
    rings = [simpler(np.asarray(part.points)) for one in solid for part in _without_holes(one)]
    return [ring for ring in rings if abs(area(ring)) > SLIVER_UM2]


def area(ring: Array) -> float:
    """Signed, in um², positive anticlockwise."""
    x, y = (ring - ring[0]).T
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def simpler(ring: Array) -> Array:
    """Fewer vertices, no further than `SIMPLER_UM` from those left out (Douglas and Peucker 1973)."""
    far = int(np.argmax(np.hypot(*(ring - ring[0]).T)))
    closed = np.concatenate([ring, ring[:1]])
    keep = np.zeros(len(closed), dtype=bool)
    keep[[0, far, -1]] = True
    todo = [(0, far), (far, len(ring))]
    while todo:
        first, last = todo.pop()
        distance = _from_line(closed[first + 1 : last], closed[first], closed[last])
        if distance.size and distance.max() > SIMPLER_UM:
            middle = first + 1 + int(np.argmax(distance))
            keep[middle] = True
            todo += [(first, middle), (middle, last)]
    return closed[:-1][keep[:-1]]


def _from_line(points: Array, start: Array, end: Array) -> Array:
    way, beside = end - start, points - start
    length = float(np.hypot(*way))
    if length == 0.0:
        return np.hypot(*beside.T)
    return np.abs(way[0] * beside[:, 1] - way[1] * beside[:, 0]) / length


def _without_holes(polygon: Any) -> list[Any]:
    """Cut through holes, which gdstk joins to what is around them by a slit: a boundary that touches itself."""
    import gdstk

    hole = _touching(polygon.points)
    if hole is None:
        return [polygon]
    x = round(float(hole[:, 0].min() + hole[:, 0].max()) / 2.0 / DATABASE_UM) * DATABASE_UM
    parts = [part for slab in gdstk.slice(polygon, x, "x", PRECISION_UM) for part in slab]
    return [one for part in parts for one in _without_holes(part)] if len(parts) > 1 else [polygon]


def _touching(points: Array) -> Array | None:
    """The shortest part of a boundary that ends where it begins."""
    _, name = np.unique(np.round(points / PRECISION_UM), axis=0, return_inverse=True)
    last: dict[int, int] = {}
    shortest: Array | None = None
    for place, one in enumerate(name.ravel().tolist()):
        if one in last and (shortest is None or place - last[one] < len(shortest)):
            shortest = points[last[one] : place]
        last[one] = place
    return shortest
