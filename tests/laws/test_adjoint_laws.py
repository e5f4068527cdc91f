"""Gradients of scattering and fields against differences of plain simulations, and what physics says of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product

import numpy as np
import pytest
import torch
from numpy.random import default_rng
from torch import Tensor
from torch.autograd import gradcheck

from lightloop.maxwell.geometry.coverage import permittivity_of
from lightloop.maxwell.gradients.adjoint import FieldOf, Scattering
from lightloop.maxwell.gradients.objectives import OfField, OfScattering, Transmission
from lightloop.maxwell.permittivity import Permittivity
from lightloop.maxwell.ports import Port
from lightloop.maxwell.simulation import Simulation

# Rounding of the solver and of differences leaves less than this.
DIFFERENCES = 1e-5
# Of differences of fourth order: h⁴ of ε_r around 5 to 12, and rounding of some 1e-13 over h.
STEP = 0.02
# Shorter, as averages over cells have kinks in their second derivative where an outline meets a corner of a cell.
STEP_UM = 1e-5
PIXELS = 20
ROUNDING = 1e-10
# A port's span ends where the guided field is some 1e-3 of its peak.
RECIPROCITY = 1e-3
POLARIZATIONS = ["Ez", "Hz"]
DL_UM, WAVELENGTH_UM, LAYERS = 0.05, 1.55, 8
SHAPE = (64, 52)
CORE, CLADDING = 12.11, 2.0736
DEVICE = (slice(24, 40), slice(16, 36))
PORTS = [Port("in", "x", 0.7, 1.3, 1.7, "+"), Port("out", "x", 2.6, 1.3, 1.7, "-")]


def eps_of(lossy: bool) -> np.ndarray:
    """A guide through a box of random cells, 3.2 x 2.6 um."""
    random = default_rng(0)
    eps_r = np.full(SHAPE, CLADDING, dtype=complex if lossy else float)
    eps_r[:, 21:31] = CORE
    size = eps_r[DEVICE].shape
    eps_r[DEVICE] = 2.0 + 10.0 * random.random(size) - (0.3j * random.random(size) if lossy else 0.0)
    return eps_r


def simulation(eps_r: object, polarization: str) -> Simulation:
    return Simulation(eps_r, DL_UM, WAVELENGTH_UM, polarization, LAYERS)


def differences(function: Callable[[float], float], step: float = STEP) -> float:
    """The derivative at 0, to fourth order."""
    near, far = (function(one) - function(-one) for one in (step, 2 * step))
    return (8 * near - far) / (12 * step)


def transmitted(eps_r: object, polarization: str) -> float:
    return float(abs(simulation(eps_r, polarization).smatrix(PORTS).values[1, 0]) ** 2)


@pytest.mark.parametrize("lossy", [False, True], ids=["lossless", "lossy"])
@pytest.mark.parametrize("polarization", POLARIZATIONS)
def test_the_gradient_is_what_differences_say(polarization: str, lossy: bool) -> None:
    eps_r = eps_of(lossy)
    gradient = simulation(eps_r, polarization).gradient(Transmission(PORTS, out="out", into="in"))
    random = default_rng(1)
    for x, y in zip(random.integers(24, 40, PIXELS), random.integers(16, 36, PIXELS), strict=True):

        def changed(by: float, x: int = x, y: int = y) -> float:
            other = eps_r.copy()
            other[x, y] += by
            return transmitted(other, polarization)

        assert gradient[x, y] == pytest.approx(differences(changed), rel=DIFFERENCES)


@pytest.mark.parametrize("polarization", POLARIZATIONS)
def test_the_gradient_in_the_losses_is_what_differences_say(polarization: str) -> None:
    """Of a real number F the gradient in ε = a + jb is ∂F/∂a + j ∂F/∂b."""
    eps_r = torch.tensor(eps_of(lossy=True), requires_grad=True)
    (abs(Scattering(simulation(eps_of(lossy=True), polarization), PORTS)(eps_r)[1, 0]) ** 2).backward()
    for x, y in ((33, 25), (38, 32)):

        def changed(by: float, x: int = x, y: int = y) -> float:
            other = eps_of(lossy=True)
            other[x, y] += 1j * by
            return transmitted(other, polarization)

        assert eps_r.grad[x, y].imag.item() == pytest.approx(differences(changed), rel=DIFFERENCES)


@pytest.mark.parametrize("polarization", POLARIZATIONS)
def test_a_change_of_a_cell_reaches_an_averaged_permittivity_as_that_of_a_cell(polarization: str) -> None:
    averaged = permittivity_of([np.array([[1.03, 0.71], [2.02, 0.82], [1.11, 1.84]])], [9.0], CLADDING, SHAPE, DL_UM)
    guide = Permittivity.of_cells(np.where(np.abs(np.arange(SHAPE[1]) - 25.5) < 5, 8.0, 0.0) + np.zeros(SHAPE))

    def with_change(by: float) -> Permittivity:
        change = np.zeros(SHAPE)
        change[30, 22] = by
        return Permittivity(*(sum(parts) for parts in zip(averaged, guide, Permittivity.of_cells(change), strict=True)))

    gradient = simulation(with_change(0.0), polarization).gradient(Transmission(PORTS, out="out", into="in"))
    found = differences(lambda by: transmitted(with_change(by), polarization))
    assert gradient[30, 22] == pytest.approx(found, rel=DIFFERENCES)


@cache
def taper_gradient(polarization: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dF/d vertices of the box in the middle of a guide, averaged over cells, and the vertices; F as of `all_of`."""
    guide = np.array([[0.0, 1.05], [3.2, 1.05], [3.2, 1.54], [0.0, 1.54]])
    box = np.array([[1.0317, 0.7123], [2.0241, 0.8179], [2.0689, 1.9346], [1.1127, 1.8411]])
    vertices = torch.tensor(box, requires_grad=True)
    eps_r = permittivity_of([torch.tensor(guide), vertices], [CORE, 9.0], CLADDING, SHAPE, DL_UM)
    sim = simulation(permittivity_of([guide, box], [CORE, 9.0], CLADDING, SHAPE, DL_UM), polarization)
    all_of(Scattering(sim, PORTS)(eps_r)).backward()
    assert vertices.grad is not None
    return vertices.grad.numpy(), guide, box


