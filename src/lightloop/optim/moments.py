"""Adam's direction for a sketch of the gradient, R̃ = m̂ / (√v̂ + ε).

Shapes: r_rn and its moments. They all lie in memory alike, so that the fused kernel, which runs through memory in
order, can take them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lightloop.optim.recipe import Recipe


def adam_direction(r_rn: Tensor, state: dict[str, Tensor], recipe: Recipe) -> Tensor:
    """R̃ after the moments have taken in R; counts the step. May overwrite `r_rn`, and its sign is open."""
    alike = {(x.stride(), x.dtype) for x in (r_rn, state["exp_avg"], state["exp_avg_sq"])}
    fused = r_rn.is_cpu and len(alike) == 1
    return fused_direction(r_rn, state, recipe) if fused else plain_direction(r_rn, state, recipe)


def plain_direction(r_rn: Tensor, state: dict[str, Tensor], recipe: Recipe) -> Tensor:
    """With c1 = 1 − β1^t and c2 = 1 − β2^t, R̃ = (√c2 / c1) · m / (√v + √c2 ε): the fewest passes over it."""
    m_rn, v_rn = state["exp_avg"], state["exp_avg_sq"]
    step = int(state["step"].add_(1))
    m_rn.lerp_(r_rn, 1.0 - recipe.beta1)
    v_rn.mul_(recipe.beta2).addcmul_(r_rn, r_rn, value=1.0 - recipe.beta2)
    c1, root_c2 = 1.0 - recipe.beta1**step, math.sqrt(1.0 - recipe.beta2**step)
    denominator_rn = torch.sqrt(v_rn, out=r_rn).add_(root_c2 * recipe.eps)
    return torch.div(m_rn, denominator_rn, out=r_rn).mul_(root_c2 / c1)


def fused_direction(r_rn: Tensor, state: dict[str, Tensor], recipe: Recipe) -> Tensor:
    """−R̃ as what torch's fused AdamW subtracts from zero at η = 1: one pass instead of nine.

    The kernel copies what is not contiguous, so a tall matrix's moments are handed over by their transposes.
    """
    direction_rn = torch.zeros_like(r_rn)
    tensors = (direction_rn, r_rn, state["exp_avg"], state["exp_avg_sq"])
    zero, grad, m, v = (x if x.is_contiguous() else x.T for x in tensors)
    state["step"].add_(1)
    torch._fused_adamw_(
        [zero],
        [grad],
        [m],
        [v],
        [],
        [state["step"]],
        amsgrad=False,
        beta1=recipe.beta1,
        beta2=recipe.beta2,
        lr=1.0,
        weight_decay=0.0,
        eps=recipe.eps,
        maximize=False,
    )
    return direction_rn
