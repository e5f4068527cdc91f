"""The norm of a gradient that is never there as a whole, and the same random numbers twice."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.linalg import vector_norm
from torch.nn.utils import clip_grads_with_norm_

from lightloop.errors import InputError

# Of the norms of two evaluations of one batch. Kernels that add in any order differ by some 1e-5 in bfloat16;
# another batch or another dropout mask by some percent.
REPEATABLE = 1e-2


def total_norm(weights: Iterable[Tensor], norms: Mapping[Tensor, Tensor]) -> Tensor:
    """The norm of all gradients from the norm of each, in the order of `weights`; 0 if there is none.

    These are the operations of `torch.nn.utils.clip_grad_norm_` in their order.
    """
    present = [norms[weight] for weight in weights if weight in norms]
    if not present:
        return torch.zeros(())
    return vector_norm(torch.stack([norm.to(present[0].device) for norm in present]))


def clip(weight: Tensor, max_norm: float, norm: Tensor) -> None:
    """Multiply the gradient of one tensor as `clip_grad_norm_` would, given the norm of all."""
    clip_grads_with_norm_([weight], max_norm, norm.to(weight.device))


def refuse_unrepeatable(first: Tensor, second: Tensor) -> None:
    """Raise `InputError` if two evaluations of a closure gave different gradients."""
    a, b = float(first), float(second)
    if math.isfinite(a) and not math.isclose(a, b, rel_tol=REPEATABLE):
        raise InputError(
            f"the closure gave gradients of norm {a:.6g}, and {b:.6g} when it was called again",
            hint="it must take the same batch both times; the step has been taken, clipped by the first norm",
        )


@dataclass(frozen=True)
class RandomState:
    """The states of torch's own generators on the host and on some GPUs."""

    host: Tensor
    cuda: dict[int, Tensor]

    @classmethod
    def now(cls, weights: Iterable[Tensor]) -> RandomState:
        """The states on the host and on the devices of `weights`."""
        indices = sorted({weight.get_device() for weight in weights if weight.is_cuda})
        return cls(torch.get_rng_state(), {index: torch.cuda.get_rng_state(index) for index in indices})

    def restore(self) -> None:
        """Let the generators go on from here again."""
        torch.set_rng_state(self.host)
        for index, state in self.cuda.items():
            torch.cuda.set_rng_state(state, index)
