"""The smallest feature of a pattern, by morphology on a fine raster: it knows nothing of how the pattern was made.

A pattern has no feature smaller than d if opening it with a disc of diameter d, that is, painting it with that disc
and never over its border, leaves it as it is. Of a right angle the disc leaves a corner blank in which a disc of
(3 − 2√2) d = 0.17 d fits; so what is left blank counts only where a disc of `CORNER` d fits. A bar of a width below d
is left blank as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lightloop.inverse.layout import LEAD_UM, PML_UM, Layout, Medium

Array = np.ndarray[Any, np.dtype[Any]]
CORNER = 0.2
# In raster steps: between a point and the edge that lies half way to the next; what is left blank by the raster itself.
EDGE, SPECK = 0.5, 2.0
RASTER_UM, LIMIT_UM = 0.004, 0.2


class Features(NamedTuple):
    """Diameters in um; at most `limit_um`, the largest that was tried."""

    solid_um: float
    void_um: float
    limit_um: float

    @property
    def smallest_um(self) -> float:
        """The smaller of the two."""
        return min(self.solid_um, self.void_um)


def features(pattern: Array, step_um: float, limit_um: float = LIMIT_UM) -> Features:
    """Of a pattern of booleans, shape (nx, ny), whose outermost values go on beyond it."""
    reach = int(np.ceil(limit_um / step_um)) + 1
    wide = np.pad(pattern, reach, mode="edge")
    inside = (slice(reach, -reach), slice(reach, -reach))
    solid, void = (_smallest(one, inside, step_um, limit_um) for one in (wide, ~wide))
    return Features(solid, void, limit_um)


def features_of_polygons(layout: Layout, solid: Sequence[Array]) -> Features:
    """Of a drawn design in its region and beside it."""
    covered = np.real(layout.device(Medium(2.0, 1.0), solid).permittivity(RASTER_UM, 1.0).zz) > 1.5
    cut = round((PML_UM + 0.5 * LEAD_UM) / RASTER_UM)
    return features(covered[cut:-cut, cut:-cut], RASTER_UM)


def opened(pattern: Array, diameter: float) -> Array:
    """What a disc of a diameter in steps can paint of a pattern."""
    from scipy.ndimage import distance_transform_edt

    if pattern.all():
        return pattern
    centers = distance_transform_edt(pattern) - EDGE >= 0.5 * diameter
    if not centers.any():
        return np.zeros_like(pattern)
    return pattern & (distance_transform_edt(~centers) <= 0.5 * diameter + EDGE)


def violations(pattern: Array, diameter: float) -> Array:
    """Where features smaller than a diameter in steps are."""
    return opened(pattern & ~opened(pattern, diameter), max(CORNER * diameter, SPECK))


def _smallest(pattern: Array, inside: tuple[slice, slice], step_um: float, limit_um: float) -> float:
    """By bisection: what a disc leaves blank, a larger one leaves too."""
    low, high = 0, round(limit_um / step_um)
    while low < high:
        middle = (low + high + 1) // 2
        if violations(pattern, middle)[inside].any():
            high = middle - 1
        else:
            low = middle
    return low * step_um
