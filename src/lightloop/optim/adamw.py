"""AdamW for the tensors that are not projected: torch's own fused kernel, and its semantics.

A tensor whose gradient is not finite is left as it is, as a projected matrix is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from lightloop.optim.recipe import Recipe

FUSED_DEVICES = ("cpu", "cuda")


def fusable(weight: Tensor) -> bool:
    """Whether torch has a fused AdamW for this tensor."""
    return weight.device.type in FUSED_DEVICES and weight.is_floating_point()


def step_device(weight: Tensor) -> torch.device:
    """Where the count of steps lives: beside the weight for the fused kernel, else on the host."""
    return weight.device if fusable(weight) else torch.device("cpu")


def init_state(weight: Tensor) -> dict[str, Tensor]:
    """Both moments in the shape and dtype of the weight, as in `torch.optim.AdamW`."""
    return {
        "step": torch.zeros((), dtype=torch.float32, device=step_device(weight)),
        "exp_avg": torch.zeros_like(weight, memory_format=torch.preserve_format),
        "exp_avg_sq": torch.zeros_like(weight, memory_format=torch.preserve_format),
    }


def adamw_step(weights: Sequence[Tensor], states: Sequence[dict[str, Any]], recipe: Recipe) -> None:
    """One step of `torch.optim.AdamW` on every tensor with a finite gradient."""
    for fused in (True, False):
        chosen = [pair for pair in zip(weights, states, strict=True) if fusable(pair[0]) is fused]
        finite = _finite([weight.grad for weight, _ in chosen if weight.grad is not None])
        kept = [pair for pair, is_finite in zip(chosen, finite, strict=True) if is_finite]
        if kept:
            _torch_adamw([weight for weight, _ in kept], [state for _, state in kept], recipe, fused)


def _torch_adamw(weights: list[Tensor], states: list[dict[str, Any]], recipe: Recipe, fused: bool) -> None:
    adamw(
        weights,
        [weight.grad for weight in weights if weight.grad is not None],
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
