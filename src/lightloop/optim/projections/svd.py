"""The projection on leading singular vectors: APOLLO "w. SVD" (arXiv 2412.05270, section 4), with GaLore's P.

At each renewal the rows of P, shape (r, m), are the r leading left singular vectors of the gradient of that step,
orthonormal, and kept: they cannot be drawn anew. Singular vectors of a gradient that is zero, or whose decomposition
fails, are not taken: the P from before stays, and before the first one the next gradient is tried.

What it does to the scale: with ρ = ‖P G‖ / ‖G‖ ≤ 1, the ratios s are √(r/m) / ρ of those of full Adam, where a random
sketch, for which ρ is 1 on average, has √(r/m). Pure noise has ρ near √(r/m), so that nothing is to be made up for,
and a gradient of rank r has ρ = 1. The paper takes α = 1. With scale="auto", P is divided by the ρ of the renewal;
‖P G‖ is ‖G‖ then, as for the other projections, and α = √(m/r) has its meaning: updates of the size of AdamW's.
Of pure noise later gradients have a smaller ρ than the one that P was taken from, and updates are larger by as much.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.linalg import vector_norm

from lightloop.optim.precision.strips import strips
from lightloop.optim.projections.subspace import leading_vectors
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.matrix import Matrix


def fresh_projector(rank: int, small_side: int, weight: Tensor) -> dict[str, Tensor]:
    """The m r numbers that are kept beside the moments, in the dtype of the gradient; zero until there is a P."""
    return {"projector": torch.zeros(rank, small_side, dtype=weight.dtype, device=weight.device)}


def project_svd(matrix: Matrix, recipe: Recipe) -> Tensor:
    """R = P G, shape (r, n), after P has been renewed if its time has come."""
    projector = matrix.state["projector"]
    if int(matrix.state["step"]) % recipe.update_gap == 0 or not projector[0].any():
        _renew(projector, matrix, recipe)
    grad_mn, r_rn = matrix.grad_mn, torch.empty_like(matrix.state["exp_avg"])
    p_rm = projector.to(r_rn.dtype)
    for strip in strips(grad_mn, r_rn.dtype):
        r_rn[:, strip] = p_rm @ grad_mn[:, strip].to(r_rn.dtype)
    return r_rn


def _renew(projector: Tensor, matrix: Matrix, recipe: Recipe) -> None:
    found = leading_vectors(matrix.grad, projector.shape[0]) if matrix.grad.any() else None
    if found is None:
        return
    if recipe.scale == "auto":
        grad_mn = matrix.grad_mn.to(found.dtype)
        found = found * (vector_norm(grad_mn) / vector_norm(found @ grad_mn))
    projector.copy_(found)
