"""AdamW for the tensors that are not projected: torch's own fused kernel, and its semantics.

A tensor whose gradient is not finite is left as it is, as a projected matrix is. A bfloat16 weight that is rounded
stochastically is widened a strip at a time, and its moments are float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from lightloop.optim.norms import STRIP_ELEMENTS
from lightloop.optim.recipe import Recipe
from lightloop.optim.rounding import is_rounded, writer

FUSED_DEVICES = ("cpu", "cuda")


def fusable(weight: Tensor) -> bool:
    """Whether torch has a fused AdamW for this tensor."""
    return weight.device.type in FUSED_DEVICES and weight.is_floating_point()


def step_device(weight: Tensor) -> torch.device:
    """Where the count of steps lives: beside the weight for the fused kernel, else on the host."""
    return weight.device if fusable(weight) else torch.device("cpu")


def init_state(weight: Tensor, recipe: Recipe) -> dict[str, Tensor]:
    """Both moments in the shape and dtype of the weight, as in `torch.optim.AdamW`; or in float32."""
    dtype = torch.float32 if is_rounded(weight, recipe) else weight.dtype
    return {
        "step": torch.zeros((), dtype=torch.float32, device=step_device(weight)),
        "exp_avg": torch.zeros_like(weight, dtype=dtype, memory_format=torch.preserve_format),
        "exp_avg_sq": torch.zeros_like(weight, dtype=dtype, memory_format=torch.preserve_format),
    }


def adamw_step(
    weights: Sequence[Tensor], states: Sequence[dict[str, Any]], recipe: Recipe, names: Sequence[str]
) -> None:
    """One step of `torch.optim.AdamW` on every tensor with a finite gradient."""
    every = list(zip(weights, states, names, strict=True))
    finite = _finite([weight.grad for weight in weights if weight.grad is not None])
    kept = [entry for entry, is_finite in zip(every, finite, strict=True) if is_finite]
    for weight, state, name in kept:
        if is_rounded(weight, recipe):
            _rounded_step(weight, state, recipe, name)
    for fused in (True, False):
        whole = [(w, s) for w, s, _ in kept if fusable(w) is fused and not is_rounded(w, recipe)]
        if whole:
            grads = [_laid_like(weight, weight.grad) for weight, _ in whole if weight.grad is not None]
            _torch_adamw([weight for weight, _ in whole], grads, [state for _, state in whole], recipe)


def _rounded_step(weight: Tensor, state: dict[str, Any], recipe: Recipe, name: str) -> None:
    """The step in float32, a strip of rows at a time, and each strip rounded stochastically."""
    assert weight.grad is not None
    for moment in ("exp_avg", "exp_avg_sq"):
        state[moment] = state[moment].float()
    step = state["step"].clone()
    write = writer(weight, name, int(step.item()) + 1, recipe)
    length = weight.shape[0] if weight.ndim else 1
    rows = max(1, STRIP_ELEMENTS * length // max(1, weight.numel()))
    tensors = (weight, weight.grad, state["exp_avg"], state["exp_avg_sq"])
    for narrow, grad, m, v in zip(*(torch.atleast_1d(tensor).split(rows) for tensor in tensors), strict=True):
        wide = narrow.float()
        _torch_adamw(
            [wide], [_laid_like(wide, grad.float())], [{"exp_avg": m, "exp_avg_sq": v, "step": step.clone()}], recipe
        )
        write(narrow, wide)
    state["step"].add_(1)


def _laid_like(weight: Tensor, grad: Tensor) -> Tensor:
    """The gradient in the weight's memory layout: torch's fused kernel pairs elements by their place in memory."""
    return grad if grad.stride() == weight.stride() else torch.empty_like(weight).copy_(grad)


def _torch_adamw(weights: list[Tensor], grads: list[Tensor], states: list[dict[str, Any]], recipe: Recipe) -> None:
    fused = fusable(weights[0])
    adamw(
        weights,
        grads,
        [state["exp_avg"] for state in states],
        [state["exp_avg_sq"] for state in states],
        [],
        [state["step"] for state in states],
        fused=fused,
        has_complex=any(weight.is_complex() for weight in weights),
        amsgrad=False,
        beta1=recipe.beta1,
        beta2=recipe.beta2,
        lr=recipe.lr,
        weight_decay=recipe.weight_decay,
        eps=recipe.eps,
        maximize=False,
    )


def _finite(grads: list[Tensor]) -> list[bool]:
    """Whether each gradient is finite, by its sum: a NaN or an infinity in it cannot cancel.

    The sums of all gradients are read back at once. Those of float16 are taken in float32, which they could
    overflow otherwise.
    """
    sums = [grad.sum(dtype=torch.float32 if grad.dtype == torch.float16 else None) for grad in grads]
    return torch.stack([torch.isfinite(total).to(sums[0].device) for total in sums]).tolist() if sums else []
