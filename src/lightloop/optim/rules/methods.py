"""The ways of taking a step: an initial state, a step on one matrix, a step on the tensors left over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from lightloop.optim.adamw import rest as adamw
from lightloop.optim.on_device import adamw as on_device_adamw
from lightloop.optim.on_device import step as on_device
from lightloop.optim.on_device import triton_step
from lightloop.optim.projections import subspace
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules import compat, reference, subspace_steps
from lightloop.optim.rules.matrix import Matrix


class Method(NamedTuple):
    """One way of computing the step.

    `init_state(rows, columns, weight, recipe, ordinal)` is the state of one matrix; `ordinal` is the place of
    the tensor among all of the optimizer's, from 1. `rest_step(weights, states, recipe, names)`. `takes(weight,
    recipe)` is whether it can step that tensor, and `counts_on_device` where it wants the count of steps.
    """

    init_state: Callable[[int, int, Tensor, Recipe, int], dict[str, Tensor]]
    matrix_step: Callable[[Matrix, Recipe], None]
    rest_step: Callable[[Sequence[Tensor], Sequence[dict[str, Any]], Recipe, Sequence[str]], None]
    takes: Callable[[Tensor, Recipe], bool] = lambda weight, recipe: True
    counts_on_device: bool = False


# By rule and implementation.
METHODS = {
    ("apollo", "reference"): Method(reference.init_state, reference.apollo_step, adamw.adamw_step),
    ("galore", "reference"): Method(subspace.init_state, subspace_steps.galore_step, adamw.adamw_step),
    ("fira", "reference"): Method(subspace_steps.fira_state, subspace_steps.fira_step, adamw.adamw_step),
    ("apollo", "on-device"): Method(
        on_device.init_state, on_device.apollo_step, on_device_adamw.rest_step, on_device.takes, counts_on_device=True
    ),
    ("apollo", "triton"): Method(
        on_device.init_state,
        triton_step.apollo_step,
        on_device_adamw.rest_step,
        triton_step.takes,
        counts_on_device=True,
    ),
}
IMPLEMENTATIONS = ("reference", "on-device", "triton")
# What "auto" tries on each kind of device, before the reference; of other kinds, ELSEWHERE.
AUTOMATIC: dict[str, tuple[str, ...]] = {"cpu": (), "meta": (), "cuda": ("triton", "on-device")}
ELSEWHERE = ("on-device",)

PEERS = {
    "apollo-torch": Method(compat.init_state, compat.apollo_torch_step, compat.rest_step),
}


def choose_method(rule: str, recipe: Recipe, weight: Tensor | None = None) -> Method:
    """The method that a rule and a recipe name for a tensor; a peer's own takes precedence.

    The reference steps every tensor that the named implementation does not take, or if no tensor is given.
    """
    if recipe.compat is not None:
        return PEERS[recipe.compat]
    fallback = METHODS[rule, "reference"]
    if weight is None or recipe.implementation == "reference":
        return fallback
    automatic = recipe.implementation == "auto"
    wanted = AUTOMATIC.get(weight.device.type, ELSEWHERE) if automatic else (recipe.implementation,)
    if not wanted:
        return fallback
    methods = (METHODS.get((rule, name), fallback) for name in wanted)
    return next((method for method in methods if method.takes(weight, recipe)), fallback)
