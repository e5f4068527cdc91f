"""Scattering as a function of a device's outline: gradients of vertices are those of central differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lightloop.maxwell.devices import DEVICES
from lightloop.maxwell.geometry.device import Device
from lightloop.maxwell.geometry.shapes import Shape
from lightloop.maxwell.gradients.adjoint import Scattering

DL_UM = 0.05
# Rounding of the solver and of differences leaves less than this.
GRADIENT = 1e-5
STEP_UM = 1e-4


def with_body(device: Device, vertices: object) -> Device:
    """The splitter with another body, the one shape that is wider than the guides."""
    place = max(range(len(device.shapes)), key=lambda number: np.ptp(device.shapes[number].vertices_um[:, 1]))
    shapes = list(device.shapes)
    shapes[place] = Shape(vertices, shapes[place].material)
    return replace(device, shapes=tuple(shapes))


def body(device: Device) -> np.ndarray:
    return max((shape.vertices_um for shape in device.shapes), key=lambda vertices: np.ptp(vertices[:, 1]))


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_the_gradient_of_a_splitters_width_and_length(polarization: str) -> None:
    device = DEVICES["mmi"](n_in=1, n_out=2, length_um=2.03, width_um=2.51, pitch_um=1.2)
    scattering = Scattering(device.simulation(DL_UM, polarization=polarization), device.ports)
    outline = body(device)
    middle = outline.mean(0)
    ways = [(outline - middle) * np.array(axis) / (outline - middle).max(0) for axis in ((1.0, 0.0), (0.0, 1.0))]
    # Off the lines of the grid, where there is a derivative.
    outline = outline + 0.013 * ways[0] + 0.007 * ways[1]

    def power(vertices: object) -> torch.Tensor:
        eps = with_body(device, vertices).permittivity(DL_UM, 1.55)
        return scattering(eps)[1, 0].abs() ** 2

    vertices = torch.tensor(outline, requires_grad=True)
    power(vertices).backward()
    for way in ways:
        slopes = [
            (float(power(outline + step * way)) - float(power(outline - step * way))) / (2 * step)
            for step in (STEP_UM, 2 * STEP_UM)
        ]
        expected = (4 * slopes[0] - slopes[1]) / 3
        found = float((vertices.grad.numpy() * way).sum())
        assert found == pytest.approx(expected, rel=GRADIENT)
