"""The Pareto front holds exactly the designs that nothing dominates."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lightloop.search.pareto import pareto_front

costs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)), max_size=30)


def dominates(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


@given(costs)
def test_it_is_the_set_of_undominated_designs(designs: list[tuple[int, ...]]) -> None:
    front = pareto_front(designs)
    kept = {designs[index] for index in front}
    assert kept == {d for d in designs if not any(dominates(other, d) for other in designs)}
    assert len(kept) == len(front)  # of equal designs one
    assert [designs[i][0] for i in front] == sorted(designs[i][0] for i in front)


def test_designs_without_a_cost_are_left_out() -> None:
    assert pareto_front([(1.0, np.nan), (2.0, 1.0)]) == [1]
    assert pareto_front([]) == []
