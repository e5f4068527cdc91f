"""Every solver that is installed gives the same field; the choice is said."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from lightloop.errors import InputError, MissingProgramError
from lightloop.maxwell.simulation import Simulation
from lightloop.maxwell.solvers import pardiso
from lightloop.maxwell.solvers.registry import SOLVERS, choose, factorize
from lightloop.maxwell.stencil import Stencil

# Of fields: condition numbers near 1e4 times rounding.
SAME = 1e-10


def system(bloch: tuple[complex | None, complex | None] = (None, None)) -> tuple[Stencil, np.ndarray]:
    generator = np.random.default_rng(3)
    eps_r = generator.uniform(2.0, 12.0, (47, 36))
    phases = tuple(None if phase is None else float(-np.angle(phase)) for phase in bloch)
    stencil = Simulation(eps_r, 0.05, 1.55, "Ez", (10, 0) if any(bloch) else 10, bloch_rad=phases).stencil
    return stencil, generator.normal(size=(47, 36, 3)) + 0j


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("bloch", [(None, None), (None, np.exp(0.3j))])
def test_each_solver_solves(name: str, bloch: tuple[complex | None, complex | None]) -> None:
    if SOLVERS[name].missing():
        pytest.skip(str(SOLVERS[name].missing()))
    stencil, f = system(bloch)
    u = SOLVERS[name].factorize(stencil).solve(f)
    assert np.linalg.norm(stencil.apply(u) - f) <= SAME * np.linalg.norm(f)


def test_a_second_factor_with_the_same_pattern_does_not_disturb_the_first() -> None:
    for solver in SOLVERS.values():
        if solver.missing():
            continue
        stencil, f = system()
        first = solver.factorize(stencil)
        before = first.solve(f)
        solver.factorize(stencil._replace(diagonal=stencil.diagonal * 1.1)).solve(f)
        np.testing.assert_array_equal(first.solve(f), before)


def test_the_choice_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        factorize(system()[0])
    assert "solver nested, always there" in caplog.text


def resonant() -> tuple[Stencil, np.ndarray]:
    """9 x 9 points; a front of 3 x 3, with eigenvalues d + 2 cos(πi/4) + 2 cos(πk/4), has no inverse."""
    across = np.ones((10, 9)), np.ones((9, 10))
    stencil = Stencil(np.full((9, 9), 2.0 * np.sqrt(2.0) + 0j), *across)
    return stencil, np.random.default_rng(1).normal(size=(9, 9, 2)) + 0j


def test_a_cavity_at_resonance_within_the_grid_is_solved_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    stencil, f = resonant()
    u = factorize(stencil).solve(f)
    assert np.linalg.norm(stencil.apply(u) - f) <= SAME * np.linalg.norm(f)
    assert "superlu" in caplog.text or "another solver" in caplog.text


def test_a_solver_that_was_asked_for_gives_no_wrong_answer() -> None:
    stencil, f = resonant()
    with pytest.raises(InputError, match="cavity at resonance"):
        factorize(stencil, "nested").solve(f)


def test_a_singular_device_is_refused() -> None:
    across = np.ones((10, 9)), np.ones((9, 10))
    stencil = Stencil(np.full((9, 9), -4.0 * np.cos(np.pi / 10.0) + 0j), *across)
    with pytest.raises(InputError, match="cavity at resonance"):
        factorize(stencil).solve(np.ones((9, 9, 1), dtype=complex))


def test_an_unknown_solver_is_refused() -> None:
    with pytest.raises(InputError, match="nested"):
        choose("nestd")


def test_a_missing_solver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pardiso, "_library", lambda: None)
    with pytest.raises(MissingProgramError, match="pip install mkl"):
        choose("pardiso")
