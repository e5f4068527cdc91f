"""The pattern as polygons: the border between the points of its raster, without what is too small to be made."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from lightloop.inverse.layout import Layout
from lightloop.inverse.polygons import DATABASE_UM, PRECISION_UM, area, united
from lightloop.inverse.projection import MIDDLE

Array = np.ndarray[Any, np.dtype[Any]]


class Outline(NamedTuple):
    """A drawn design.

    Attributes:
        solid: Polygons of the pattern and the guides in um, each (n, 2), rounded as in a file.
        dropped: Islands and holes that were smaller than a disc of the smallest feature and are gone.
    """

    solid: list[Array]
    dropped: int


def outline(field: Array, layout: Layout, step_um: float, smallest_um: float) -> Outline:
    """Of a field on the raster of a region, shape (nx, ny), solid over one half.

    Args:
        field: At the middles of squares that fill the region.
        layout: Around the region.
        step_um: Side of a square.
        smallest_um: Diameter of the smallest disc that is kept.
    """
    import gdstk

    least, dropped = 0.25 * np.pi * smallest_um**2, 0
    pieces: list[Array] = []
    for rings in _filled(field, layout.margin_um, step_um):
        kept = [ring for ring in rings if abs(area(ring)) >= least]
        dropped += len(rings) - len(kept)
        if kept and kept[0] is rings[0]:
            outer, *holes = (gdstk.Polygon(ring) for ring in kept)  # type: ignore[arg-type]
            pieces += [np.asarray(one.points) for one in gdstk.boolean(outer, holes, "not", PRECISION_UM)]
    return Outline(_on_file_grid(united([*layout.guides(), *pieces], layout.size_um)), dropped)


def opened_and_closed(drawn: Outline, layout: Layout, diameter_um: float) -> Outline:
    """Without solid that a disc of a diameter does not fit in, and then without such gaps."""
    radius = 0.5 * diameter_um
    solid = united([*drawn.solid, *layout.guides(beyond=True)], layout.size_um, (-radius, 2 * radius, -radius))
    return drawn._replace(solid=_on_file_grid(solid))


def _on_file_grid(solid: list[Array]) -> list[Array]:
    return [np.round(one / DATABASE_UM) * DATABASE_UM for one in solid]


def _filled(field: Array, corner_um: float, step_um: float) -> list[list[Array]]:
    """For each piece its outer ring and the rings of its holes, up to the edge of the region."""
    from contourpy import FillType, contour_generator

    wide = np.pad(field, 1, mode="edge")
    x, y = (corner_um + step_um * np.concatenate([[0.0], np.arange(n) + 0.5, [n]]) for n in field.shape)
    generator = contour_generator(x, y, wide.T, fill_type=FillType.OuterOffset)
    points, offsets = generator.filled(MIDDLE, np.inf)  # type: ignore[misc]
    return [
        [ring[begin : end - 1] for begin, end in pairwise(of.tolist())]
        for ring, of in zip(points, offsets, strict=True)
    ]
