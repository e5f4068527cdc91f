"""Figures of two-dimensional photonics that others have computed, or that follow from formulas in closed form."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from lightloop.maxwell import Convergence, Port, Simulation, SMatrix, converge, cross_section

CORE, CLADDING, WAVELENGTH_UM = 12.11, 2.0736, 1.55
# meep 1.25, 40 cells per um, sub-pixel averaging: 3x3 coupler, into the middle, out of the three at the other end.
MEEP = np.array([0.1524, 0.2857, 0.1524])
TO_MEEP = 0.015
# Of the middle, from grids of 25 and 12.5 nm.
MIDDLE, TO_MIDDLE = 0.33, 0.02
# π/(β0 − β1) of slabs of these widths, from the dispersion equation.
BEAT_LENGTH_UM = {3.0: 29.640, 6.0: 113.255}
BEAT = 3e-3
IMAGE = 0.02


def middles(count: int, dl_um: float) -> np.ndarray:
    """Of cells, from the middle of the grid."""
    return (np.arange(count) + 0.5 - count / 2) * dl_um


def coupler_3x3(dl_um: float) -> SMatrix:
    """A box of 8 x 3 um, ports 0.5 um wide 1 um apart, in 12.8 x 4.8 um and absorbing layers of 1 um."""
    length_um, height_um = 14.8, 6.8
    x, y = (middles(round(size / dl_um), dl_um) for size in (length_um, height_um))
    eps_r = np.full((len(x), len(y)), CLADDING)
    eps_r[np.ix_(np.abs(x) < 4.0, np.abs(y) < 1.5)] = CORE
    levels = (1.0, 0.0, -1.0)
    for level in levels:
        eps_r[:, np.abs(y - level) < 0.25] = CORE
    ports = [
        Port(f"{side} {level:+.0f}", "x", place, height_um / 2 + level, 1.4, way)
        for side, place, way in (("left", 1.5, "+"), ("right", length_um - 1.5, "-"))
        for level in levels
    ]
    return Simulation(eps_r, dl_um, WAVELENGTH_UM, "Ez", round(1.0 / dl_um)).smatrix(ports)


@cache
def converged() -> Convergence:
    return converge(coupler_3x3, (0.05, 0.025))


def through(powers: np.ndarray) -> np.ndarray:
    return powers[3:, 1]


def test_powers_of_a_3x3_coupler_are_those_of_meep() -> None:
    found = converged().grids[1]
    assert through(np.abs(found.values) ** 2) == pytest.approx(MEEP, abs=TO_MEEP)
    assert found.power_balance.error < 1e-3 and found.reciprocity_error < 1e-3


def test_the_power_of_the_middle_port_beyond_the_grid() -> None:
    """At 50 nm the solver is 0.1 off and meep as much, so that to agree with meep is no proof."""
    power = converged().power
    value, error = through(power.value)[1], through(power.error)[1]
    assert value == pytest.approx(MIDDLE, abs=TO_MIDDLE) and abs(value - MIDDLE) < error
    assert abs(through(np.abs(converged().grids[0].values) ** 2)[1] - MIDDLE) > 0.09


@pytest.mark.parametrize("width_um", BEAT_LENGTH_UM)
def test_beat_length_of_a_multimode_guide(width_um: float) -> None:
    dl_um = 0.01
    eps_r = np.where(np.abs(middles(round((width_um + 3) / dl_um), dl_um)) < width_um / 2, CORE, CLADDING)
    found = cross_section(eps_r, dl_um, WAVELENGTH_UM).beat_length_um()
    assert found == pytest.approx(BEAT_LENGTH_UM[width_um], rel=BEAT)


def image_um(dl_um: float) -> float:
    """Where the field of a guide 1.2 um wide, into the middle of one of 3 um, is most like itself again."""
    length_um, height_um, entry_um = 28.0, 6.0, 2.0
    x, y = ((np.arange(round(size / dl_um)) + 0.5) * dl_um for size in (length_um, height_um))
    width_um = np.where(x < entry_um, 1.2, 3.0)
    eps_r = np.where(np.abs(y - height_um / 2) < width_um[:, None] / 2, CORE, CLADDING)
    simulation = Simulation(eps_r, dl_um, WAVELENGTH_UM, pml_cells=round(1.0 / dl_um))
    port = Port("in", "x", 1.4, height_um / 2, 2.6)
    across = simulation.line(port)
    likeness = np.abs(simulation.excite(port).ez[:, across.span] @ across.mode.profile) ** 2
    beyond = np.flatnonzero((x > entry_um + 15.0) & (x < length_um - 1.0))
    peak = beyond[np.argmax(likeness[beyond])]
    near = slice(peak - round(0.3 / dl_um), peak + round(0.3 / dl_um) + 1)
    curvature, slope, _ = np.polyfit(x[near] - x[peak], likeness[near], 2)
    return float(x[peak] - slope / (2 * curvature) - entry_um)


def test_a_centre_fed_multimode_guide_images_its_input() -> None:
    """At 3 L_π/4 (Soldano and Pennings 1995, one image); beyond the grid, from steps of 50 and 25 nm."""
    coarse, fine = image_um(0.05), image_um(0.025)
    assert fine + (fine - coarse) / 3 == pytest.approx(0.75 * BEAT_LENGTH_UM[3.0], rel=IMAGE)
