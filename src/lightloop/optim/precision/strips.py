"""How much of a tensor is widened at a time: as a whole, a bfloat16 one would cost a temporary of twice its size."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

# Numbers in a strip: 1 MiB in float32, which stays in the cache of a CPU; on an accelerator 16 MiB, so that launching
# kernels takes less time than running them.
STRIP_ELEMENTS = 2**18
DEVICE_STRIP_ELEMENTS = 2**22


def strip_elements(x: Tensor) -> int:
    """Numbers of a strip where `x` is."""
    return STRIP_ELEMENTS if x.is_cpu else DEVICE_STRIP_ELEMENTS


def runs(length: int, step: int) -> Iterator[slice]:
    """Ranges of `step` places, the last perhaps shorter, that make up 0 to `length`."""
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def column_strips(x_mn: Tensor) -> Iterator[slice]:
    """Ranges of columns, a strip's worth of numbers in each."""
    rows, columns = x_mn.shape
    return runs(columns, max(1, strip_elements(x_mn) // max(1, rows)))


def strips(x_mn: Tensor, dtype: torch.dtype) -> Iterator[slice]:
    """Ranges of columns to work on in `dtype`: all at once if that is what `x_mn` is, else a few at a time."""
    return runs(x_mn.shape[1], max(1, x_mn.shape[1])) if x_mn.dtype == dtype else column_strips(x_mn)
