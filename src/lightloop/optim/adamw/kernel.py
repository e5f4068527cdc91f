"""torch's own AdamW kernel on lists of tensors, and which tensors it takes in one fused pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from lightloop.optim.recipe import Recipe

FUSED_DEVICES = ("cpu", "cuda")


class Rates(NamedTuple):
    """The numbers of AdamW, for optimizers whose groups are no `Recipe`."""

    lr: float
    beta1: float
    beta2: float
    eps: float
    weight_decay: float

    @classmethod
    def of(cls, group: Mapping[str, Any]) -> Rates:
        """Those of a parameter group."""
        beta1, beta2 = group["betas"]
        return cls(float(group["lr"]), beta1, beta2, group["eps"], group["weight_decay"])


def fusable(weight: Tensor) -> bool:
    """Whether torch has a fused AdamW for this tensor."""
    return weight.device.type in FUSED_DEVICES and weight.is_floating_point()


def step_device(weight: Tensor) -> torch.device:
    """Where the count of steps lives: beside the weight for the fused kernel, else on the host."""
    return weight.device if fusable(weight) else torch.device("cpu")


def laid_like(weight: Tensor, grad: Tensor) -> Tensor:
    """The gradient in the weight's memory layout: torch's fused kernel pairs elements by their place in memory."""
    return grad if grad.stride() == weight.stride() else torch.empty_like(weight).copy_(grad)


def torch_adamw(
    weights: list[Tensor],
    grads: list[Tensor],
    states: list[dict[str, Any]],
    rates: Recipe | Rates,
    skip: Tensor | None = None,
) -> None:
    """One step of `torch.optim.AdamW`; the tensors must be alike in what `fusable` says of them.

    `skip` is for the fused kernel: a float32 scalar on the device, which is 1 where no step shall be taken.
    """
    adamw(
        weights,
        grads,
        [state["exp_avg"] for state in states],
        [state["exp_avg_sq"] for state in states],
        [],
        [state["step"] for state in states],
        fused=fusable(weights[0]),
        found_inf=skip,
        has_complex=any(weight.is_complex() for weight in weights),
        amsgrad=False,
        beta1=rates.beta1,
        beta2=rates.beta2,
        lr=rates.lr,
        weight_decay=rates.weight_decay,
        eps=rates.eps,
        maximize=False,
    )
