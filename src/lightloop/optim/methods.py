"""The ways of taking a step: an initial state, a step on one matrix, a step on the tensors left over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from lightloop.optim import adamw, compat, reference
from lightloop.optim.matrix import Matrix
from lightloop.optim.recipe import Recipe


class Method(NamedTuple):
    """One way of computing the step.

    `init_state(rows, columns, weight, recipe, ordinal)` is the state of one matrix; `ordinal` is the place of
    the tensor among all of the optimizer's, from 1. `rest_step(weights, states, recipe, names)`.
    """

    init_state: Callable[[int, int, Tensor, Recipe, int], dict[str, Tensor]]
    matrix_step: Callable[[Matrix, Recipe], None]
    rest_step: Callable[[Sequence[Tensor], Sequence[dict[str, Any]], Recipe, Sequence[str]], None]


# By rule and implementation.
METHODS = {
    ("apollo", "reference"): Method(reference.init_state, reference.apollo_step, adamw.adamw_step),
}
IMPLEMENTATIONS = ("reference",)

PEERS = {
    "apollo-torch": Method(compat.init_state, compat.apollo_torch_step, compat.rest_step),
}


def choose_method(rule: str, recipe: Recipe) -> Method:
    """The method that a rule and a recipe name; a peer's own takes precedence."""
    if recipe.compat is not None:
        return PEERS[recipe.compat]
    return METHODS[rule, "reference" if recipe.implementation == "auto" else recipe.implementation]
