"""A drawn design simulated from its polygons, whatever they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightloop.inverse.corners import NOMINAL, Corner, deviating
from lightloop.inverse.layout import Layout, Medium
from lightloop.inverse.options import DesignOptions
from lightloop.inverse.problem import media
from lightloop.maxwell.simulation import Simulation

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Score:
    """What a design does.

    Attributes:
        figure: The task's, at most 1.
        readings: By name.
    """

    figure: float
    readings: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """For `result.json`."""
        return {"figure": self.figure, **self.readings}


def score_of(layout: Layout, s: Array) -> Score:
    """Of S, shape (wavelengths, ports, ports)."""
    import torch

    values = torch.as_tensor(s)
    return Score(float(layout.task.figure(values)), layout.task.readings(values))


def simulations(
    layout: Layout, options: DesignOptions, solid: Sequence[Array], dl_um: float, corner: Corner = NOMINAL
) -> list[Simulation]:
    """One for each wavelength of the task.

    Args:
        layout: The task.
        options: The materials.
        solid: Polygons of the pattern and the guides in um.
        dl_um: Side of a cell.
        corner: What deviates.
    """
    polygons = deviating(layout, solid, corner.edge_um)
    wavelengths_um = tuple(one + corner.wavelength_um for one in layout.task.wavelengths_um)
    return [
        layout.device(Medium(medium.solid * corner.permittivity, medium.void), polygons).simulation(dl_um, one)
        for medium, one in zip(media(options, wavelengths_um), wavelengths_um, strict=True)
    ]


def evaluated(
    layout: Layout, options: DesignOptions, solid: Sequence[Array], dl_um: float, corner: Corner = NOMINAL
) -> Score:
    """The figure of a drawn design; arguments as of `simulations`."""
    found = simulations(layout, options, solid, dl_um, corner)
    return score_of(layout, np.stack([simulation.smatrix(layout.ports()).values for simulation in found]))
