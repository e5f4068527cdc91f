"""Projections R = P G; a random P is made anew from a key whenever it is needed and is no part of the state.

Shapes: p_rm, grad_mn, r_rn. A projection is a function of a matrix and a recipe; a new kind is a new function
in `PROJECTIONS`. R lies in memory as the moments do, and they as the gradient. Of a block of a matrix it is what the
rows of the block add to the R of the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import torch
from torch import Tensor

from lightloop.optim.precision.strips import strips
from lightloop.optim.projections.counter import Stream
from lightloop.optim.projections.draws import Draw, gaussian, projection_key, rademacher
from lightloop.optim.projections.sketch import DENSE_BELOW, dense, sum_signed_rows
from lightloop.optim.projections.svd import fresh_projector, project_svd
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.matrix import Matrix

Projection = Callable[[Matrix, Recipe], Tensor]

# A P of so few numbers, as at rank 1, takes longer to draw than to use; the last ones are remembered, in 4 MiB at most.
SMALL, REMEMBERED = 2**10, 1024


def project_dense(draw: Draw, matrix: Matrix, recipe: Recipe) -> Tensor:
    """R = P G, shape (r, n), with P drawn from the stream of this matrix and of this moment."""
    grad_mn, r_rn = matrix.grad_mn, torch.empty_like(matrix.state["exp_avg"])
    rank, small_side = r_rn.shape[0], matrix.small_side
    draw_now = partial(_drawn_before, draw) if rank * small_side <= SMALL else draw
    p_rm = draw_now(rank, small_side, projection_stream(matrix, recipe)).to(r_rn)[:, matrix.small_range]
    if grad_mn.dtype == r_rn.dtype:
        return torch.mm(p_rm, grad_mn, out=r_rn)
    for strip in strips(grad_mn, r_rn.dtype):
        r_rn[:, strip] = p_rm @ grad_mn[:, strip].to(r_rn.dtype)
    return r_rn


@lru_cache(maxsize=REMEMBERED)
def _drawn_before(draw: Draw, rank: int, small_side: int, stream: Stream) -> Tensor:
    return draw(rank, small_side, stream)


def project_sparse(matrix: Matrix, recipe: Recipe) -> Tensor:
    """R = P G, shape (r, n), with the sparse P of `sketch.dense`: one addition per element of G."""
    moments = matrix.state["exp_avg"]
    if moments.shape[0] < DENSE_BELOW:
        return project_dense(dense, matrix, recipe)
    rows, stream = (matrix.small_range.start, matrix.small_side), projection_stream(matrix, recipe)
    return sum_signed_rows(torch.empty_like(moments), matrix.grad_mn, stream, rows)


def projection_stream(matrix: Matrix, recipe: Recipe) -> Stream:
    """Where P of this matrix comes from, the same between two renewals."""
    refresh = int(matrix.state["step"]) // recipe.update_gap
    return Stream(projection_key(recipe.seed, matrix.name), refresh, matrix.grad.device)


PROJECTIONS: dict[str, Projection] = {
    "gaussian": partial(project_dense, gaussian),
    "rademacher": partial(project_dense, rademacher),
    "sparse": project_sparse,
    "svd": project_svd,
}
# What a projection keeps in the state of a matrix, by (rank, small side, weight); the others keep nothing.
KEPT: dict[str, Callable[[int, int, Tensor], dict[str, Tensor]]] = {"svd": fresh_projector}
