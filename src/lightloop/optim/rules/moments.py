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
    """R̃ after the moments have taken in R; counts the step. Overwrites `r_rn`, and the sign of R̃ is open."""
    tensors = (r_rn, state["exp_avg"], state["exp_avg_sq"])
    in_order = all(x.is_contiguous() for x in tensors) or all(x.T.is_contiguous() for x in tensors)
    fused = r_rn.is_cpu and in_order and r_rn.dtype == state["exp_avg"].dtype
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
    """−R̃ as what torch's fused AdamW makes of a weight R with gradient R at η = λ = 1, where R is multiplied by zero.

    One pass over memory instead of nine, and in place: the kernel reads an element of the gradient before it writes
    that of the weight. It copies what is not contiguous, so a tall matrix's moments are handed over transposed.
    """
    m_rn, v_rn = state["exp_avg"], state["exp_avg_sq"]
    turned = not r_rn.is_contiguous()
    r, m, v = (r_rn.T, m_rn.T, v_rn.T) if turned else (r_rn, m_rn, v_rn)
    state["step"].add_(1)
    torch._fused_adamw_(
        [r],
        [r],
        [m],
        [v],
        [],
        [state["step"]],
        amsgrad=False,
        beta1=recipe.beta1,
        beta2=recipe.beta2,
        lr=1.0,
        weight_decay=1.0,
        eps=recipe.eps,
        maximize=False,
    )
    return r_rn
