"""Projections R = P G; a random P is made anew from a key whenever it is needed and never kept.

Shapes: p_rm, grad_mn, r_rn. A projection is a function of a matrix and a recipe; a new kind is a new function
in `PROJECTIONS`. R lies in memory as the moments do, and they as the gradient. Of a block of a matrix it is what the
rows of the block add to the R of the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Generator, Tensor

from lightloop.optim.keys import projection_key
from lightloop.optim.matrix import Matrix
from lightloop.optim.recipe import Recipe
from lightloop.optim.sketch import DENSE_BELOW, dense, sum_signed_rows
from lightloop.optim.strips import strips
from lightloop.optim.svd import fresh_projector, project_svd

Projection = Callable[[Matrix, Recipe], Tensor]
Draw = Callable[[int, int, Generator], Tensor]

SIGN_BITS = 32


def gaussian(rank: int, small_side: int, generator: Generator) -> Tensor:
    """Entries of N(0, 1/r), shape (r, m): E‖P g‖² = ‖g‖² (Johnson and Lindenstrauss).

    Then ‖P‖² = m on average; it is made so exactly. The ratio s goes as 1/‖P‖, and left to chance the learning
    rate of a matrix would change by a factor 1 ± 1/√(2rm) at each renewal: 3 % for APOLLO-Mini at m = 512.
    """
    p_rm = torch.randn(rank, small_side, generator=generator, device="cpu", dtype=torch.float32)
    return p_rm.mul_(torch.linalg.vector_norm(p_rm).reciprocal_().mul_(small_side**0.5))


def rademacher(rank: int, small_side: int, generator: Generator) -> Tensor:
    """Entries ±1/√r with equal chances, shape (r, m). As good a sketch as `gaussian`, and cheaper to draw."""
    words = torch.empty(-(-rank * small_side // SIGN_BITS), device="cpu", dtype=torch.int64)
    words.random_(generator=generator)
    bits = (words.unsqueeze(1) >> torch.arange(SIGN_BITS, device="cpu")) & 1
    signs = bits.flatten()[: rank * small_side].view(rank, small_side)
    return signs.float().mul_(2.0).sub_(1.0).div_(rank**0.5)


def project_dense(draw: Draw, matrix: Matrix, recipe: Recipe) -> Tensor:
    """R = P G, shape (r, n), with P drawn from the key of this matrix and of this moment.

    The draw is always on the CPU, for the same P on every device.
    """
    grad_mn, r_rn = matrix.grad_mn, torch.empty_like(matrix.state["exp_avg"])
    p_rm = draw(r_rn.shape[0], matrix.small_side, projection_generator(matrix, recipe)).to(r_rn)
    p_rm = p_rm[:, matrix.small_range]
    if grad_mn.dtype == r_rn.dtype:
        return torch.mm(p_rm, grad_mn, out=r_rn)
    for strip in strips(grad_mn, r_rn.dtype):
        r_rn[:, strip] = p_rm @ grad_mn[:, strip].to(r_rn.dtype)
    return r_rn


def project_sparse(matrix: Matrix, recipe: Recipe) -> Tensor:
    """R = P G, shape (r, n), with the sparse P of `lightloop.optim.sketch`: one addition per element of G."""
    moments = matrix.state["exp_avg"]
    if moments.shape[0] < DENSE_BELOW:
        return project_dense(dense, matrix, recipe)
    rows, generator = (matrix.small_range.start, matrix.small_side), projection_generator(matrix, recipe)
    return sum_signed_rows(torch.empty_like(moments), matrix.grad_mn, generator, rows)


def projection_generator(matrix: Matrix, recipe: Recipe) -> Generator:
    """The source of randomness of P for this matrix, the same between two renewals."""
    refresh = int(matrix.state["step"]) // recipe.update_gap
    return Generator("cpu").manual_seed(projection_key(recipe.seed, matrix.name, refresh))


PROJECTIONS: dict[str, Projection] = {
    "gaussian": partial(project_dense, gaussian),
    "rademacher": partial(project_dense, rademacher),
    "sparse": project_sparse,
    "svd": project_svd,
}
# What a projection keeps in the state of a matrix, by (rank, small side, weight); the others keep nothing.
KEPT: dict[str, Callable[[int, int, Tensor], dict[str, Tensor]]] = {"svd": fresh_projector}
