"""The subspace of a gradient's leading singular vectors, and moving in and out of it.

Shapes: grad_mn with the channels as columns, m ≤ n; p_rm has orthonormal rows, r of the left singular vectors of
grad_mn; r_rn = P G. Moments and P are kept as contiguous tensors: of a tall matrix, whose columns of grad_mn are its
rows, the moments are (n, r), so that they lie in memory as the gradient does.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lightloop.errors import InputError
from lightloop.optim.precision.rounding import writer
from lightloop.optim.precision.strips import strips
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.matrix import Matrix, is_sharded
from lightloop.optim.rules.moments import fused_direction, plain_direction


def init_state(rows: int, columns: int, weight: Tensor, recipe: Recipe, ordinal: int) -> dict[str, Tensor]:
    """The 2 n r + m r + 1 numbers of a matrix: moments of R, P in the dtype of the gradient, the count of steps.

    Raises:
        InputError: The weight is spread over processes, none of which has a whole gradient to decompose.
    """
    assert recipe.rank is not None
    if is_sharded(weight):
        raise InputError(
            "singular vectors are taken of whole matrices, and this one is sharded over processes",
            allowed=["replicated weights, as under DistributedDataParallel", "Apollo, whose projections need no SVD"],
        )
    small_side, channels = sorted((rows, columns))
    dtype = recipe.state_dtype or torch.promote_types(weight.dtype, torch.float32)
    rank = min(recipe.rank, small_side)
    sides = (channels, rank) if rows >= columns else (rank, channels)
    moments = torch.zeros(sides, dtype=dtype, device=weight.device)
    return {
        "step": torch.zeros((), device="cpu", dtype=torch.float32),
        "exp_avg": moments,
        "exp_avg_sq": torch.zeros_like(moments),
        "projector": torch.zeros(rank, small_side, dtype=weight.dtype, device=weight.device),
    }


def renew(matrix: Matrix, recipe: Recipe, norm_g: float) -> bool:
    """Take P anew from the gradient when its time has come; whether there is a P then.

    A zero gradient has no singular vectors and one whose decomposition fails shows none: the old P stays for another
    `update_gap` steps, and before the first there is no step.
    """
    step = int(matrix.state["step"])
    if step % recipe.update_gap:
        return True
    projector = matrix.state["projector"]
    found = leading_vectors(matrix.grad, projector.shape[0]) if norm_g > 0.0 else None
    if found is not None:
        projector.copy_(found)
    return found is not None or step > 0


def leading_vectors(grad: Tensor, rank: int) -> Tensor | None:
    """The `rank` leading singular vectors of the smaller side as rows, shape (r, m), or None if none can be had.

    LAPACK's divide and conquer does not converge for some gradients, mostly after a loss has come to zero. Those of
    the symmetric G Gᵀ, in float64 and scaled to entries of 1, are the same vectors by another algorithm.
    """
    tall, wide = grad.shape[0] >= grad.shape[1], torch.promote_types(grad.dtype, torch.float32)
    try:
        left, _, right = torch.linalg.svd(grad.to(wide), full_matrices=False)
        return right[:rank] if tall else left[:, :rank].T
    except torch.linalg.LinAlgError:
        return _leading_of_gram(grad.T if tall else grad, rank)


def _leading_of_gram(grad_mn: Tensor, rank: int) -> Tensor | None:
    scaled = grad_mn.double()
    scaled = scaled / scaled.abs().max()
    try:
        _, vectors = torch.linalg.eigh(scaled @ scaled.T)  # in the order of rising eigenvalues
    except torch.linalg.LinAlgError:
        return None
    return vectors.flip(1)[:, :rank].T


def moments_of(matrix: Matrix) -> dict[str, Tensor]:
    """The count of steps and the moments as (r, n), whichever way the matrix lies."""
    state = matrix.state
    turned = {key: state[key].T if matrix.tall else state[key] for key in ("exp_avg", "exp_avg_sq")}
    return {"step": state["step"], **turned}


def project(matrix: Matrix, like_rn: Tensor) -> Tensor:
    """R = P G, shape (r, n), laid out in memory and rounded as `like_rn`."""
    grad_mn, r_rn = matrix.grad_mn, torch.empty_like(like_rn)
    p_rm = matrix.state["projector"].to(r_rn.dtype)
    for strip in strips(grad_mn, r_rn.dtype):
        torch.mm(p_rm, grad_mn[:, strip].to(r_rn.dtype), out=r_rn[:, strip])
    return r_rn


def direction(r_rn: Tensor, moments: dict[str, Tensor], recipe: Recipe) -> Tensor:
    """N = m̂ / (√v̂ + ε) after the moments have taken in R, which it overwrites; counts the step."""
    if r_rn.is_cpu:
        return fused_direction(r_rn, moments, recipe).neg_()
    return plain_direction(r_rn, moments, recipe)


def add_lifted(matrix: Matrix, x_rn: Tensor, value: float, recipe: Recipe, scale_n: Tensor | None = None) -> None:
    """W ← (1 − ηλ) W + value · (Pᵀ X + G diag(scale)) in place, rounded once, as the recipe says.

    A low-precision weight is widened a strip of columns at a time, and nothing as large as the weight is made.
    """
    weight_mn, grad_mn = matrix.weight_mn, matrix.grad_mn
    dtype = torch.promote_types(weight_mn.dtype, x_rn.dtype)
    p_mr, x_rn = matrix.state["projector"].T.to(dtype), x_rn.to(dtype)
    keep = 1.0 - recipe.lr * recipe.weight_decay
    write = writer(matrix.weight, matrix.stream, int(matrix.state["step"]), recipe)
    for strip in strips(weight_mn, dtype):
        held = weight_mn[:, strip]
        wide = held.to(dtype)  # the weight itself where it is as wide as the arithmetic
        wide.addmm_(p_mr, x_rn[:, strip], beta=keep, alpha=value)
        if scale_n is not None:
            wide.addcmul_(grad_mn[:, strip].to(dtype), scale_n[strip].to(dtype), value=value)
        if held.dtype != wide.dtype:
            write(held, wide)
