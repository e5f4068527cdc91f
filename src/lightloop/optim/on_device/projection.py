"""Random projections R = P G drawn where the gradient is, from a counter: no copy from the host and no wait for it.

The number of the renewal is a tensor, so that P is renewed inside a captured graph as well. It is the P of
`lightloop.optim.projections.projection`.

Shapes: p_rm, grad_mn, r_rn.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lightloop.optim.precision.strips import column_strips
from lightloop.optim.projections.counter import Stream
from lightloop.optim.projections.draws import DRAWS
from lightloop.optim.projections.sketch import DENSE_BELOW, draw


def renewal(step: Tensor, update_gap: int) -> Tensor:
    """How often P has been renewed before step number `step` (from 0), an int64 scalar."""
    return torch.div(step, update_gap, rounding_mode="floor").long()


def project(grad_mn: Tensor, like_rn: Tensor, kind: str, stream: Stream) -> Tensor:
    """R = P G in the dtype and memory layout of the moments `like_rn`."""
    rank, small_side = like_rn.shape[0], grad_mn.shape[0]
    if kind == "sparse" and rank >= DENSE_BELOW:
        return _add_rows(grad_mn, like_rn, stream)
    p_rm = DRAWS[kind](rank, small_side, stream).to(like_rn.dtype)
    if grad_mn.dtype == like_rn.dtype:
        return _product(p_rm, grad_mn)
    r_rn = torch.empty_like(like_rn)
    for part in column_strips(grad_mn):
        r_rn[:, part] = _product(p_rm, grad_mn[:, part].to(like_rn.dtype))
    return r_rn


def _add_rows(grad_mn: Tensor, like_rn: Tensor, stream: Stream) -> Tensor:
    """The sparse R, block by block: bucket b takes row (b − shift) mod r of each block of r rows."""
    rank, small_side = like_rn.shape[0], grad_mn.shape[0]
    signs_m, shifts = draw(rank, small_side, stream)
    signs_m, bucket = signs_m.to(like_rn.dtype), torch.arange(rank, device=stream.device)
    r_rn = torch.zeros_like(like_rn)
    for block in range(shifts.shape[0]):
        row = block * rank + (bucket - shifts[block]) % rank
        held = row.clamp(max=small_side - 1)
        sign = signs_m.index_select(0, held) * (row < small_side)
        r_rn.addcmul_(grad_mn.index_select(0, held).to(like_rn.dtype), sign.unsqueeze(1))
    return r_rn


def _product(p_rm: Tensor, grad_mn: Tensor) -> Tensor:
    """P G, laid out as G is: channels first if it is tall."""
    return torch.mm(p_rm, grad_mn) if grad_mn.is_contiguous() else torch.mm(grad_mn.T, p_rm.T).T
