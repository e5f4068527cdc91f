"""AdamW for the tensors that are not projected, without a word from the host.

A gradient that is not finite is left out by the fused kernel itself, as gradients are that overflowed under a scaler.
Tensors that torch's kernel does not take, or that are kept in fewer bits, are stepped as in
`lightloop.optim.adamw.rest`, which reads one number of each back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lightloop.optim.adamw.factored import takes
from lightloop.optim.adamw.kernel import fusable, laid_like, torch_adamw
from lightloop.optim.adamw.rest import adamw_step, moment_format
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.norms import finite_sum

Entry = tuple[Tensor, dict[str, Any], str]


def rest_step(
    weights: Sequence[Tensor], states: Sequence[dict[str, Any]], recipe: Recipe, names: Sequence[str]
) -> None:
    """One step of `torch.optim.AdamW` on every tensor with a finite gradient."""
    others: list[Entry] = []
    for weight, state, name in zip(weights, states, names, strict=True):
        if _is_plain(weight, state, recipe):
            _fused_step(weight, state, recipe)
        else:
            others.append((weight, state, name))
    if others:
        other_weights, other_states, called = zip(*others, strict=True)
        adamw_step(other_weights, other_states, recipe, called)


def _is_plain(weight: Tensor, state: dict[str, Any], recipe: Recipe) -> bool:
    if not fusable(weight) or takes(weight, recipe):
        return False
    return moment_format(weight, recipe) is None or weight.dtype == torch.float32 == state["exp_avg"].dtype


def _fused_step(weight: Tensor, state: dict[str, Any], recipe: Recipe) -> None:
    assert weight.grad is not None
    grad = laid_like(weight, weight.grad)
    skip = torch.logical_not(torch.isfinite(finite_sum(grad))).to(torch.float32)
    torch_adamw([weight], [grad], [state], recipe, skip)
