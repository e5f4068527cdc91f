"""The steps of GaLore (arXiv 2403.03507) and Fira (arXiv 2410.01623) on one matrix.

Shapes: grad_mn with the channels as columns, m ≤ n; p_rm the subspace; r_rn = P G, n_rn Adam's direction for it; phi_n
and kappa scale what is left of G outside the subspace. Nothing as large as the weight is allocated, but by the
decomposition at a renewal.
"""

from __future__ import annotations

import math

from torch import Tensor
from torch.linalg import vector_norm

from lightloop.optim.projections import subspace
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.limiter import limit_growth, norm_floor
from lightloop.optim.rules.matrix import Matrix
from lightloop.optim.rules.norms import TINY_NORM, channel_norms, tensor_norm


def galore_step(matrix: Matrix, recipe: Recipe) -> None:
    """W ← (1 − ηλ) W − η α Pᵀ N."""
    moments = subspace.moments_of(matrix)
    norm_g = float(tensor_norm(matrix.grad_mn, moments["exp_avg"].dtype))
    if not math.isfinite(norm_g) or not subspace.renew(matrix, recipe, norm_g):
        return
    n_rn = subspace.direction(subspace.project(matrix, moments["exp_avg"]), moments, recipe)
    subspace.add_lifted(matrix, n_rn, -recipe.lr * float(recipe.scale), recipe)


def fira_state(rows: int, columns: int, weight: Tensor, recipe: Recipe, ordinal: int) -> dict[str, Tensor]:
    """What GaLore keeps, and the norm of the last update outside the subspace."""
    state = subspace.init_state(rows, columns, weight, recipe, ordinal)
    return {**state, "residual_norm": state["exp_avg"].new_zeros(())}


def fira_step(matrix: Matrix, recipe: Recipe) -> None:
    """W ← (1 − ηλ) W − η α (Pᵀ N + S), S = κ (G − Pᵀ R) diag(φ), φ_j = ‖N_j‖ / ‖R_j‖, and κ from the limiter.

    As P has orthonormal rows, Pᵀ N + S = Pᵀ (N − κ R diag(φ)) + κ G diag(φ), and the norm of a column of G − Pᵀ R is
    √(‖G_j‖² − ‖R_j‖²).
    """
    moments, grad_mn = subspace.moments_of(matrix), matrix.grad_mn
    norm_g_n = channel_norms(grad_mn, moments["exp_avg"].dtype)
    norm_g = float(vector_norm(norm_g_n))
    if not math.isfinite(norm_g) or not subspace.renew(matrix, recipe, norm_g):
        return
    r_rn = subspace.project(matrix, moments["exp_avg"])
    n_rn = subspace.direction(r_rn.clone(), moments, recipe)
    norm_r_n = channel_norms(r_rn, r_rn.dtype)
    phi_n = channel_norms(n_rn, n_rn.dtype) / (norm_r_n + TINY_NORM)
    residual_n = (norm_g_n.square() - norm_r_n.square()).clamp_(min=0.0).sqrt_()
    kappa = _limited(matrix, float(vector_norm(phi_n * residual_n)), recipe, r_rn.shape[0])
    value = -recipe.lr * float(recipe.scale)
    subspace.add_lifted(matrix, n_rn.addcmul_(r_rn, phi_n, value=-kappa), value, recipe, kappa * phi_n)


def _limited(matrix: Matrix, norm: float, recipe: Recipe, rank: int) -> float:
    """κ for this norm of S, and the norm remembered."""
    held = matrix.state["residual_norm"]
    kappa, limited = limit_growth(norm, float(held), recipe.limiter, norm_floor(1.0, matrix.channels, rank))
    held.fill_(limited)
    return kappa
