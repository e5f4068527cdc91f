"""What becomes of a design when the chip is not as drawn, one thing at a time.

etch          every edge of silicon, of the guides too, 10 nm further out or in
permittivity  that of silicon 1 % higher or lower
wavelength    all of the task's 10 nm longer or shorter
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lightloop.inverse.layout import Layout
from lightloop.inverse.polygons import united
from lightloop.inverse.problem import ETCH_UM

Array = np.ndarray[Any, np.dtype[Any]]
PERMITTIVITY, WAVELENGTH_UM = 0.01, 0.01


class Corner(NamedTuple):
    """A deviation.

    Attributes:
        edge_um: By which edges of the solid move outwards.
        permittivity: Factor of that of the solid.
        wavelength_um: Added to each wavelength.
    """

    edge_um: float = 0.0
    permittivity: float = 1.0
    wavelength_um: float = 0.0


NOMINAL = Corner()
CORNERS: dict[str, Corner] = {
    "etch +10 nm": Corner(edge_um=ETCH_UM),
    "etch -10 nm": Corner(edge_um=-ETCH_UM),
    "permittivity +1 %": Corner(permittivity=1.0 + PERMITTIVITY),
    "permittivity -1 %": Corner(permittivity=1.0 - PERMITTIVITY),
    "wavelength +10 nm": Corner(wavelength_um=WAVELENGTH_UM),
    "wavelength -10 nm": Corner(wavelength_um=-WAVELENGTH_UM),
}


def deviating(layout: Layout, solid: Sequence[Array], edge_um: float) -> list[Array]:
    """Polygons of the solid with all edges moved outwards; guides still end at the edge of the grid."""
    if edge_um == 0.0:
        return list(solid)
    return united([*solid, *layout.guides(beyond=True)], layout.size_um, [edge_um])
