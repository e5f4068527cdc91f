"""What modes of a cross-section obey, on the grid and beyond it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lightloop.errors import InputError
from lightloop.maxwell import Port, Simulation, converge_modes, cross_section

CORE, CLADDING, WAVELENGTH_UM = 12.11, 2.0736, 1.55
# Roots of the dispersion equation of the symmetric slab, to the last digit given.
SLAB = {("Ez", 0.5): [3.275556], ("Hz", 0.5): [3.157790], ("Ez", 0.8): [3.384501, 3.085652, 2.537329]}
# Of two grids of 25 and 12.5 nm: what is left is of order 4.
EXTRAPOLATED = 1e-4
ROUNDING = 1e-9
# Of a central difference over 0.2 nm.
DIFFERENCE = 1e-6


def line(width_um: float, dl_um: float, height_um: float = 4.0) -> np.ndarray:
    y_um = (np.arange(round(height_um / dl_um)) + 0.5) * dl_um - height_um / 2
    return np.where(np.abs(y_um) < width_um / 2, CORE, CLADDING)


@pytest.mark.parametrize("polarization, width_um", SLAB, ids=str)
def test_two_grids_give_the_indices_of_the_slab_and_the_bar_holds(polarization: str, width_um: float) -> None:
    expected = np.array(SLAB[polarization, width_um])
    found = converge_modes(line(width_um, 0.025), 0.025, WAVELENGTH_UM, polarization)
    value, error = found.value[: len(expected)], found.error[: len(expected)]
    assert value == pytest.approx(expected, abs=EXTRAPOLATED)
    assert np.all(np.abs(value - expected) < error)


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_the_group_index_is_the_derivative_of_the_effective_index(polarization: str) -> None:
    step = 1e-4
    eps_r = line(0.8, 0.025)
    low, middle, high = (cross_section(eps_r, 0.025, WAVELENGTH_UM + d, polarization) for d in (-step, 0.0, step))
    count = min(map(len, (low, middle, high)))
    slope = (high.n_eff[:count] - low.n_eff[:count]) / (2 * step)
    assert middle.group_index[:count] == pytest.approx(middle.n_eff[:count] - WAVELENGTH_UM * slope, rel=DIFFERENCE)


@pytest.mark.parametrize("polarization, weight", [("Ez", 1.0), ("Hz", None)])
def test_modes_are_orthogonal(polarization: str, weight: float | None) -> None:
    eps_r = line(0.8, 0.025)
    found = cross_section(eps_r, 0.025, WAVELENGTH_UM, polarization)
    products = (found.profile * (weight or 1 / eps_r)) @ found.profile.T
    assert products == pytest.approx(np.eye(len(found)), abs=ROUNDING)


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
@pytest.mark.parametrize("compensated_index", [(0.0, 0.0), (3.2, 0.0)])
def test_a_port_has_the_modes_of_its_cross_section(polarization: str, compensated_index: tuple[float, float]) -> None:
    across = line(0.8, 0.05)
    simulation = Simulation(
        np.tile(across, (60, 1)), 0.05, WAVELENGTH_UM, polarization, 10, compensated_index=compensated_index
    )
    found = simulation.modes(Port("in", "x", 1.5, 2.0, 3.0, "+"))
    expected = cross_section(across[10:70], 0.05, WAVELENGTH_UM, polarization)
    assert len(found) == len(expected) > 1
    assert found.n_eff == pytest.approx(expected.n_eff, rel=ROUNDING)
    assert found.group_index == pytest.approx(expected.group_index, rel=ROUNDING)
    assert found.position_um[0] == pytest.approx(0.525) and found.position_um[-1] == pytest.approx(3.475)


def test_ports_along_y_have_the_same_modes() -> None:
    across = line(0.5, 0.05)
    along_x = Simulation(np.tile(across, (60, 1)), 0.05, WAVELENGTH_UM, "Hz", 10)
    along_y = Simulation(np.tile(across, (60, 1)).T, 0.05, WAVELENGTH_UM, "Hz", 10)
    found = [
        simulation.modes(Port("in", axis, 1.5, 2.0, 3.0, "+")) for simulation, axis in ((along_x, "x"), (along_y, "y"))
    ]
    assert found[0].n_eff == pytest.approx(found[1].n_eff) and found[0].profile == pytest.approx(found[1].profile)


def test_all_guided_modes_are_found_and_no_others() -> None:
    """A symmetric slab guides 1 + floor(V/π) modes, V = k0 w sqrt(ε_core − ε_cladding)."""
    for width_um in (0.2, 0.5, 0.8, 1.5):
        v = 2 * math.pi / WAVELENGTH_UM * width_um * math.sqrt(CORE - CLADDING)
        assert len(cross_section(line(width_um, 0.01, 8.0), 0.01)) == 1 + math.floor(v / math.pi)
    assert len(cross_section(np.full(80, CLADDING), 0.05)) == 0
    assert len(cross_section(np.full(80, CLADDING), 0.05, count=3)) == 3


def test_a_guide_with_losses_attenuates() -> None:
    """To first order the loss is that of the medium times the part of the power in it, n_g k0 Im ε/(2 ε) of it."""
    eps_r = line(0.5, 0.025)
    lossless, lossy = (cross_section(eps_r * (1 - 1j * loss), 0.025) for loss in (0.0, 1e-4))
    # A factor on all of ε_r is one on k0².
    assert lossy.n_eff[0].imag == pytest.approx(-0.5e-4 * lossless.group_index[0].real, rel=1e-3)


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_compensated_steps_carry_waves_of_their_index_exactly(polarization: str) -> None:
    index, dl_um = 3.2, 0.1
    k0_dl = 2 * math.pi / WAVELENGTH_UM * dl_um
    of = Simulation(
        np.full((400, 6), index**2), dl_um, WAVELENGTH_UM, polarization, (140, 0), bloch_rad=(None, 0.0),
        compensated_index=(index, 0.0),
    )  # fmt: skip
    f = np.zeros((400, 6, 1), dtype=complex)
    f[200] = 1.0
    u = of.factor.solve(f)[..., 0]
    assert -np.angle(u[211:240] / u[210:239]) == pytest.approx(k0_dl * index, rel=1e-6)


def test_compensated_steps_bring_a_coarse_grid_nearer_to_a_fine_one() -> None:
    """Phase over a guide of 6 um, against its semi-discrete index, which has no step along it."""
    across = line(0.5, 0.05)
    ends = [Port("in", "x", 1.5, 2.0, 2.4, "+"), Port("out", "x", 7.5, 2.0, 2.4, "-")]
    errors = []
    for index in (0.0, 3.4):
        found = Simulation(np.tile(across, (180, 1)), 0.05, pml_cells=15, compensated_index=(index, 0.0)).smatrix(ends)
        expected = -2 * math.pi / WAVELENGTH_UM * 6.0 * found.n_eff[0].real
        errors.append(abs(np.angle(found.values[1, 0] * np.exp(-1j * expected))))
    assert errors[1] < 0.2 * errors[0]


@pytest.mark.parametrize("index", [-1.0, 40.0])
def test_no_wave_of_such_an_index_fits_the_grid(index: float) -> None:
    with pytest.raises(InputError, match="compensated_index"):
        Simulation(np.ones((60, 60)), 0.05, compensated_index=(index, 0.0))


def test_unknown_names_and_empty_cross_sections_are_refused() -> None:
    with pytest.raises(InputError, match="mirrored"):
        Simulation(np.ones((60, 60)), absorber="upml")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="polarization"):
        cross_section(np.ones(8), 0.05, polarization="TE")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="shape"):
        cross_section(np.ones((8, 8)), 0.05)
    with pytest.raises(InputError, match="modes 0 to 0"):
        cross_section(line(0.2, 0.05), 0.05).beat_length_um()


@pytest.mark.parametrize("center_um, span_um, said", [(2.0, 0.05, "no cell's middle"), (9.0, 1.0, "not all between")])
def test_a_port_needs_a_cross_section(center_um: float, span_um: float, said: str) -> None:
    simulation = Simulation(np.tile(line(0.2, 0.05), (80, 1)), 0.05)
    with pytest.raises(InputError, match=said):
        simulation.modes(Port("in", "x", 1.5, center_um, span_um))
