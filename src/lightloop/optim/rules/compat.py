"""The order of operations of the PyPI package apollo-torch 1.0.3, for checking a trajectory against it.

Rederived from a description of what it computes; its code, CC-BY-NC, is not used. Where it leaves the paper:
ε stands on the uncorrected √v, the bias correction multiplies the step after the limiter, the limiter has no
floor (a zero gradient all but freezes a matrix), the scale stands under a root, weight decay acts on the
updated weight, and nothing guards against NaN.

The package keeps P in its state. Here only the seed that P came from is kept, and P is drawn anew.
Shapes: a wide matrix is projected from the left, R = PᵀG with P (m, r); a tall or square one from the right,
R = G Pᵀ with P (r, m). Full-size temporaries are made, as the package makes them: this mode is for comparing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.matrix import Matrix

TINY_NORM = 1e-8
# The package moves from one seed to the next by this many draws from the generator of the old one.
DRAWS_PER_SEED = 15
LAST_SEED = 2**63 - 1


def init_state(rows: int, columns: int, weight: Tensor, recipe: Recipe, ordinal: int) -> dict[str, Tensor]:
    """Moments of R, in the dtype of the gradient as in the package, and `ordinal` (from 1) as first seed."""
    assert recipe.rank is not None
    shape = (rows, recipe.rank) if rows >= columns else (recipe.rank, columns)
    moments = torch.zeros(shape, dtype=recipe.state_dtype or weight.dtype, device=weight.device)
    return {
        "step": torch.zeros((), device="cpu", dtype=torch.float32),
        "exp_avg": moments,
        "exp_avg_sq": torch.zeros_like(moments),
        "limiter_norm": torch.zeros((), dtype=weight.dtype, device=weight.device),
        "seed": torch.tensor(ordinal, device="cpu"),
    }


def apollo_torch_step(matrix: Matrix, recipe: Recipe) -> None:
    """One step of the package on one matrix."""
    state, grad = matrix.state, matrix.grad
    step = int(state["step"].add_(1))
    if step > 1 and (step - 1) % recipe.update_gap == 0:
        state["seed"].fill_(next_seed(int(state["seed"])))

    r = project(matrix)
    rank = r.shape[1 if matrix.tall else 0]
    root_scale = math.sqrt(recipe.alpha(min(grad.shape), rank))
    m, v = state["exp_avg"], state["exp_avg_sq"]
    m.mul_(recipe.beta1).add_(r, alpha=1.0 - recipe.beta1)
    v.mul_(recipe.beta2).addcmul_(r, r, value=1.0 - recipe.beta2)
    s = adam_ratio(m / (v.sqrt() + recipe.eps), r, matrix.tall, recipe.granularity)

    u = grad * s
    u.div_(limiter_divisor(u, state["limiter_norm"], recipe.limiter, first=step == 1))
    u.mul_(root_scale)
    matrix.weight.add_(u, alpha=-bias_corrected_lr(recipe, step))
    if recipe.weight_decay > 0:
        matrix.weight.add_(matrix.weight, alpha=-recipe.lr * recipe.weight_decay)


def project(matrix: Matrix) -> Tensor:
    """R, shape (n, r) for a tall or square matrix and (r, n) for a wide one."""
    grad, moments = matrix.grad, matrix.state["exp_avg"]
    generator = Generator(device=grad.device).manual_seed(int(matrix.state["seed"]))
    rank = moments.shape[1 if matrix.tall else 0]
    shape = (rank, grad.shape[1]) if matrix.tall else (grad.shape[0], rank)
    draw = torch.randn(shape, generator=generator, device=grad.device, dtype=torch.float32)
    p = draw.div_(math.sqrt(rank)).to(grad.dtype)
    return grad @ p.T if matrix.tall else p.T @ grad


def next_seed(seed: int) -> int:
    """The seed after `seed` in the package's chain."""
    generator = Generator("cpu").manual_seed(seed)
    return int(torch.randint(0, LAST_SEED, (DRAWS_PER_SEED,), generator=generator, device="cpu")[-1])


def adam_ratio(direction: Tensor, r: Tensor, tall: bool, granularity: str) -> Tensor:
    """s = ‖R̃‖/(‖R‖ + 1e-8) by channel, shaped to multiply the gradient, or of the whole."""
    if granularity == "tensor":
        return direction.norm() / (r.norm() + TINY_NORM)
    dim = 1 if tall else 0
    s = direction.norm(dim=dim) / (r.norm(dim=dim) + TINY_NORM)
    return s.unsqueeze(1) if tall else s


def limiter_divisor(u: Tensor, previous: Tensor, growth: float, first: bool) -> Tensor:
    """What the package divides the update by; leaves the norm of the divided update in `previous`."""
    norm = u.norm()
    divisor = torch.ones_like(norm)
    if math.isfinite(growth) and not first:
        ratio = norm / (previous + TINY_NORM)
        divisor = torch.where(growth > ratio, divisor, ratio / growth)
    previous.copy_(norm / divisor)
    return divisor


def bias_corrected_lr(recipe: Recipe, step: int) -> float:
    """η √(1 − β2^t) / (1 − β1^t)."""
    return recipe.lr * math.sqrt(1.0 - recipe.beta2**step) / (1.0 - recipe.beta1**step)


def rest_step(weights: Sequence[Tensor], states: Sequence[dict[str, Any]], recipe: Recipe, _: Sequence[str]) -> None:
    """The package's AdamW for tensors that are not projected: ε on the uncorrected √v, decay at the end."""
    for weight, state in zip(weights, states, strict=True):
        grad, m, v = weight.grad, state["exp_avg"], state["exp_avg_sq"]
        assert grad is not None
        step = int(state["step"].add_(1))
        m.mul_(recipe.beta1).add_(grad, alpha=1.0 - recipe.beta1)
        v.mul_(recipe.beta2).addcmul_(grad, grad, value=1.0 - recipe.beta2)
        weight.add_(m / v.sqrt().add_(recipe.eps), alpha=-bias_corrected_lr(recipe, step))
        if recipe.weight_decay > 0:
            weight.add_(weight, alpha=-recipe.lr * recipe.weight_decay)
