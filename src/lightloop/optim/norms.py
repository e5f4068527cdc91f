"""Norms of the columns of a matrix, or of the whole of it, in the precision of the optimizer's mathematics.

Shapes: x_kn has its channels as its n columns and k entries in each (k is r or m).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.linalg import vector_norm

# A strip of this many elements is what a low-precision matrix is widened by at a time: 1 MiB in float32.
STRIP_ELEMENTS = 2**18
# Rows squared at a time below; more rows fall out of the first-level cache.
ROWS = 32


def strips(x_kn: Tensor, dtype: torch.dtype) -> Iterator[slice]:
    """Ranges of columns to work on in `dtype`: all at once if that is what `x_kn` is, else a few at a time.

    Widening a bfloat16 matrix as a whole would cost a temporary of twice its size.
    """
    rows, columns = x_kn.shape
    width = max(1, columns if x_kn.dtype == dtype else STRIP_ELEMENTS // max(1, rows))
    for start in range(0, columns, width):
        yield slice(start, start + width)


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
