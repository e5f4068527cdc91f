"""Norms of the columns of a matrix, or of the whole of it, in the precision of the optimizer's mathematics.

Shapes: x_kn has its channels as its n columns and k entries in each (k is r or m).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.linalg import vector_norm

from lightloop.optim.precision.strips import strips

# Rows squared at a time below; more rows fall out of the first-level cache.
ROWS = 32
# Keeps 0/0 out of ratios of two norms. Squares of entries below 1e-19 underflow in float32; at this size ‖R̃‖/‖R‖ stays
# bounded there.
TINY_NORM = 1e-16


def channel_norms(x_kn: Tensor, dtype: torch.dtype) -> Tensor:
    """‖x_j‖₂ of every column j, shape (n,), in `dtype`."""
    if x_kn.dtype == dtype:
        return _column_norms(x_kn)
    return torch.cat([_column_norms(x_kn[:, strip].to(dtype)) for strip in strips(x_kn, dtype)])


def tensor_norm(x_kn: Tensor, dtype: torch.dtype) -> Tensor:
    """The Frobenius norm of the matrix, shape (), in `dtype`."""
    if x_kn.dtype == dtype:
        return vector_norm(x_kn)
    return vector_norm(torch.stack([vector_norm(x_kn[:, strip].to(dtype)) for strip in strips(x_kn, dtype)]))


def finite_sum(x: Tensor) -> Tensor:
    """The sum of all numbers, shape (): finite if they are, for a NaN or an infinity cannot cancel.

    That of float16 is taken in float32, which it could overflow otherwise.
    """
    return x.sum(dtype=torch.float32 if x.dtype == torch.float16 else None)


NORMS = {"channel": channel_norms, "tensor": tensor_norm}


def _column_norms(x_kn: Tensor) -> Tensor:
    if not x_kn.is_cpu or x_kn.stride(0) == 1:
        return vector_norm(x_kn, dim=0)
    # On a CPU a reduction down the columns of a row-major matrix strides through memory, five times slower
    # than this sum of squares of ROWS rows at a time.
    squares = x_kn.new_zeros(min(ROWS, x_kn.shape[0]), x_kn.shape[1])
    for rows in x_kn.split(ROWS):
        squares[: rows.shape[0]].addcmul_(rows, rows)
    return squares.sum(0).sqrt_()
