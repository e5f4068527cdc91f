"""The direct solver against the equations it solves and against SuperLU, on grids of every shape and end."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.random import Generator, default_rng
from scipy.sparse.linalg import splu

from lightloop.maxwell.solvers.fronts import Box, front_of
from lightloop.maxwell.solvers.nested import factorize
from lightloop.maxwell.stencil import Stencil

# Rounding of well-conditioned random operators, whose diagonal is as large as their couplings together.
ROUNDING = 1e-11
SHAPES = [(1, 1), (2, 9), (30, 1), (1, 17), (5, 5), (17, 40), (40, 17), (63, 64)]
ENDS = list(product([None, 1.0, complex(np.exp(0.7j))], repeat=2))
EVERYWHERE = frozenset(range(4))


def complex_normal(random: Generator, *shape: int) -> np.ndarray:
    return random.standard_normal(shape) + 1j * random.standard_normal(shape)


def random_stencil(shape: tuple[int, int], bloch: tuple[complex | None, complex | None]) -> Stencil:
    random = default_rng(0)
    nx, ny = shape
    across_x, across_y = complex_normal(random, nx + 1, ny), complex_normal(random, nx, ny + 1)
    across_x[-1], across_y[:, -1] = across_x[0], across_y[:, 0]
    return Stencil(complex_normal(random, nx, ny) + 4.0, across_x, across_y, bloch)


@pytest.mark.parametrize("bloch", ENDS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_fields_solve_the_equations(shape: tuple[int, int], bloch: tuple[complex | None, complex | None]) -> None:
    stencil = random_stencil(shape, bloch)
    f = complex_normal(default_rng(1), *shape, 3)
    u = factorize(stencil).solve(f)
    assert np.linalg.norm(stencil.apply(u) - f) < ROUNDING * np.linalg.norm(f)


@pytest.mark.parametrize("bloch", ENDS, ids=str)
def test_the_operator_is_its_matrix_and_superlu_agrees(bloch: tuple[complex | None, complex | None]) -> None:
    stencil = random_stencil((23, 14), bloch)
    f = complex_normal(default_rng(1), 23, 14, 2)
    flat, matrix = f.reshape(-1, 2), stencil.matrix()
    assert np.allclose(matrix @ flat, stencil.apply(f).reshape(-1, 2), rtol=ROUNDING)
    expected = splu(matrix).solve(flat)
    assert np.linalg.norm(factorize(stencil).solve(f).reshape(-1, 2) - expected) < ROUNDING * np.linalg.norm(expected)


@pytest.mark.parametrize("bloch", ENDS, ids=str)
def test_the_transpose_is_the_operator_of_the_opposite_phase(bloch: tuple[complex | None, complex | None]) -> None:
    stencil = random_stencil((9, 7), bloch)
    assert np.allclose(stencil.matrix().toarray().T, stencil.transposed().matrix().toarray())
    assert stencil.symmetric == np.allclose(stencil.matrix().toarray(), stencil.matrix().toarray().T)


@pytest.mark.parametrize("width, height", [(4, 4), (9, 5), (5, 9), (17, 16)])
@pytest.mark.parametrize("walls", [frozenset(), frozenset({0}), frozenset({1, 3}), EVERYWHERE], ids=str)
def test_a_box_is_its_line_and_its_halves(width: int, height: int, walls: frozenset[int]) -> None:
    """Every point is eliminated once, and every point of a half's ring is on the line or on the larger ring."""
    box = Box(width, height, walls)
    front, ring = front_of(box), box.ring()
    points = list(front.points)
    for half in front.halves:
        points += [
            (x + half.origin[0], y + half.origin[1]) for x, y in product(range(half.box.width), range(half.box.height))
        ]
        own = [(x + half.origin[0], y + half.origin[1]) for x, y in half.box.ring()]
        line = list(front.points)[:: -1 if half.reverse else 1]
        assert own[: len(line)] == line
        for of_half, of_ring in half.runs:
            assert own[of_half] == ring[of_ring]
        assert sum(of_half.stop - of_half.start for of_half, _ in half.runs) == len(own) - len(line)
    assert sorted(points) == sorted(product(range(width), range(height)))
