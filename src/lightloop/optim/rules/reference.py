"""One APOLLO step on one matrix, line by line as Algorithm 1 of arXiv 2412.05270, with three repairs.

The bias of the moments is corrected inside the ratio, so the limiter sees the update that is made; ε stands
on the corrected √v̂, as in AdamW; a gradient that is not finite leaves weight and state as they are.

Shapes: grad_mn with m ≤ n, n the channels; r_rn = P G and its moments; s is (n,) by channel, () by tensor.
Nothing as large as the weight is allocated.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor
from torch.linalg import vector_norm

from lightloop.optim.projections.projection import KEPT, PROJECTIONS
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.limiter import limit_growth, norm_floor
from lightloop.optim.rules.matrix import Matrix
from lightloop.optim.rules.moments import adam_direction
from lightloop.optim.rules.norms import NORMS, TINY_NORM
from lightloop.optim.rules.update import update
from lightloop.optim.sharded.parts import combined, summed


def init_state(rows: int, columns: int, weight: Tensor, recipe: Recipe, ordinal: int) -> dict[str, Tensor]:
    """The 2 n r + 2 numbers that a matrix keeps: two moments of R, the count of steps, the limiter's norm.

    The rank is held to the smaller side, beyond which a projection saves nothing. `ordinal` has no part in
    it: the projections go by name. The moments lie in memory as the gradient does, channels first if it is tall.
    """
    assert recipe.rank is not None
    small_side, channels = sorted((rows, columns))
    dtype = recipe.state_dtype or torch.promote_types(weight.dtype, torch.float32)
    rank = min(recipe.rank, small_side)
    sides = (channels, rank) if rows >= columns else (rank, channels)
    moments = torch.zeros(sides, dtype=dtype, device=weight.device)
    moments = moments.T if rows >= columns else moments
    return {
        "step": torch.zeros((), device="cpu", dtype=torch.float32),
        "exp_avg": moments,
        "exp_avg_sq": torch.zeros_like(moments),
        "limiter_norm": moments.new_zeros(()),
        **(KEPT[recipe.projection](rank, small_side, weight) if recipe.projection in KEPT else {}),
    }


def apollo_step(matrix: Matrix, recipe: Recipe) -> None:
    """W ← (1 − ηλ) W − η α κ G S, with S = diag(s_j), s_j = ‖R̃_j‖/‖R_j‖, and κ from the limiter.

    Two numbers are read back from the device: whether G is finite, and ‖U‖. If several processes hold parts of the
    matrix, `combined` and `summed` take theirs in; else they do nothing.
    """
    state, grad_mn = matrix.state, matrix.grad_mn
    rank = state["exp_avg"].shape[0]
    norm = partial(NORMS[recipe.granularity], dtype=state["exp_avg"].dtype)
    alpha = recipe.alpha(matrix.small_side, rank)
    over_m, over_n = matrix.groups
    within, across = ((), over_n) if recipe.granularity == "channel" else (over_n, ())  # one norm, and several

    norm_g = combined(norm(grad_mn), over_m + within)
    if not math.isfinite(combined(norm_g.sum() if norm_g.ndim else norm_g, across)):
        return
    r_rn = summed(PROJECTIONS[recipe.projection](matrix, recipe), over_m)
    norm_r = combined(norm(r_rn), within)
    s = combined(norm(adam_direction(r_rn, state, recipe)), within) / (norm_r + TINY_NORM)
    norm_u = alpha * float(combined(_norm_of(s * norm_g), across))
    kappa, limited = limit_growth(
        norm_u, float(state["limiter_norm"]), recipe.limiter, norm_floor(alpha, matrix.channels, rank)
    )
    state["limiter_norm"].fill_(limited)
    update(matrix, s, -recipe.lr * alpha * kappa, recipe)


def _norm_of(norms: Tensor) -> Tensor:
    """The norm of all channels from theirs; the one norm of a whole matrix as it is."""
    return vector_norm(norms) if norms.ndim else norms
