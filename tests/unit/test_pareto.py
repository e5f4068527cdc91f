"""The Pareto front holds exactly the designs that nothing dominates, however many there are and however they lie."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightloop.errors import InputError
from lightloop.search.pareto import pareto_front

MILLION = 10**6
BAR_CPU_S = 3.0  # a million designs by three objectives on one core


def dominates(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((a <= b).all() and (a < b).any())


def brute_force(costs: np.ndarray) -> list[int]:
    """By the definition: not dominated, the first of equals, sorted by cost."""
    known = [i for i in range(len(costs)) if not np.isnan(costs[i]).any()]
    kept = [i for i in known if not any(dominates(costs[j], costs[i]) for j in known)]
    first = [i for i in kept if not any((costs[j] == costs[i]).all() for j in kept if j < i)]
    return sorted(first, key=lambda i: tuple(costs[i]))


def scattered(rng: np.random.Generator, designs: int, objectives: int) -> np.ndarray:
    return rng.random((designs, objectives))


def on_a_sphere(rng: np.random.Generator, designs: int, objectives: int) -> np.ndarray:
    """None beats another, but for the noise."""
    directions = np.abs(rng.standard_normal((designs, objectives)))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True) + 0.01 * rng.random((designs, objectives))


def on_a_coarse_grid(rng: np.random.Generator, designs: int, objectives: int) -> np.ndarray:
    """Many equal costs in each objective, few equal designs."""
    coarse = rng.integers(0, 30, (designs, objectives)).astype(float)
    coarse[:, -1] = 60 - coarse[:, :-1].sum(axis=1) + rng.integers(0, 3, designs)
    return coarse


def with_gaps(rng: np.random.Generator, designs: int, objectives: int) -> np.ndarray:
    costs = rng.integers(0, 9, (designs, objectives)).astype(float)
    costs[rng.random(costs.shape) < 0.05] = np.nan
    costs[rng.random(costs.shape) < 0.05] = np.inf
    costs[rng.random(costs.shape) < 0.01] = -np.inf
    return costs


SHAPES = (scattered, on_a_sphere, on_a_coarse_grid, with_gaps)

values = st.one_of(st.integers(0, 5).map(float), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0]))


@given(st.integers(1, 5).flatmap(lambda width: st.lists(st.tuples(*[values] * width), max_size=30)))
def test_it_is_the_set_of_undominated_designs(designs: list[tuple[float, ...]]) -> None:
    if not designs:
        assert pareto_front(designs) == []
        return
    assert pareto_front(designs) == brute_force(np.array(designs))


def by_blocks(costs: np.ndarray) -> list[int]:
    """Every design against every other, for thousands of them: `brute_force` with arrays."""
    known = ~np.isnan(costs).any(axis=1)
    kept = []
    for i in np.flatnonzero(known):
        no_worse = known & (costs <= costs[i]).all(axis=1)
        better = (costs[no_worse] < costs[i]).any()
        earlier_equal = (costs[no_worse & (np.arange(len(costs)) < i)] == costs[i]).all(axis=1).any()
        if not better and not earlier_equal:
            kept.append(int(i))
    return sorted(kept, key=lambda i: tuple(costs[i]))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("objectives", [2, 3, 4, 5])
def test_thinning_and_dividing_change_nothing(
    shape: Callable[[np.random.Generator, int, int], np.ndarray], objectives: int
) -> None:
    costs = shape(np.random.default_rng(objectives), 5000, objectives)  # enough to be thinned and divided
    assert pareto_front(costs) == by_blocks(costs)


def test_the_front_of_a_front_and_a_rest_is_the_front_of_all() -> None:
    costs = on_a_sphere(np.random.default_rng(0), 3000, 3)
    half = pareto_front(costs[:1500])
    together = np.concatenate([np.array(half), np.arange(1500, 3000)])
    assert [int(together[i]) for i in pareto_front(costs[together])] == pareto_front(costs)


def test_of_equal_designs_the_first_stays() -> None:
    assert pareto_front([(2.0, 2.0), (1.0, 3.0), (1.0, 3.0), (2.0, 2.0)]) == [1, 0]
    assert pareto_front([(5.0,), (3.0,), (3.0,)]) == [1]


def test_designs_without_a_cost_are_left_out() -> None:
    assert pareto_front([(1.0, np.nan), (2.0, 1.0)]) == [1]
    assert pareto_front([(np.nan, np.nan)]) == []
    assert pareto_front([]) == []


def test_a_list_of_single_costs_is_no_table() -> None:
    with pytest.raises(InputError, match="shape"):
        pareto_front([1.0, 2.0])


def test_a_million_scattered_designs_take_seconds() -> None:
    costs = scattered(np.random.default_rng(0), MILLION, 3)
    began = time.process_time()
    front = pareto_front(costs)
    assert time.process_time() - began < BAR_CPU_S
    # Of n independent points in three dimensions about (ln n)^2 / 2 = 95 (Bentley et al., J. ACM 25, 536, 1978).
    assert 50 < len(front) < 200
    least = costs[front]
    assert all(not dominates(a, b) for a in least for b in least)
    sample = costs[:: MILLION // 500]
    assert all((least <= design).all(axis=1).any() for design in sample)
