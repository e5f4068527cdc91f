"""Polygons on a grid: areas are exact, what is drawn decides and not how it is drawn, interfaces are second order."""

from __future__ import annotations

import math
from itertools import pairwise

import gdstk
import numpy as np
import pytest
import torch
from numpy.random import default_rng
from scipy.optimize import brentq
from scipy.sparse import diags
from scipy.sparse.linalg import eigsh

from lightloop.maxwell.geometry.coverage import area_fractions, permittivity_of
from lightloop.maxwell.geometry.outlines import signed_area
from lightloop.maxwell.geometry.shapes import rectangle, straight_path, strip
from lightloop.maxwell.modes import modes, section
from lightloop.maxwell.permittivity import Permittivity
from lightloop.maxwell.simulation import Simulation

CORE, CLADDING, WAVELENGTH_UM = 12.11, 2.0736, 1.55
K0_PER_UM = 2 * math.pi / WAVELENGTH_UM
# Sums of some 10^3 rounded numbers.
ROUNDING = 1e-11
# gdstk rounds to this many um.
PEER_UM = 1e-6
# The bar of a width swept in steps of a fifth of a cell of 25 nm.
N_EFF = 2e-3
ORDERS = (1.7, 2.3)
# Of k0 at 12.5 nm under 45 degrees; of it 0.6e-3 is the dispersion of the grid itself, (k dl)²/48.
SLANTED = 1e-3
# Central differences of steps of 1e-6 um in numbers of some 10^2, and what rounding leaves of those.
DIFFERENCES = 1e-6
STEP_UM = 1e-6


def star(seed: int, count: int = 40) -> np.ndarray:
    random = default_rng(seed)
    angle = np.sort(random.uniform(0, 2 * math.pi, count))
    radius = random.uniform(1, 2, count)
    return np.stack([3 + radius * np.cos(angle), 2.5 + radius * np.sin(angle)], axis=1)


LINES_UM = np.linspace(0, 6, 17), np.linspace(0, 5, 12)


@pytest.mark.parametrize("seed", range(3))
def test_the_area_in_each_cell_is_that_of_the_polygon_clipped_to_it(seed: int) -> None:
    x, y = LINES_UM
    found = area_fractions(star(seed), x, y)
    for i, j in np.ndindex(found.shape):
        cell = gdstk.rectangle((x[i], y[j]), (x[i + 1], y[j + 1]))
        inside = gdstk.boolean(gdstk.Polygon(star(seed).tolist()), cell, "and", PEER_UM)
        expected = sum(part.area() for part in inside) / cell.area()
        assert found[i, j] == pytest.approx(expected, abs=10 * PEER_UM)


def test_fractions_add_up_to_the_area_whatever_the_sense_and_however_far_the_polygon_reaches() -> None:
    x, y = LINES_UM
    area = (x[1] - x[0]) * (y[1] - y[0])
    found = area_fractions(star(0), x, y)
    assert found.sum() * area == pytest.approx(signed_area(star(0)), rel=ROUNDING)
    assert np.allclose(area_fractions(star(0)[::-1], x, y), found, atol=ROUNDING)
    assert np.allclose(area_fractions(rectangle(-3, -3, 9, 2.5), x, y).sum() * area, 6 * 2.5)
    assert found.min() > -ROUNDING and found.max() < 1 + ROUNDING


def eps_of(*drawn: tuple[np.ndarray, complex], dl_um: float = 0.13) -> Permittivity:
    polygons, eps = zip(*drawn, strict=True)
    return permittivity_of(polygons, eps, CLADDING, (46, 39), dl_um)


def same(one: Permittivity, other: Permittivity) -> bool:
    return all(np.allclose(a, b, rtol=ROUNDING, atol=ROUNDING) for a, b in zip(one, other, strict=True))


def test_a_shape_in_two_pieces_is_the_shape() -> None:
    """They meet within cells, along a slanted line."""
    low, high = np.array([(1, 1), (2.9, 1), (2.1, 4), (1, 4)]), np.array([(2.9, 1), (5, 1), (5, 4), (2.1, 4)])
    assert same(eps_of((low, CORE), (high, CORE)), eps_of((rectangle(1, 1, 5, 4), CORE)))


def test_what_lies_below_another_shape_is_hidden() -> None:
    cover = (rectangle(1, 1, 5, 4), 6.0)
    assert same(eps_of((star(0) * 0.5 + 1.5, CORE), cover), eps_of(cover))


def test_a_shape_twice_is_the_shape() -> None:
    assert same(eps_of((star(1), CORE), (star(1), CORE)), eps_of((star(1), CORE)))
    assert same(eps_of((star(1), 3.0), (star(1)[::-1], CORE)), eps_of((star(1), CORE)))


