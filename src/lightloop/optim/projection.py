"""Random projections R = P G, with P made anew from a key whenever it is needed and never kept.

Shapes: p_rm, grad_mn, r_rn. A projection is a function of a matrix and a recipe; a new kind is a new function
in `PROJECTIONS`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

import torch
from torch import Generator, Tensor

from lightloop.optim.matrix import Matrix
from lightloop.optim.norms import strips
from lightloop.optim.recipe import Recipe

Projection = Callable[[Matrix, Recipe], Tensor]
Draw = Callable[[int, int, Generator], Tensor]

SIGN_BITS = 32


def projection_key(seed: int, name: str, refresh: int) -> int:
    """The 64-bit key of the projection of tensor `name` after its `refresh`-th renewal.

    It hangs on nothing else: not on the order of the tensors, nor on which others are trained, nor on the
    device. torch's CPU generator uses the low 32 bits of it, so among the some 10^5 projections of a long run
    a few pairs will be equal; they are of different tensors or times, and each is as good a projection as
    before.
    """
    digest = hashlib.blake2b(f"{seed}/{refresh}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def gaussian(rank: int, small_side: int, generator: Generator) -> Tensor:
    """Entries of N(0, 1/r), shape (r, m): E‖P g‖² = ‖g‖² (Johnson and Lindenstrauss).

    Then ‖P‖² = m on average; it is made so exactly. The ratio s goes as 1/‖P‖, and left to chance the learning
    rate of a matrix would change by a factor 1 ± 1/√(2rm) at each renewal: 3 % for APOLLO-Mini at m = 512.
    """
    p_rm = torch.randn(rank, small_side, generator=generator, device="cpu", dtype=torch.float32)
    return p_rm.mul_(small_side**0.5 / torch.linalg.vector_norm(p_rm))


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
    state, grad_mn = matrix.state, matrix.grad_mn
    refresh = int(state["step"]) // recipe.update_gap
    generator = Generator("cpu").manual_seed(projection_key(recipe.seed, matrix.name, refresh))
    moments = state["exp_avg"]
    p_rm = draw(moments.shape[0], grad_mn.shape[0], generator).to(moments)
    if grad_mn.dtype == moments.dtype:
        return p_rm @ grad_mn
    r_rn = torch.empty_like(moments)
    for strip in strips(grad_mn, moments.dtype):
        r_rn[:, strip] = p_rm @ grad_mn[:, strip].to(moments.dtype)
    return r_rn


PROJECTIONS: dict[str, Projection] = {
    "gaussian": partial(project_dense, gaussian),
    "rademacher": partial(project_dense, rademacher),
}
