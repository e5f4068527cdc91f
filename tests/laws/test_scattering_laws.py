"""What Maxwell's equations say of a slab, a plane wave, an absorbing layer, and a device without loss."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy.constants import c as speed_of_light
from scipy.constants import epsilon_0, mu_0

from lightloop.maxwell.modes import modes, section
from lightloop.maxwell.ports import Port
from lightloop.maxwell.scattering import SMatrix
from lightloop.maxwell.simulation import Simulation

CORE, CLADDING, WAVELENGTH_UM = 12.11, 2.0736, 1.55
# Roots of the dispersion equation of the symmetric slab, to the last digit given: TE is Ez here, TM is Hz.
SLAB = {("Ez", 0.5): [3.275556], ("Hz", 0.5): [3.157790], ("Ez", 0.8): [3.384501, 3.085652, 2.537329]}
N_EFF_ERROR = 4e-4  # at 12.5 nm
ORDERS = (1.8, 2.2)
# Sums of some 10^5 products of rounded numbers.
ROUNDING = 1e-9
PML_POWER = 1e-5
MIRROR = 1e-6
RECIPROCITY = 1e-3


def slab(dl_um: float, width_um: float, length_um: float, height_um: float = 4.0) -> np.ndarray:
    nx, ny = round(length_um / dl_um), round(height_um / dl_um)
    y_um = (np.arange(ny) + 0.5) * dl_um - height_um / 2
    return np.tile(np.where(np.abs(y_um) < width_um / 2, CORE, CLADDING), (nx, 1))


def n_effs(polarization: str, dl_um: float, width_um: float, count: int) -> np.ndarray:
    simulation = Simulation(slab(dl_um, width_um, 8 * dl_um), dl_um, WAVELENGTH_UM, polarization, pml_cells=0)
    across = section(simulation.stencil, 0, 4, slice(None))
    return np.array([mode.n_eff.real for mode in modes(across, count, simulation.k0_dl)])


@pytest.mark.parametrize("polarization, width_um", SLAB, ids=str)
def test_effective_indices_of_a_slab(polarization: str, width_um: float) -> None:
    expected = SLAB[polarization, width_um]
    found = n_effs(polarization, 0.0125, width_um, len(expected))
    # The step is compared with the wave across the slab, whose number goes as the number of the mode plus one.
    errors = N_EFF_ERROR * (1 + np.arange(len(expected))) ** 2
    assert np.all(np.abs(found - expected) < errors)


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_effective_indices_converge_to_second_order(polarization: str) -> None:
    errors = [abs(n_effs(polarization, dl, 0.5, 1)[0] - SLAB[polarization, 0.5][0]) for dl in (0.05, 0.025, 0.0125)]
    for coarse, fine in pairwise(errors):
        assert ORDERS[0] <= math.log2(coarse / fine) <= ORDERS[1]


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
@pytest.mark.parametrize("angle_deg", [0.0, 15.0, 30.0, 45.0, 60.0])
def test_a_plane_wave_has_the_wave_number_of_the_grid(polarization: str, angle_deg: float) -> None:
    """sin²(kx dl/2) + sin²(ky dl/2) = (k0 n dl/2)²: between two columns of a grid that repeats itself along y."""
    dl_um, ny, index = 0.05, 12, 1.5
    k0_dl = 2 * math.pi / WAVELENGTH_UM * dl_um
    ky_dl = k0_dl * index * math.sin(math.radians(angle_deg))
    simulation = Simulation(
        np.full((300, ny), index**2), dl_um, WAVELENGTH_UM, polarization, (80, 0), bloch_rad=(None, ky_dl * ny)
    )
    f = np.zeros((300, ny, 1), dtype=complex)
    f[150, :, 0] = np.exp(-1j * ky_dl * np.arange(ny))
    u = simulation.factor.solve(f)[..., 0]
    expected = 2 * math.asin(math.sqrt((k0_dl * index / 2) ** 2 - math.sin(ky_dl / 2) ** 2))
    assert -np.angle(u[171:200] / u[170:199]) == pytest.approx(expected, rel=1e-6)


def ends(length_um: float, height_um: float = 4.0) -> list[Port]:
    middle = height_um / 2
    return [
        Port("in", "x", 1.5, middle, height_um - 1.6, "+"),
        Port("out", "x", length_um - 1.5, middle, height_um - 1.6, "-"),
    ]


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_an_absorbing_layer_sends_little_back(polarization: str) -> None:
    """Everything that a straight guide scatters comes from its ends, behind the ports."""
    found = Simulation(slab(0.05, 0.5, 6.0), 0.05, WAVELENGTH_UM, polarization, 15)
    lead = [Port("in", "x", 4.9, 2.0, 2.4, "+")]
    line = found.line(lead[0])
    f = np.zeros((*found.stencil.shape, 1), dtype=complex)
    f[line.at(-40)] = line.mode.profile[:, None]
    u = found.factor.solve(f)
    e, step = line.mode.profile, line.mode.step
    first, second = (
        np.sum(e * found.stencil.across_x[1, line.span] * u[line.at(place)][..., 0]) for place in (-20, -19)
    )
    ahead = (second - first / step) / (step - 1 / step)
    back = (second - first * step) / (1 / step - step)
    assert abs(back / ahead) ** 2 < PML_POWER


def mmi(dl_um: float) -> tuple[np.ndarray, float, float]:
    """A box of 4 x 2.4 um with a guide at its left and two at its right, not one of them in the middle."""
    length_um, height_um = 8.0, 5.0
    x = (np.arange(round(length_um / dl_um)) + 0.5) * dl_um - length_um / 2
    y = (np.arange(round(height_um / dl_um)) + 0.5) * dl_um - height_um / 2
    eps_r = np.full((len(x), len(y)), CLADDING)
    eps_r[np.ix_(np.abs(x) < 2, np.abs(y) < 1.2)] = CORE
    eps_r[np.ix_(x < 0, np.abs(y - 0.3) < 0.25)] = CORE
    for center in (-0.8, 0.7):
        eps_r[np.ix_(x > 0, np.abs(y - center) < 0.25)] = CORE
    return eps_r, length_um, height_um


@cache
def scattering(polarization: str, mirrored: bool = False) -> SMatrix:
    dl_um = 0.05
    eps_r, length_um, height_um = mmi(dl_um)
    sides = [("in", 1.5, 0.3, "+"), ("low", length_um - 1.5, -0.8, "-"), ("high", length_um - 1.5, 0.7, "-")]
    turn = -1 if mirrored else 1
    ports = [Port(name, "x", x, height_um / 2 + turn * y, 1.8, way) for name, x, y, way in sides]
    return Simulation(eps_r[:, ::turn], dl_um, WAVELENGTH_UM, polarization, 15).smatrix(ports)


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_scattering_is_reciprocal(polarization: str) -> None:
    assert scattering(polarization).reciprocity_error < RECIPROCITY


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_a_mirrored_device_scatters_alike(polarization: str) -> None:
    plain, mirrored = scattering(polarization).values, scattering(polarization, mirrored=True).values
    assert np.abs(np.abs(plain) - np.abs(mirrored)).max() < MIRROR


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_no_more_comes_out_than_goes_in(polarization: str) -> None:
    assert (np.abs(scattering(polarization).values) ** 2).sum(0).max() < 1.0


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_a_straight_guide_delays_and_does_nothing_else(polarization: str) -> None:
    simulation = Simulation(slab(0.05, 0.5, 6.0), 0.05, WAVELENGTH_UM, polarization, 15)
    found = simulation.smatrix(ends(6.0)).values
    line = simulation.line(ends(6.0)[0])
    steps = 3.0 / 0.05
    assert np.abs(np.diag(found)).max() ** 2 < PML_POWER
    assert found[1, 0] == pytest.approx(line.mode.step**steps, abs=1e-4)


@pytest.mark.parametrize("eps_r", [2.0, 4.0 - 0.1j])
@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_what_a_current_supplies_leaves_or_is_absorbed(polarization: str, eps_r: complex) -> None:
    current = np.zeros((90, 80))
    current[45, 30] = 1.0
    balance = Simulation(np.full((90, 80), eps_r), 0.05, WAVELENGTH_UM, polarization, 15).solve(current).power_balance
    assert balance.error < ROUNDING and balance.radiated > 0
    assert balance.absorbed == 0 if np.isreal(eps_r) else balance.absorbed > 0.1 * balance.radiated


@pytest.mark.parametrize("polarization, constant", [("Ez", mu_0), ("Hz", epsilon_0)])
def test_a_line_current_radiates_as_in_free_space(polarization: str, constant: float) -> None:
    """P = ω μ0 |I|²/8 for 1 A, and its dual; of the grid of 31 points per wavelength 0.5 % is asked for."""
    current = np.zeros((120, 100))
    current[60, 50] = 1.0 / 0.05e-6**2
    found = Simulation(np.ones((120, 100)), 0.05, WAVELENGTH_UM, polarization, 15).solve(current)
    omega = 2 * math.pi * speed_of_light / (WAVELENGTH_UM * 1e-6)
    assert found.power_balance.radiated == pytest.approx(omega * constant / 8, rel=6e-3)
    assert found.residual < ROUNDING


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_the_fields_obey_amperes_and_faradays_laws(polarization: str) -> None:
    """Of a plane wave in the middle of the grid: the ratio of the fields is the impedance of the medium."""
    current = np.zeros((200, 4))
    current[60] = 1.0
    found = Simulation(
        np.full((200, 4), 2.25), 0.05, WAVELENGTH_UM, polarization, (40, 0), bloch_rad=(None, 0.0)
    ).solve(current)
    out_of_plane, in_plane = (found.ez, found.hy) if polarization == "Ez" else (found.hz, found.ey)
    impedance = math.sqrt(mu_0 / epsilon_0 / 2.25)
    expected = -1 / impedance if polarization == "Ez" else impedance
    middle = 0.5 * (in_plane[110, 0] + in_plane[111, 0])
    assert middle / out_of_plane[110, 0] == pytest.approx(expected, rel=0.016)  # (k dl)²/6 of this grid