def test_a_mirrored_drawing_has_the_mirrored_permittivity() -> None:
    dl, size = 0.13, 46 * 0.13
    one = eps_of((star(0), CORE), (rectangle(2, 0.5, 3.03, 4), 6.0), dl_um=dl)
    mirror = [(np.stack([size - vertices[:, 0], vertices[:, 1]], axis=1)) for vertices in (star(0),)]
    other = eps_of((mirror[0], CORE), (rectangle(size - 3.03, 0.5, size - 2, 4), 6.0), dl_um=dl)
    assert same(one, Permittivity(*(part[::-1] for part in other)))


def test_three_materials_in_a_cell_are_averaged_with_their_areas() -> None:
    drawn = [(rectangle(0.1, 0, 1, 1), 4.0), (rectangle(0.6, 0, 1, 1), 9.0 - 0.5j)]
    polygons, eps = zip(*drawn, strict=True)
    found = permittivity_of(polygons, eps, 1.0, (1, 1), 1.0).zz[0, 0]
    assert found == pytest.approx(0.1 * 1.0 + 0.5 * 4.0 + 0.4 * (9.0 - 0.5j))


def test_a_field_across_layers_sees_the_harmonic_mean_and_one_along_them_the_mean() -> None:
    """Both sides of a thin layer within one cell count, not their sum, which is no direction."""
    found = permittivity_of([rectangle(1.2, -1, 1.5, 4)], [CORE], CLADDING, (3, 3), 1.0)
    mean = 0.3 * CORE + 0.7 * CLADDING
    assert found.zz[1, 1] == pytest.approx(mean)
    assert found.xx[1, 1] == pytest.approx(1 / (0.3 / CORE + 0.7 / CLADDING))
    assert found.yy[1, 1] == pytest.approx(mean)
    turned = permittivity_of([rectangle(-1, 1.2, 4, 1.5)], [CORE], CLADDING, (3, 3), 1.0)
    assert (turned.xx[1, 1], turned.yy[1, 1]) == pytest.approx((found.yy[1, 1], found.xx[1, 1]))


@pytest.mark.parametrize("seed", range(4))
def test_shapes_over_one_another_are_seen_as_they_would_be_cut_out(seed: int) -> None:
    random = default_rng(seed)
    stars = [star(10 * seed + k, 12) + random.uniform(-1, 1, 2) for k in range(8)]
    eps = random.integers(2, 6, 8).astype(float)
    found = permittivity_of(stars, eps, 1.0, (60, 50), 0.1).zz
    cut_out = [
        gdstk.boolean(
            gdstk.Polygon(one.tolist()), [gdstk.Polygon(over.tolist()) for over in stars[k + 1 :]], "not", PEER_UM
        )
        for k, one in enumerate(stars)
    ]
    frame = gdstk.rectangle((0, 0), (6, 5))
    areas = [sum(part.area() for part in gdstk.boolean(parts, frame, "and", PEER_UM)) for parts in cut_out]
    assert (found - 1.0).sum() * 0.01 == pytest.approx(np.dot(eps - 1.0, areas), abs=100 * PEER_UM)
    assert found.min() > 1.0 - ROUNDING and found.max() < eps.max() + ROUNDING


def test_a_polygon_of_thousands_of_edges_keeps_its_area() -> None:
    angle = np.linspace(0, 2 * math.pi, 5000, endpoint=False)
    radius = 2 + 0.3 * np.sin(17 * angle) + 0.1 * np.cos(200 * angle)
    polygon = 2.5 + np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    found = permittivity_of([polygon], [CORE], CLADDING, (500, 500), 0.01).zz
    area_um2 = (found - CLADDING).sum() / (CORE - CLADDING) * 0.01**2
    assert area_um2 == pytest.approx(signed_area(polygon), rel=1e3 * ROUNDING)


def slab_index(polarization: str, width_um: float) -> float:
    """The root of k tan(k w/2) = q κ, q = 1 for Ez and ε1/ε2 for Hz, that has no node."""
    q = 1.0 if polarization == "Ez" else CORE / CLADDING

    def equation(n: float) -> float:
        across, outside = K0_PER_UM * math.sqrt(CORE - n * n), K0_PER_UM * math.sqrt(n * n - CLADDING)
        return across * math.sin(across * width_um / 2) - q * outside * math.cos(across * width_um / 2)

    lowest = math.sqrt(max(CLADDING, CORE - (math.pi / (K0_PER_UM * width_um)) ** 2))
    return brentq(equation, lowest + 1e-9, math.sqrt(CORE) - 1e-12, xtol=1e-13)