def all_of(s: Tensor) -> Tensor:
    return (s.abs() ** 2)[1, 0] + 0.5 * s[0, 0].real


@pytest.mark.parametrize("polarization", POLARIZATIONS)
def test_the_gradient_in_shapes_is_what_differences_say(polarization: str) -> None:
    gradient, guide, box = taper_gradient(polarization)
    for corner, axis in product(range(4), range(2)):

        def changed(by_um: float, corner: int = corner, axis: int = axis) -> float:
            moved = box.copy()
            moved[corner, axis] += by_um
            eps_r = permittivity_of([guide, moved], [CORE, 9.0], CLADDING, SHAPE, DL_UM)
            return float(all_of(torch.tensor(simulation(eps_r, polarization).smatrix(PORTS).values)))

        assert gradient[corner, axis] == pytest.approx(differences(changed, STEP_UM), rel=DIFFERENCES)


@pytest.mark.parametrize("polarization", POLARIZATIONS)
def test_the_power_of_a_current_changes_as_its_gradient_says(polarization: str) -> None:
    """Supplied is −1/(2ω · constant) Σ Im(u* f); radiated and absorbed add up to it, so that one gradient is all."""
    eps_r, current = eps_of(lossy=True), np.zeros(SHAPE)
    current[35, 28] = 1e12
    sim = simulation(eps_r, polarization)
    f = torch.tensor(sim.right_hand_side(current))
    supplied = OfField(current, lambda u: (u.conj() * f).sum().imag)
    gradient = sim.gradient(supplied)
    scale = sim.solve(current).power_balance.supplied / float((FieldOf(sim, current)(eps_r).conj() * f).sum().imag)
    for x, y in ((35, 30), (29, 22)):

        def changed(by: float, x: int = x, y: int = y) -> float:
            other = eps_r.copy()
            other[x, y] += by
            balance = simulation(other, polarization).solve(current).power_balance
            return balance.radiated + balance.absorbed

        assert scale * gradient[x, y] == pytest.approx(differences(changed), rel=DIFFERENCES)


@pytest.mark.parametrize("polarization", POLARIZATIONS)
def test_a_change_does_the_same_to_both_directions(polarization: str) -> None:
    sim = simulation(eps_of(lossy=False), polarization)
    there, back = (sim.gradient(Transmission(PORTS, *names)) for names in (("out", "in"), ("in", "out")))
    assert np.abs(there - back)[DEVICE].max() < RECIPROCITY * np.abs(there).max()


@pytest.mark.parametrize("polarization", POLARIZATIONS)
@pytest.mark.parametrize("bloch_rad", [(None, None), (None, 0.0), (0.7, None), (0.7, -0.4)], ids=str)
def test_every_derivative_of_a_field_is_exact(polarization: str, bloch_rad: tuple[float | None, float | None]) -> None:
    """Also where the operator is not symmetric, and in the cells at the ends of the grid."""
    random = default_rng(2)
    eps_r = 2.0 + random.random((5, 4)) - 0.1j * random.random((5, 4))
    layers = tuple(0 if phase is not None else 1 for phase in bloch_rad)
    sim = Simulation(eps_r, 0.1, WAVELENGTH_UM, polarization, layers, bloch_rad=bloch_rad)
    field = FieldOf(sim, random.standard_normal((5, 4)))
    scale = 1.0 / float(field(eps_r).abs().max())
    assert gradcheck(lambda eps: scale * field(eps), torch.tensor(eps_r, requires_grad=True))
    assert gradcheck(lambda eps: scale * field(eps), torch.tensor(eps_r.real, requires_grad=True))


@pytest.mark.parametrize("polarization", POLARIZATIONS)
def test_scattering_is_that_of_the_simulation(polarization: str) -> None:
    eps_r = eps_of(lossy=True)
    found = Scattering(simulation(eps_of(lossy=False), polarization), PORTS)(eps_r).numpy()
    assert np.allclose(found, simulation(eps_r, polarization).smatrix(PORTS).values, atol=ROUNDING)


def test_the_gradient_of_a_sum_is_the_sum_of_gradients() -> None:
    sim = simulation(eps_of(lossy=False), "Hz")
    one, other = Transmission(PORTS, "out", "in"), Transmission(PORTS, "in", "in")
    both = OfScattering(PORTS, lambda s: (s[:, 0].abs() ** 2).sum())
    assert np.allclose(sim.gradient(both), sim.gradient(one) + sim.gradient(other), atol=ROUNDING)
