"""A product of many rows and columns, tile by tile, so that its temporaries stay in the cache of a core.

Shapes: `b` batch, `t` rows of the first operand, `o` rows of the second, `k` the summed axis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...]

# 512 KiB of float32: the fastest of 32 Ki to 256 Ki elements on a core with 1 MiB of second-level cache.
# Matrix products want tiles that are not slivers, so a wide output is cut across as well.
TILE_ELEMENTS = 1 << 17
TILE_COLUMNS = 512


def in_tiles(
    encode: Callable[..., Tensors], detect: Callable[..., Tensor], firsts_tk: Tensors, seconds_ok: Tensors
) -> Tensor:
    """`detect(*encode(*firsts_tk), *seconds_ok)`, in tiles where nothing needs a gradient and the machine is a CPU.

    Args:
        encode: Row by row from `firsts_tk` to tensors `(..., t, any)`.
        detect: From those and rows of `seconds_ok` to their product, written to `out` if that is given.
        firsts_tk: Tensors of shape `(..., t, any)` with the same leading axes.
        seconds_ok: Tensors of shape `(..., o, any)` with the same leading axes, which broadcast against the others.

    Returns:
        Shape `(..., t, o)`.
    """
    tensors = (*firsts_tk, *seconds_ok)
    needs_grad = torch.is_grad_enabled() and any(item.requires_grad for item in tensors)
    if needs_grad or any(item.device.type != "cpu" for item in tensors):
        return detect(*encode(*firsts_tk), *seconds_ok)
    shape = (*firsts_tk[0].shape[:-1], seconds_ok[0].shape[-2])
    if seconds_ok[0].dim() == 2:  # one second operand for all: the batches are one long list of rows
        firsts_tk = tuple(item.reshape(-1, item.shape[-1]) for item in firsts_tk)
    else:
        batch = torch.broadcast_shapes(firsts_tk[0].shape[:-2], seconds_ok[0].shape[:-2])
        shape = (*batch, *shape[-2:])
        firsts_tk, seconds_ok = _flat(firsts_tk, batch), _flat(seconds_ok, batch)
    out = firsts_tk[0].new_empty(*firsts_tk[0].shape[:-1], shape[-1])
    for rows, columns in _tiles(out.shape, firsts_tk[0].shape[-1]):
        batches = rows[:-1]
        lefts_tk = encode(*(item[rows] for item in firsts_tk))
        for column in columns:
            tile = (*rows, column)
            detect(*lefts_tk, *(item[(*batches, column)] for item in seconds_ok), out=out[tile])
    return out.reshape(shape)


def _flat(items: Tensors, batch: torch.Size) -> Tensors:
    return tuple(item.expand(*batch, *item.shape[-2:]).flatten(0, -3) for item in items)


def _tiles(shape: torch.Size, length: int) -> Iterator[tuple[tuple[slice, ...], list[slice]]]:
    """Rows (with their batches) to encode at once, each with the columns to detect at once.

    Args:
        shape: Of the output, `(t, o)` or `(b, t, o)`.
        length: The summed length k.
    """
    elements = TILE_ELEMENTS * torch.get_num_threads()
    rows, columns = shape[-2:]
    columns_step = min(columns, TILE_COLUMNS)
    row_step = max(1, elements // max(columns_step, length))
    batch_step = max(1, row_step // rows)
    column_slices = _slices(columns, columns_step)
    for row_slice in _slices(rows, row_step):
        if len(shape) == 2:
            yield (row_slice,), column_slices
        else:
            yield from (((b, row_slice), column_slices) for b in _slices(shape[0], batch_step))


def _slices(total: int, step: int) -> list[slice]:
    return [slice(start, start + step) for start in range(0, total, step)]
