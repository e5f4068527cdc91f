"""One APOLLO step on one matrix, line by line as Algorithm 1 of arXiv 2412.05270, with three repairs.

The bias of the moments is corrected inside the ratio, so the limiter sees the update that is made; ε stands
on the corrected √v̂, as in AdamW; a gradient that is not finite leaves weight and state as they are.

Shapes: grad_mn with m ≤ n, n the channels; r_rn = P G and its moments; s is (n,) by channel, () by tensor.
Nothing as large as the weight is allocated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.linalg import vector_norm

from lightloop.optim.limiter import limit_growth, norm_floor
from lightloop.optim.matrix import Matrix
from lightloop.optim.norms import NORMS, strips
from lightloop.optim.projection import PROJECTIONS
from lightloop.optim.recipe import Recipe

Norm = Callable[[Tensor], Tensor]

# Keeps 0/0 out of s. Squares of entries below 1e-19 underflow in float32; at this size ‖R̃‖/‖R‖ stays bounded
# there.
TINY_NORM = 1e-16


def init_state(rows: int, columns: int, weight: Tensor, recipe: Recipe, ordinal: int) -> dict[str, Tensor]:
    """The 2 n r + 2 numbers that a matrix keeps: two moments of R, the count of steps, the limiter's norm.

    The rank is held to the smaller side, beyond which a projection saves nothing. `ordinal` has no part in
    it: the projections go by name.
    """
    assert recipe.rank is not None
    small_side, channels = sorted((rows, columns))
    dtype = recipe.state_dtype or torch.promote_types(weight.dtype, torch.float32)
    moments = torch.zeros(min(recipe.rank, small_side), channels, dtype=dtype, device=weight.device)
    return {
        "step": torch.zeros((), device="cpu", dtype=torch.float32),
        "exp_avg": moments,
        "exp_avg_sq": torch.zeros_like(moments),
        "limiter_norm": moments.new_zeros(()),
    }


def apollo_step(matrix: Matrix, recipe: Recipe) -> None:
    """W ← (1 − ηλ) W − η α κ G S, with S = diag(s_j), s_j = ‖R̃_j‖/‖R_j‖, and κ from the limiter.

    Two numbers are read back from the device: whether G is finite, and ‖U‖.
    """
    state, grad_mn = matrix.state, matrix.grad_mn
    rank, channels = state["exp_avg"].shape
    norm = partial(NORMS[recipe.granularity], dtype=state["exp_avg"].dtype)
    alpha = recipe.alpha(grad_mn.shape[0], rank)

    norm_g = norm(grad_mn)
    if not math.isfinite(norm_g.sum()):
        return
    r_rn = PROJECTIONS[recipe.projection](matrix, recipe)
    norm_r = norm(r_rn)
    s = adam_norm(r_rn, state, recipe, norm) / (norm_r + TINY_NORM)
    norm_u = alpha * float(vector_norm(s * norm_g))
    kappa, limited = limit_growth(
        norm_u, float(state["limiter_norm"]), recipe.limiter, norm_floor(alpha, channels, rank)
    )
    state["limiter_norm"].fill_(limited)
    if recipe.weight_decay:
        matrix.weight.mul_(1.0 - recipe.lr * recipe.weight_decay)
    add_scaled(matrix.weight_mn, grad_mn, s, -recipe.lr * alpha * kappa)


def adam_norm(r_rn: Tensor, state: dict[str, Tensor], recipe: Recipe, norm: Norm) -> Tensor:
    """‖R̃‖ for R̃ = m̂ / (√v̂ + ε), after the moments have taken in R. Overwrites `r_rn`.

    With c1 = 1 − β1^t and c2 = 1 − β2^t, R̃ = (√c2 / c1) · m / (√v + √c2 ε), which spares two passes over it.
    """
    m_rn, v_rn = state["exp_avg"], state["exp_avg_sq"]
    step = int(state["step"].add_(1))
    m_rn.lerp_(r_rn, 1.0 - recipe.beta1)
    v_rn.mul_(recipe.beta2).addcmul_(r_rn, r_rn, value=1.0 - recipe.beta2)
    c1, root_c2 = 1.0 - recipe.beta1**step, math.sqrt(1.0 - recipe.beta2**step)
    denominator_rn = torch.sqrt(v_rn, out=r_rn).add_(root_c2 * recipe.eps)
    return norm(torch.div(m_rn, denominator_rn, out=r_rn)) * (root_c2 / c1)


def add_scaled(weight_mn: Tensor, grad_mn: Tensor, scale: Tensor, value: float) -> None:
    """W += value · G · scale in place, rounded once; a low-precision weight is widened a strip at a time."""
    wide = torch.promote_types(weight_mn.dtype, scale.dtype)
    if wide == weight_mn.dtype:
        weight_mn.addcmul_(grad_mn, scale.to(wide), value=value)
        return
    scale_n = scale.expand(weight_mn.shape[1])
    for strip in strips(weight_mn, wide):
        weight, grad = weight_mn[:, strip].to(wide), grad_mn[:, strip].to(wide)
        weight_mn[:, strip].copy_(weight.addcmul_(grad, scale_n[strip], value=value))
