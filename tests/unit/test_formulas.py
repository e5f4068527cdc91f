"""Machine files compute, and can do nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from lightloop.accelerator.formulas import amounts, formula
from lightloop.errors import InputError


def test_a_formula_is_evaluated_over_names_with_dots() -> None:
    assert formula("mzm.energy * ceil(n / width)")({"mzm.energy": 2.0, "n": 5, "width": 2}) == 6.0


def test_one_formula_serves_one_design_and_many() -> None:
    text = "where(n > 4, log2(max(n, 2)), ceil(n / 3))"
    many = formula(text)({"n": np.array([1.0, 4.0, 8.0])})
    assert many.tolist() == [formula(text)({"n": n}) for n in (1.0, 4.0, 8.0)]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "(1).__class__",
        "a.b.c",
        "[x for x in y]",
        "lambda: 1",
        "open('f')",
        "'text'",
        "x if y else z",
        "ceil(n, key=1)",
        "1 +",
        "x" * 600,
    ],
)
def test_anything_but_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        formula(text)({"a": 1.0, "x": 1.0, "y": 1.0, "z": 1.0, "n": 1.0})


def test_a_tower_of_powers_overflows_at_once() -> None:
    with pytest.raises(InputError, match="no value"):
        formula("9 ** 9 ** 9 ** 9")({})


def test_a_value_that_is_none_is_told_with_its_place_and_its_formula_once() -> None:
    for text, says in (("1 / (n - 2)", "has no value here"), ("1 - n", "comes out as -1"), ("n +", "cannot be read")):
        with pytest.raises(InputError) as caught:
            amounts({"good": "n", "dac": text}, {"n": 2}, "area of")
        message = str(caught.value)
        assert says in message
        assert message.count(text) == 1
        assert "<unknown>" not in message
        assert "area of dac" in message or "cannot be read" in says


def test_a_misspelt_quantity_names_the_nearest_one() -> None:
    with pytest.raises(InputError, match="did you mean 'width'"):
        formula("2 * widht")({"width": 3, "height": 4})


def test_the_extreme_of_three_arrays_is_that_of_all_three_and_leaves_them_as_they_are() -> None:
    a, b, c = np.array([[1.0], [5.0]]), np.array([[2.0], [2.0]]), np.array([[9.0], [0.0]])
    quantities = {"a": a, "b": b, "c": c}
    assert formula("max(a, b, c)")(quantities).ravel().tolist() == [9.0, 5.0]
    assert formula("min(a, b, c)")(quantities).ravel().tolist() == [1.0, 0.0]
    assert c.ravel().tolist() == [9.0, 0.0]
