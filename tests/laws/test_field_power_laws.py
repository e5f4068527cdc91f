"""Where power goes: on grids that repeat themselves, in scattering matrices, in media that absorb."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from lightloop.maxwell import Port, Simulation, SMatrix

CORE, CLADDING, DL_UM, WAVELENGTH_UM = 12.11, 2.0736, 0.05, 1.55
ROUNDING = 1e-9
# What ports, of a span that cuts the tails of modes, do not see.
BALANCE = 1e-3
# Of a wave that goes on in the port's guide to the absorbing layer, half a cell apart.
HALF_A_CELL = 2e-3


def plane_wave(polarization: str, eps_r: complex, angle_deg: float = 25.0) -> tuple[Simulation, np.ndarray]:
    """From a sheet of current across a grid that repeats itself along y."""
    nx, ny, index = 240, 10, math.sqrt(np.real(eps_r))
    ky_dl = 2 * math.pi / WAVELENGTH_UM * DL_UM * index * math.sin(math.radians(angle_deg))
    simulation = Simulation(
        np.full((nx, ny), eps_r), DL_UM, WAVELENGTH_UM, polarization, (60, 0), bloch_rad=(None, ky_dl * ny)
    )
    current = np.zeros((nx, ny), dtype=complex)
    current[100] = np.exp(-1j * ky_dl * np.arange(ny))
    return simulation, current


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
@pytest.mark.parametrize("eps_r", [2.25, 2.25 - 0.05j])
def test_power_is_balanced_on_a_grid_that_repeats_itself(polarization: str, eps_r: complex) -> None:
    simulation, current = plane_wave(polarization, eps_r)
    balance = simulation.solve(current).power_balance
    assert balance.error < ROUNDING
    assert balance.radiated > 0.05 * balance.supplied
    assert balance.absorbed == 0 if np.isreal(eps_r) else balance.absorbed > 0.1 * balance.supplied


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_where_the_grid_is_cut_does_not_matter(polarization: str) -> None:
    """A grid that repeats itself along y may begin anywhere; also one that absorbs across the cut."""
    eps_r = np.full((160, 12), CLADDING - 0.0j)
    eps_r[60:100, 2:7] = CORE - 0.3j
    current = np.zeros(eps_r.shape)
    current[50, 4] = 1.0
    found = [
        Simulation(np.roll(eps_r, turn, 1), DL_UM, WAVELENGTH_UM, polarization, (40, 0), bloch_rad=(None, 0.0))
        .solve(np.roll(current, turn, 1))
        .power_balance
        for turn in (0, 7)
    ]
    assert found[0] == pytest.approx(found[1], rel=ROUNDING)
    assert found[0].error < ROUNDING


@cache
def coupler(polarization: str, loss: float = 0.0) -> SMatrix:
    """A box of 3 x 2.4 um with two guides at each end."""
    length_um, height_um = 7.0, 5.0
    x = (np.arange(round(length_um / DL_UM)) + 0.5) * DL_UM - length_um / 2
    y = (np.arange(round(height_um / DL_UM)) + 0.5) * DL_UM - height_um / 2
    eps_r = np.full((len(x), len(y)), CLADDING, dtype=complex)
    eps_r[np.ix_(np.abs(x) < 1.5, np.abs(y) < 1.2)] = CORE
    for center in (-0.7, 0.7):
        eps_r[:, np.abs(y - center) < 0.25] = CORE
    ports = [
        Port(f"{side}{level}", "x", place, height_um / 2 + center, 1.3, way)
        for side, place, way in (("left", 1.5, "+"), ("right", length_um - 1.5, "-"))
        for level, center in (("low", -0.7), ("high", 0.7))
    ]
    return Simulation(eps_r * (1 - 1j * loss), DL_UM, WAVELENGTH_UM, polarization, 15).smatrix(ports)


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_what_enters_a_lossless_device_leaves_it(polarization: str) -> None:
    found = coupler(polarization)
    assert found.power_balance.error < BALANCE and found.reciprocity_error < BALANCE
    assert found.power_balance.absorbed == pytest.approx(0.0, abs=ROUNDING)
    assert found.power_balance.through_ports == pytest.approx((np.abs(found.values) ** 2).sum(0))
    assert np.all(found.power_balance.radiated > 0.0) and found.residual < ROUNDING


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_what_enters_a_lossy_device_leaves_or_is_absorbed(polarization: str) -> None:
    found = coupler(polarization, loss=2e-3)
    assert found.power_balance.error < HALF_A_CELL
    assert np.all(found.power_balance.absorbed > 0.02) and np.all(found.power_balance.radiated > 0)
    assert np.all(found.power_balance.through_ports < coupler(polarization).power_balance.through_ports)


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_a_wave_through_a_port_supplies_one_watt_per_metre(polarization: str) -> None:
    eps_r = np.full((120, 80), CLADDING)
    eps_r[:, 35:45] = CORE
    fields = Simulation(eps_r, DL_UM, WAVELENGTH_UM, polarization, 15).excite(Port("in", "x", 1.5, 2.0, 2.4, "+"))
    assert fields.power_balance.supplied == pytest.approx(1.0, abs=BALANCE)
    assert fields.power_balance.error < ROUNDING


def test_a_scattering_matrix_is_told_in_numbers() -> None:
    told = coupler("Ez").to_dict()
    assert np.array(told["s_real"]) + 1j * np.array(told["s_imag"]) == pytest.approx(coupler("Ez").values)
    assert told["ports"] == list(coupler("Ez").ports) and told["power_error"] < BALANCE


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_scattering_over_wavelengths_is_that_at_each(polarization: str) -> None:
    eps_r = np.full((100, 70), CLADDING)
    eps_r[:, 30:40] = CORE
    simulation = Simulation(eps_r, DL_UM, WAVELENGTH_UM, polarization, 15)
    ends = [Port("in", "x", 1.5, 1.75, 1.8, "+"), Port("out", "x", 3.5, 1.75, 1.8, "-")]
    simulation.smatrix(ends)  # what is kept of one wavelength must not be used at another
    found = simulation.spectrum(ends, [1.53, 1.55, 1.57])
    assert found.values.shape == (3, 2, 2) and found.n_eff.shape == (3, 2)
    for wavelength_um, values, n_eff in zip(found.wavelengths_um, found.values, found.n_eff, strict=True):
        alone = Simulation(eps_r, DL_UM, wavelength_um, polarization, 15).smatrix(ends)
        assert values == pytest.approx(alone.values, abs=ROUNDING) and n_eff == pytest.approx(alone.n_eff)
    assert np.all(np.diff(found.n_eff[:, 0].real) < 0)
    assert found.residual.max() < ROUNDING and found.power_error.max() < BALANCE
    assert found.reciprocity_error.max() < BALANCE and len(found.to_dict()["s_real"]) == 3
