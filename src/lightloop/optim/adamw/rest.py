"""AdamW for the tensors that are not projected: torch's own fused kernel, and its semantics.

A tensor whose gradient is not finite is left as it is, as a projected matrix is. What is kept in fewer bits than the
arithmetic goes through `lightloop.optim.adamw.strips`; the moments of a weight that is rounded stochastically are
float32, unless another format is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lightloop.optim.adamw import factored
from lightloop.optim.adamw.kernel import fusable, laid_like, step_device, torch_adamw
from lightloop.optim.adamw.strips import strip_step
from lightloop.optim.precision.rounding import is_rounded
from lightloop.optim.precision.state_formats import FORMATS, MOMENTS, format_for
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.norms import finite_sum


def init_state(weight: Tensor, recipe: Recipe) -> dict[str, Tensor]:
    """Both moments in the shape and dtype of the weight, as in `torch.optim.AdamW`; or as the recipe asks."""
    count = {"step": torch.zeros((), dtype=torch.float32, device=step_device(weight))}
    if factored.takes(weight, recipe):
        return count | factored.init_moments(weight)
    kept = moment_format(weight, recipe)
    if kept is not None:
        return count | FORMATS[kept].zeros(weight)
    return count | {key: torch.zeros_like(weight, memory_format=torch.preserve_format) for key in MOMENTS}


def adamw_step(
    weights: Sequence[Tensor], states: Sequence[dict[str, Any]], recipe: Recipe, names: Sequence[str]
) -> None:
    """One step of `torch.optim.AdamW` on every tensor with a finite gradient."""
    every = list(zip(weights, states, names, strict=True))
    finite = _finite([weight.grad for weight in weights if weight.grad is not None])
    whole: list[tuple[Tensor, dict[str, Any]]] = []
    for weight, state, name in (entry for entry, is_finite in zip(every, finite, strict=True) if is_finite):
        if factored.takes(weight, recipe):
            factored.factored_step(weight, state, recipe, name)
        elif moment_format(weight, recipe) is None or _is_float32(weight, state):
            whole.append((weight, state))
        else:
            strip_step(weight, state, recipe, name)
    for fused in (True, False):
        alike = [(weight, state) for weight, state in whole if fusable(weight) is fused]
        if alike:
            grads = [laid_like(weight, weight.grad) for weight, _ in alike if weight.grad is not None]
            torch_adamw([weight for weight, _ in alike], grads, [state for _, state in alike], recipe)


def moment_format(weight: Tensor, recipe: Recipe) -> str | None:
    """The format of the moments of a tensor that is not projected; None for the dtype of the weight."""
    if not weight.is_floating_point() or recipe.compat is not None:
        return None
    wanted = "int8" if recipe.rest == "adamw-8bit" else recipe.state_format
    return format_for(weight, wanted or ("fp32" if is_rounded(weight, recipe) else None))


def _is_float32(weight: Tensor, state: dict[str, Any]) -> bool:
    return weight.dtype == torch.float32 == state["exp_avg"].dtype


def _finite(grads: list[Tensor]) -> list[bool]:
    """Whether each gradient is finite; all answers are read back at once."""
    probes = [_probe(grad) for grad in grads]
    return torch.stack([torch.isfinite(probe).to(probes[0].device) for probe in probes]).tolist() if probes else []


def _probe(grad: Tensor) -> Tensor:
    """A number that is not finite if the gradient is not.

    On a CPU the sum of squares is read faster than the sum; it takes a gradient for infinite that is longer than 1e19,
    whose second moment would be.
    """
    if grad.is_cpu and grad.dtype == torch.float32 and grad.is_contiguous():
        flat = grad.view(-1)
        return torch.dot(flat, flat)
    return finite_sum(grad)
