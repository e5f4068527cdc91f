"""Random projections R = P G drawn where the gradient is, from a counter: no copy from the host and no wait for it.

The number of the renewal is a tensor, so that P is renewed inside a captured graph as well. The kinds are those of
`lightloop.optim.projection`, with the same statistics and other draws.

Shapes: p_rm, grad_mn, r_rn.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lightloop.optim.counter import Key, normals, signs, words
from lightloop.optim.sketch import DENSE_BELOW
from lightloop.optim.strips import column_strips

Draw = Callable[[int, int, Key, Tensor], Tensor]


def renewal(step: Tensor, update_gap: int) -> Tensor:
    """How often P has been renewed before step number `step` (from 0), an int64 scalar."""
    return torch.div(step, update_gap, rounding_mode="floor").long()


def gaussian(rank: int, small_side: int, key: Key, turn: Tensor) -> Tensor:
    """Entries of N(0, 1/r), scaled so that ‖P‖² is m exactly; shape (r, m)."""
    p_rm = normals(_places(rank * small_side, turn), key, turn).view(rank, small_side)
    return p_rm * (small_side**0.5 / torch.linalg.vector_norm(p_rm))


def rademacher(rank: int, small_side: int, key: Key, turn: Tensor) -> Tensor:
    """Entries ±1/√r, shape (r, m)."""
    return signs(_places(rank * small_side, turn), key, turn).view(rank, small_side) / rank**0.5


def sparse(rank: int, small_side: int, key: Key, turn: Tensor) -> Tensor:
    """One ±1 in each column: P of `lightloop.optim.sketch`, shape (r, m)."""
    row = _places(small_side, turn)
    bucket = (row + _shifts(rank, small_side, key, turn)[row // rank]) % rank
    return torch.where(bucket == _places(rank, turn).unsqueeze(1), signs(row, key, turn), 0.0)


DRAWS: dict[str, Draw] = {"gaussian": gaussian, "rademacher": rademacher, "sparse": sparse}


def project(grad_mn: Tensor, like_rn: Tensor, kind: str, key: Key, turn: Tensor) -> Tensor:
    """R = P G in the dtype and memory layout of the moments `like_rn`."""
    rank, small_side = like_rn.shape[0], grad_mn.shape[0]
    if kind == "sparse" and rank >= DENSE_BELOW:
        return _add_rows(grad_mn, like_rn, key, turn)
    p_rm = DRAWS[kind](rank, small_side, key, turn).to(like_rn.dtype)
    if grad_mn.dtype == like_rn.dtype:
        return _product(p_rm, grad_mn)
    r_rn = torch.empty_like(like_rn)
    for part in column_strips(grad_mn):
        r_rn[:, part] = _product(p_rm, grad_mn[:, part].to(like_rn.dtype))
    return r_rn


def _add_rows(grad_mn: Tensor, like_rn: Tensor, key: Key, turn: Tensor) -> Tensor:
    """The sparse R, block by block: bucket b takes row (b − shift) mod r of each block of r rows."""
    rank, small_side = like_rn.shape[0], grad_mn.shape[0]
    shifts, bucket = _shifts(rank, small_side, key, turn), _places(rank, turn)
    r_rn = torch.zeros_like(like_rn)
    for block in range(shifts.shape[0]):
        row = block * rank + (bucket - shifts[block]) % rank
        sign = signs(row, key, turn).to(like_rn.dtype) * (row < small_side)
        rows_rn = grad_mn.index_select(0, row.clamp(max=small_side - 1)).to(like_rn.dtype)
        r_rn.addcmul_(rows_rn, sign.unsqueeze(1))
    return r_rn


def _product(p_rm: Tensor, grad_mn: Tensor) -> Tensor:
    """P G, laid out as G is: channels first if it is tall."""
    return torch.mm(p_rm, grad_mn) if grad_mn.is_contiguous() else torch.mm(grad_mn.T, p_rm.T).T


def _shifts(rank: int, small_side: int, key: Key, turn: Tensor) -> Tensor:
    """A shift from 0 to r − 1 for each block of r rows, from the words after those of the signs."""
    blocks = -(-small_side // rank)
    return words(small_side + _places(blocks, turn), key, turn) % rank


def _places(count: int, turn: Tensor) -> Tensor:
    return torch.arange(count, device=turn.device)
