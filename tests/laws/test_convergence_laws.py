"""What is said of an infinitely fine grid holds on finer ones."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest

from lightloop.errors import InputError
from lightloop.maxwell import Permittivity, Port, Simulation, SMatrix, converge
from lightloop.maxwell.convergence import extrapolate

CORE, CLADDING = 12.11, 2.0736
LENGTH_UM, HEIGHT_UM = 6.0, 4.0
# Of the powers of random devices, at the grids that `converge` takes if none are given.
HELD = 0.95
WIDEST = 0.04
# Of the error of the finest grid; 0.56 over 32 devices.
BETTER = 0.7


def device(seed: int, dl_um: float) -> tuple[np.ndarray, list[Port]]:
    """A box of silicon with up to four square holes, a guide at its left and two at its right."""
    draw = np.random.default_rng(seed)
    half_x, half_y = 0.1 * draw.integers(6, 14), 0.1 * draw.integers(6, 11)
    low, middle, high = (0.1 * draw.integers(*ends) for ends in ((-7, -3), (-3, 4), (3, 7)))
    x = (np.arange(round(LENGTH_UM / dl_um)) + 0.5) * dl_um - LENGTH_UM / 2
    y = (np.arange(round(HEIGHT_UM / dl_um)) + 0.5) * dl_um - HEIGHT_UM / 2
    eps_r = np.full((len(x), len(y)), CLADDING)
    eps_r[np.ix_(np.abs(x) < half_x, np.abs(y) < half_y)] = CORE
    for side, center in ((x < 0, middle), (x > 0, low), (x > 0, high)):
        eps_r[np.ix_(side, np.abs(y - center) < 0.2)] = CORE
    for left, bottom in 0.1 * draw.integers((-8, -6), (7, 5), (draw.integers(0, 5), 2)):
        eps_r[np.ix_((x > left) & (x < left + 0.2), (y > bottom) & (y < bottom + 0.2))] = CLADDING
    ports = [Port("in", "x", 1.3, HEIGHT_UM / 2 + middle, 1.2, "+")]
    for name, center in (("low", low), ("high", high)):
        ports.append(Port(name, "x", LENGTH_UM - 1.3, HEIGHT_UM / 2 + center, 0.7, "-"))
    return eps_r, ports


@cache
def smatrix(seed: int, polarization: str, dl_um: float) -> SMatrix:
    eps_r, ports = device(seed, dl_um)
    return Simulation(eps_r, dl_um, 1.55, polarization, round(0.75 / dl_um)).smatrix(ports)


def estimates(dl_um: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Powers of some devices, their bars, and how far they are from those of grids of 25 and 12.5 nm."""
    found, finer = (
        [converge(lambda one, of=of: smatrix(*of, one), steps) for of in product(range(3), ("Ez", "Hz"))]
        for steps in (dl_um, (0.025, 0.0125))
    )
    values, bars, truth = (
        np.array([getattr(one.power, name) for one in of])
        for of, name in ((found, "value"), (found, "error"), (finer, "value"))
    )
    assert all(np.all(np.abs(a.n_eff.value - b.n_eff.value) < a.n_eff.error) for a, b in zip(found, finer, strict=True))
    return values, bars, np.abs(values - truth)


@pytest.mark.parametrize("dl_um", [(0.05, 0.025), (0.1, 0.05, 0.025)], ids=str)
def test_bars_hold(dl_um: tuple[float, ...]) -> None:
    _, bars, off = estimates(dl_um)
    assert np.mean(off < bars) >= HELD
    assert off.mean() < bars.mean() < WIDEST


def test_an_extrapolated_power_is_nearer_than_that_of_its_finest_grid() -> None:
    values, _, off = estimates((0.05, 0.025))
    fine = np.array([np.abs(smatrix(*of, 0.025).values) ** 2 for of in product(range(3), ("Ez", "Hz"))])
    finer = np.array([np.abs(smatrix(*of, 0.0125).values) ** 2 for of in product(range(3), ("Ez", "Hz"))])
    assert values.shape == fine.shape
    assert off.mean() < BETTER * np.abs(fine - (4 * finer - fine) / 3).mean()


def test_quadratic_errors_are_taken_away_and_their_order_is_seen() -> None:
    dl = np.array([0.1, 0.05, 0.025])
    values = 0.3 + np.outer(dl**2, [2.0, -1.0])
    two, three = extrapolate(values[1:], 2.0), extrapolate(values, 2.0)
    assert two.value == pytest.approx(0.3) and three.value == pytest.approx(0.3)
    assert two.order is None and three.order == pytest.approx(2.0)


@pytest.mark.parametrize("order", [1.0, 1.5, 2.0, 3.0])
def test_the_bar_holds_errors_of_any_order_from_one_on(order: float) -> None:
    dl = np.array([0.1, 0.05, 0.025])
    for values in (0.3 + 5 * dl**order, 0.3 + 5 * dl[1:] ** order):
        found = extrapolate(values, 2.0)
        assert abs(found.value - 0.3) <= found.error * (1 + 1e-9)


def test_values_that_swing_are_known_no_better_than_their_last_step() -> None:
    found = extrapolate(np.array([[0.3, 0.1], [0.4, 0.2], [0.37, 0.4]]), 2.0)
    assert found.value == pytest.approx([0.36, 0.4 + 0.2 / 3]) and found.error == pytest.approx([0.03, 0.2])
    assert np.isnan(found.order[0]) and found.order[1] < 0


def test_cells_are_refined_as_they_are() -> None:
    (cells, ports), (finer, _) = device(0, 0.1), device(0, 0.05)
    coarse = Simulation(cells, 0.1, 1.55, "Hz", 7)
    halved, direct = coarse.refined(2), Simulation(finer, 0.05, 1.55, "Hz", 14)
    assert np.array_equal(halved.eps_r, finer)
    assert halved.smatrix(ports).values == pytest.approx(direct.smatrix(ports).values, abs=1e-9)
    assert coarse.converge(ports, halvings=2).dl_um == pytest.approx((0.1, 0.05, 0.025))
    assert coarse.dl_um == 0.1 and coarse.pml_cells == (7, 7)


def test_what_cannot_be_extrapolated_is_refused() -> None:
    for dl_um in ((0.05,), (0.025, 0.05), (0.1, 0.05, 0.04)):
        with pytest.raises(InputError, match="one ratio"):
            converge(lambda one: smatrix(0, "Ez", one), dl_um)
    cells = Permittivity.of_cells(device(0, 0.1)[0])
    with pytest.raises(InputError, match="shapes"):
        Simulation(cells, 0.1, pml_cells=7).refined()


def test_an_estimate_is_told_in_numbers() -> None:
    told = converge(lambda one: smatrix(0, "Ez", one), (0.1, 0.05, 0.025)).to_dict()
    assert told["dl_um"] == [0.1, 0.05, 0.025] and len(told["grids"]) == 3
    orders = np.ravel(np.array(told["power"]["order"], dtype=object))
    assert all(one is None or np.isfinite(one) for one in orders)