def grid_index(polarization: str, width_um: float, dl_um: float, shift_um: float = 0.0, axis: int = 0) -> float:
    across, middle = round(4.0 / dl_um), 2.0 + shift_um
    guide = rectangle(-1, middle - width_um / 2, 9, middle + width_um / 2)
    shape = (8, across)
    if axis == 1:
        guide, shape = guide[:, ::-1], (across, 8)
    eps = permittivity_of([guide], [CORE], CLADDING, shape, dl_um)
    simulation = Simulation(eps, dl_um, WAVELENGTH_UM, polarization, pml_cells=0)
    return modes(section(simulation.stencil, axis, 4, slice(None)), 1, simulation.k0_dl)[0].n_eff.real


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_a_width_swept_below_the_grid_moves_the_index_as_it_should(polarization: str, axis: int) -> None:
    widths = np.arange(0.500, 0.5501, 0.005)
    found = np.array([grid_index(polarization, width, 0.025, axis=axis) for width in widths])
    expected = np.array([slab_index(polarization, width) for width in widths])
    assert np.all(np.diff(found) > 0)
    assert np.all(np.abs(found - expected) < N_EFF)


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_a_guide_anywhere_between_the_points_of_the_grid_converges_to_second_order(polarization: str) -> None:
    """The error depends on where in their cells both interfaces are; its mean square over that does not."""
    places = [(one, other) for one in (np.arange(6) + 0.3) / 6 for other in (np.arange(6) + 0.7) / 6]

    def error(dl_um: float, shift: float, growth: float) -> float:
        width_um = 0.5 + growth * dl_um
        return grid_index(polarization, width_um, dl_um, shift * dl_um) - slab_index(polarization, width_um)

    errors = [math.sqrt(np.mean([error(dl, *place) ** 2 for place in places])) for dl in (0.05, 0.025, 0.0125)]
    assert errors[1] < N_EFF
    for coarse, fine in pairwise(errors):
        assert ORDERS[0] <= math.log2(coarse / fine) <= ORDERS[1]


def slanted_error(polarization: str, dl_um: float, *, averaged: bool) -> float:
    """Of the k0 at which a guide along the diagonal of a periodic grid has the propagation constant of 1.55 um."""
    side = 2.0
    count = round(side / dl_um)
    guides = [
        strip(straight_path((-side, shift - side), (4 * side, shift + 4 * side)), 0.5)
        for shift in side * np.arange(-3, 4)
    ]
    wide = permittivity_of(guides, [CORE] * 7, CLADDING, (3 * count, 3 * count), dl_um)
    one, more = slice(count, 2 * count), slice(count, 2 * count + 1)
    eps = Permittivity(wide.zz[one, one], wide.xx[one, more], wide.yy[more, one])
    if not averaged:
        eps = Permittivity.of_cells(np.where(eps.zz > (CORE + CLADDING) / 2, CORE, CLADDING), (True, True))
    phase = K0_PER_UM * slab_index(polarization, 0.5) * side / math.sqrt(2)
    simulation = Simulation(eps, dl_um, WAVELENGTH_UM, polarization, pml_cells=0, bloch_rad=(phase, phase))
    weight = diags(eps.zz.ravel() if polarization == "Ez" else np.ones(count**2)).tocsc()
    target = simulation.k0_dl**2
    curl = (weight * target - simulation.stencil.matrix()).tocsc()
    found = eigsh(curl, k=3, M=weight, sigma=target, return_eigenvectors=False)
    return abs(math.sqrt(found[np.argmin(abs(found - target))] / target) - 1)


@pytest.mark.parametrize("polarization", ["Ez", "Hz"])
def test_a_guide_at_45_degrees_is_better_than_its_staircase(polarization: str) -> None:
    found = slanted_error(polarization, 0.0125, averaged=True)
    assert found < SLANTED
    assert found < slanted_error(polarization, 0.0125, averaged=False)


def test_gradients_of_vertices_are_those_of_central_differences() -> None:
    """Two shapes of different materials that cross: the places where they do move with both."""
    random = default_rng(0)
    drawn = [star(0, 7) * 0.7 + 0.5, star(1, 9) * 0.7 + 0.9]
    weights = [random.standard_normal(shape) for shape in ((46, 39), (46, 40), (47, 39))]

    def summed(polygons: list) -> object:
        factor = torch.as_tensor if torch.is_tensor(polygons[0]) else np.asarray
        eps = permittivity_of(polygons, [CORE, 6.0], CLADDING, (46, 39), 0.11)
        return sum((part * factor(w)).sum() for part, w in zip(eps, weights, strict=True))

    tensors = [torch.tensor(one, requires_grad=True) for one in drawn]
    value = summed(tensors)
    assert value.item() == pytest.approx(summed(drawn), rel=ROUNDING)
    value.backward()
    for number, vertices in enumerate(drawn):
        scale = float(tensors[number].grad.abs().max())
        for place in np.ndindex(vertices.shape):
            moved = [[one.copy() for one in drawn] for _ in range(2)]
            for sign, copy in zip((1, -1), moved, strict=True):
                copy[number][place] += sign * STEP_UM
            expected = (summed(moved[0]) - summed(moved[1])) / (2 * STEP_UM)
            assert tensors[number].grad[place].item() == pytest.approx(expected, abs=DIFFERENCES * scale)
