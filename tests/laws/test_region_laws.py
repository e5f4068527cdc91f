"""A region whose surroundings were eliminated once is the whole grid, to rounding."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from numpy.random import default_rng

from lightloop.maxwell.gradients.adjoint import Scattering
from lightloop.maxwell.gradients.region import Region
from lightloop.maxwell.permittivity import Permittivity
from lightloop.maxwell.ports import Port
from lightloop.maxwell.simulation import Simulation
from lightloop.maxwell.solvers.fronts import Box
from lightloop.maxwell.solvers.inset import Inset
from lightloop.maxwell.solvers.inset import factorize as factorize_inset
from lightloop.maxwell.solvers.nested import factorize
from lightloop.maxwell.solvers.surroundings import Surroundings
from lightloop.maxwell.stencil import Stencil

# Of fields: rounding, and what fronts near resonance make of it; some 1e-13 is found.
SAME = 1e-9
# Of well-conditioned random operators.
ROUNDING = 1e-11
CORE, CLADDING = 12.11, 2.0736
SHAPE = (80, 64)
PORTS = [Port("in", "x", 1.0, 1.6, 1.8, "+"), Port("out", "x", 3.0, 1.6, 1.8, "-")]
# In the middle, one cell, one row into an absorbing layer, and over the whole height beside the edges of the grid.
PLACES = {
    "middle": (slice(30, 50), slice(20, 44)),
    "cell": (slice(40, 41), slice(30, 31)),
    "row": (slice(28, 52), slice(5, 6)),
    "strip": (slice(36, 43), slice(1, 63)),
}
polarizations = pytest.mark.parametrize("polarization", ["Ez", "Hz"])


def guide(loss: float = 0.0) -> np.ndarray:
    eps_r = np.full(SHAPE, CLADDING - 1j * loss if loss else CLADDING)
    eps_r[:, 27:37] = CORE
    return eps_r


def simulation(eps_r: np.ndarray | Permittivity, polarization: Literal["Ez", "Hz"]) -> Simulation:
    return Simulation(eps_r, 0.05, 1.55, polarization, 10)


def cells(x: slice, y: slice, seed: int = 0, loss: float = 0.2) -> np.ndarray:
    random = default_rng(seed)
    size = (x.stop - x.start, y.stop - y.start)
    return 2.0 + 10.0 * random.random(size) - 1j * loss * random.random(size)


@polarizations
@pytest.mark.parametrize("place", PLACES)
def test_a_region_scatters_as_the_whole_grid_does(polarization: Literal["Ez", "Hz"], place: str) -> None:
    x, y = PLACES[place]
    region = Region(simulation(guide(), polarization), PORTS, x, y)
    for seed, loss in enumerate([0.2, 0.0]):
        whole = guide().astype(complex)
        whole[x, y] = cells(x, y, seed, loss)
        other = simulation(whole, polarization)
        assert np.allclose(region(whole[x, y]).numpy(), other.smatrix(PORTS).values, rtol=0, atol=SAME)
        assert all(map(np.array_equal, region.permittivity(whole[x, y]), other.permittivity))


@polarizations
@pytest.mark.parametrize("place", PLACES)
def test_its_fields_are_those_of_the_whole_grid(polarization: Literal["Ez", "Hz"], place: str) -> None:
    x, y = PLACES[place]
    region = Region(simulation(guide(loss=0.1), polarization), PORTS, x, y)
    fields, other = region.fields(cells(x, y)), simulation(region.permittivity(cells(x, y)), polarization)
    for number, port in enumerate(PORTS):
        expected = other.excite(port).components[polarization.lower()]
        assert np.linalg.norm(fields[..., number] - expected) < SAME * np.linalg.norm(expected)


@polarizations
@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_its_gradient_is_that_of_the_whole_grid(polarization: Literal["Ez", "Hz"], loss: float) -> None:
    x, y = PLACES["middle"]
    sim = simulation(guide(), polarization)
    inner = torch.tensor(cells(x, y, loss=loss), requires_grad=True)
    outer = torch.tensor(guide().astype(complex))
    outer[x, y] = inner
    gradients = []
    for s in (Region(sim, PORTS, x, y)(inner), Scattering(sim, PORTS)(outer)):
        inner.grad = None
        (s[1, 0].abs() ** 2 + s[0, 0].real).backward(inputs=[inner])
        assert inner.grad is not None
        gradients.append(inner.grad.numpy())
    assert np.linalg.norm(gradients[0] - gradients[1]) < SAME * np.linalg.norm(gradients[1])


@polarizations
def test_a_region_takes_components_of_the_permittivity(polarization: Literal["Ez", "Hz"]) -> None:
    x, y = PLACES["middle"]
    (width, height), random = (20, 24), default_rng(3)
    inner = Permittivity(
        *(2.0 + random.random(size) for size in ((width, height), (width, height + 1), (width + 1, height)))
    )
    region = Region(simulation(guide(), polarization), PORTS, x, y)
    whole = simulation(region.permittivity(inner), polarization)
    assert np.allclose(region(inner).numpy(), whole.smatrix(PORTS).values, rtol=0, atol=SAME)


def test_a_gradient_waits_for_its_turn() -> None:
    """Others may be computed between a value and its gradient."""
    x, y = PLACES["middle"]
    region = Region(simulation(guide(), "Hz"), PORTS, x, y)
    eps_r = torch.tensor(cells(x, y).real, requires_grad=True)
    at_once = torch.autograd.grad(region(eps_r)[1, 0].abs(), eps_r)[0]
    first = region(eps_r)[1, 0].abs()
    region(cells(x, y, seed=1))
    assert torch.equal(torch.autograd.grad(first, eps_r)[0], at_once)


@pytest.mark.parametrize(
    "shape, origin", [((3, 3), (1, 1)), ((5, 9), (2, 1)), ((30, 17), (4, 5)), ((30, 17), (24, 11))]
)
def test_surroundings_and_a_box_are_the_grid(shape: tuple[int, int], origin: tuple[int, int]) -> None:
    """With right-hand sides everywhere around the box, and none in it."""
    random = default_rng(0)
    normal = lambda *size: random.standard_normal(size) + 1j * random.standard_normal(size)  # noqa: E731
    nx, ny = shape
    stencil = Stencil(normal(nx, ny) + 5.0, normal(nx + 1, ny), normal(nx, ny + 1))
    box = Box(min(5, nx - 1 - origin[0]), min(4, ny - 1 - origin[1]), frozenset())
    inside = (slice(origin[0], origin[0] + box.width), slice(origin[1], origin[1] + box.height))
    f = normal(nx, ny, 2)
    f[inside] = 0.0
    around = Surroundings(stencil, box, origin)
    rest, reduced = around.forward(f)
    system = Inset(
        _cut(stencil, inside),
        around.on_ring,
        tuple(place + 1 - at for place, at in zip(around.ring, origin, strict=True)),
    )
    local = np.zeros((*system.shape, 2), dtype=complex)
    local[system.ring] = reduced
    found = factorize_inset(system).solve(local)
    u = np.zeros_like(f)
    around.backward(rest, found[system.ring], u)
    u[inside] = found[1:-1, 1:-1]
    expected = factorize(stencil).solve(f)
    assert np.linalg.norm(u - expected) < ROUNDING * np.linalg.norm(expected)


def test_a_region_that_is_a_cavity_at_resonance_is_solved_by_another_solver() -> None:
    """Fronts without an inverse, and ones with a very large one: all of them zero but for rounding."""
    random = default_rng(0)
    for small in (0.0, 1e-15):
        coupling = random.standard_normal((10, 9)), random.standard_normal((9, 10))
        stencil = Stencil(np.full((9, 9), small), *coupling)
        box, ring = Box(7, 7, frozenset()), 28
        on_ring = random.standard_normal((ring, ring)) + 1j * random.standard_normal((ring, ring))
        system = Inset(stencil, on_ring + on_ring.T, tuple(np.array(box.ring()).T + 1))
        f = np.zeros((9, 9, 2), dtype=complex)
        f[system.ring] = random.standard_normal((ring, 2))
        u = factorize_inset(system).solve(f)
        assert np.linalg.norm(system.apply(u) - f) < SAME * np.linalg.norm(f)


def _cut(stencil: Stencil, inside: tuple[slice, slice]) -> Stencil:
    """The rectangle and its ring."""
    x, y = (slice(one.start - 1, one.stop + 1) for one in inside)
    return Stencil(
        stencil.diagonal[x, y], stencil.across_x[x.start : x.stop + 1, y], stencil.across_y[x, y.start : y.stop + 1]
    )
