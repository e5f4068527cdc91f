"""What a search refuses, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightloop.errors import InputError
from lightloop.search import Outcome, Variable, optimiser, run_search

WIDTH = Variable("w", 1e-6, 1e-4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("w", 2.0, 1.0), "rising order"),
        (("w", 0.0, 1.0), "logarithmic scale cannot begin at 0"),
        (("w", 1.0, float("inf")), "rising order"),
        (("w", 0.2, 0.8, "linear", True), "no whole number"),
        (("w", 1.0, 2.0, "cubic"), "unknown scale"),
    ],
)
def test_bounds_that_make_no_range_are_refused(values: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Variable(*values)


def test_a_misspelt_method_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'cma'"):
        optimiser("cmaes", [WIDTH], seed=0, evaluations=1)


def test_a_search_without_variables_or_budget_is_refused() -> None:
    with pytest.raises(InputError, match="at least one variable"):
        optimiser("random", [], seed=0, evaluations=1)
    with pytest.raises(InputError, match="two variables are called 'w'"):
        optimiser("random", [WIDTH, WIDTH], seed=0, evaluations=1)
    with pytest.raises(InputError, match="at least one evaluation"):
        optimiser("random", [WIDTH], seed=0, evaluations=0)
    with pytest.raises(InputError, match="no value for w"):
        optimiser("random", [WIDTH], seed=0, evaluations=1, start={"l": 1e-6})


def test_points_that_were_not_asked_cannot_be_told() -> None:
    search = optimiser("random", [WIDTH], seed=0, evaluations=4)
    points = search.ask()
    with pytest.raises(InputError, match="not the points"):
        search.tell(points[:1], [Outcome(1.0)])
    with pytest.raises(InputError, match="4 points and 1 outcomes"):
        search.tell(points, [Outcome(1.0)])


def test_the_ledger_of_another_search_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"

    def run(variable: Variable, seed: int) -> None:
        search = optimiser("random", [variable], seed=seed, evaluations=4)
        run_search(search, lambda points: [Outcome(1.0) for _ in points], ledger=path)

    run(WIDTH, 0)
    with pytest.raises(InputError, match="ledger of another search"):
        run(Variable("w", 1e-6, 1e-3), 0)
    with pytest.raises(InputError, match="does not follow from this search"):
        run(WIDTH, 1)
    path.write_text("not JSON\n")
    with pytest.raises(InputError, match="not a readable ledger"):
        run(WIDTH, 0)
