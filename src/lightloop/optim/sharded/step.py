"""Steps on DTensors: every process steps its own part, and all of them leave out what is not finite in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, distributed

from lightloop.errors import InputError
from lightloop.optim.precision.state_formats import step_in_float32
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.matrix import is_sharded, matrices
from lightloop.optim.rules.methods import Method, choose_method
from lightloop.optim.rules.norms import finite_sum
from lightloop.optim.sharded.matrices import layout, local_part, placed_like
from lightloop.optim.sharded.parts import Groups, suffix
from lightloop.optim.sharded.state import fresh_state

# What there is a step on a part of a matrix for.
RULES = ("apollo",)
PROJECTIONS = ("gaussian", "rademacher", "sparse")
FORMATS = (None, "fp32", "bf16")

Entry = tuple[Tensor, dict[str, Any], str]


def matrix_step(rule: str, name: str, weight: Tensor, state: dict[str, Tensor], recipe: Recipe, ordinal: int) -> None:
    """One step on this process's part of a matrix, or of a stack of them; makes its state if there is none.

    Raises:
        InputError: The recipe asks for what has no step on a part.
    """
    _refuse("rule", rule, RULES)
    _refuse("compat", recipe.compat, (None,))
    _refuse("projection", recipe.projection, PROJECTIONS)
    _refuse("state_dtype", recipe.state_format, FORMATS)
    method = choose_method(rule, recipe)
    if not state:
        state.update(fresh_state(method, name, weight, recipe, ordinal))
    assert weight.grad is not None
    for matrix in matrices(name, weight, weight.grad, state):
        step_in_float32(method.matrix_step, matrix, recipe)


def rest_step(
    method: Method, weights: Sequence[Tensor], states: Sequence[dict[str, Any]], recipe: Recipe, names: Sequence[str]
) -> None:
    """`method.rest_step` on this process's parts; on tensors that are no DTensors as it is.

    Raises:
        InputError: The recipe asks for what has no step on a part.
    """
    _refuse("state_dtype", recipe.state_format, FORMATS)
    _refuse("rest", recipe.rest, ("adamw",))
    entries = list(zip(weights, states, names, strict=True))
    whole = [entry for entry in entries if not is_sharded(entry[0])]
    parts = _all_finite([_own_part(*entry) for entry in entries if is_sharded(entry[0])])
    for chosen in (whole, parts):
        if chosen:
            chosen_weights, chosen_states, chosen_names = zip(*chosen, strict=True)
            method.rest_step(chosen_weights, chosen_states, recipe, chosen_names)


def _own_part(weight: Tensor, state: dict[str, Any], name: str) -> tuple[Groups, Entry]:
    """The part of a weight, with its gradient and state, and the groups that hold the others."""
    offsets, groups = layout(weight, name)
    local = local_part(weight)
    assert weight.grad is not None
    local.grad = local_part(placed_like(weight, weight.grad))
    parts = {key: local_part(value) if isinstance(value, Tensor) else value for key, value in state.items()}
    return tuple(group for axis in groups for group in axis), (local, parts, f"{name}{suffix(offsets)}")


def _all_finite(parts: list[tuple[Groups, Entry]]) -> list[Entry]:
    """Those of which the gradient is finite in every process; asked at once for all that lie on the same processes."""
    kept = []
    for groups in dict.fromkeys(groups for groups, _ in parts):
        entries = [entry for theirs, entry in parts if theirs == groups]
        grads = [weight.grad for weight, _, _ in entries if weight.grad is not None]
        flags = torch.stack([torch.isfinite(finite_sum(grad)) for grad in grads]).int()
        for group in groups:
            distributed.all_reduce(flags, op=distributed.ReduceOp.MIN, group=group)
        kept += [entry for entry, finite in zip(entries, flags.tolist(), strict=True) if finite]
    return kept


def _refuse(option: str, value: Any, allowed: Sequence[Any]) -> None:
    if value not in allowed:
        raise InputError(
            f"{option}={value!r} has no step on tensors that are spread over processes (DTensors)",
            allowed=[repr(one) for one in allowed],
            hint="or train with DistributedDataParallel, where every process has whole tensors",
        )
