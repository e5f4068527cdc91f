"""A product of many rows and columns, tile by tile, so that its temporaries stay in the cache of a core.

Shapes: `b` batch, `t` rows of the first operand, `o` rows of the second, `k` the summed axis.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...]
Encode = Callable[..., Tensors]
Detect = Callable[..., Tensor]


# 1 MiB of float32: the fastest of 32 Ki to 1 Mi elements on a core with 1 MiB of second-level cache.
# Matrix products want tiles that are not slivers, so a wide output is cut across as well.
TILE_ELEMENTS = 1 << 18
TILE_COLUMNS = 512


def in_tiles(
    encode_first: Encode, encode_second: Encode, detect: Detect, firsts_tk: Tensors, seconds_ok: Tensors
) -> Tensor:
    """`detect(*encode_first(*firsts_tk), *encode_second(*seconds_ok))`, each row of both being encoded once.

    It is cut into tiles on a CPU, where nothing needs a gradient and no operand is repeated over batches.

    Args:
        encode_first: Row by row from `firsts_tk` to tensors `(..., t, any)`.
        encode_second: Row by row from `seconds_ok` to tensors `(..., o, any)`.
        detect: From all of those to the product, written to `out` if that is given.
        firsts_tk: Tensors of shape `(..., t, any)` with the same leading axes.
        seconds_ok: Tensors of shape `(..., o, any)` with the same leading axes, which broadcast against the others.

    Returns:
        Shape `(..., t, o)`.
    """
    tensors = (*firsts_tk, *seconds_ok)
    needs_grad = torch.is_grad_enabled() and any(item.requires_grad for item in tensors)
    batch, second_batch = firsts_tk[0].shape[:-2], seconds_ok[0].shape[:-2]
    if needs_grad or any(item.device.type != "cpu" for item in tensors) or second_batch not in {batch, torch.Size()}:
        return detect(*encode_first(*firsts_tk), *encode_second(*seconds_ok))
    rows, columns = firsts_tk[0].shape[-2], seconds_ok[0].shape[-2]
    out = firsts_tk[0].new_empty(*batch, rows, columns)
    length = firsts_tk[0].shape[-1]
    if not second_batch:  # one second operand for all: the batches are one long list of rows
        lists_tk = tuple(item.reshape(-1, item.shape[-1]) for item in firsts_tk)
        _detect_rows(encode_first, detect, lists_tk, encode_second(*seconds_ok), out.view(-1, columns))
        return out
    firsts_tk, seconds_ok = (tuple(item.flatten(0, -3) for item in items) for items in (firsts_tk, seconds_ok))
    out_bto = out.view(-1, rows, columns)
    step = max(1, _tile_elements() // (rows * max(columns, length)))
    for b in _slices(out_bto.shape[0], step):
        tile_tk = tuple(item[b] for item in firsts_tk)
        _detect_rows(encode_first, detect, tile_tk, encode_second(*(item[b] for item in seconds_ok)), out_bto[b])
    return out


def _detect_rows(encode_first: Encode, detect: Detect, firsts_tk: Tensors, encoded_ok: Tensors, out: Tensor) -> None:
    rows, columns = out.shape[-2:]
    width = min(columns, TILE_COLUMNS)
    for t in _slices(rows, max(1, _tile_elements() // max(width, firsts_tk[0].shape[-1]))):
        encoded_tk = encode_first(*(item[..., t, :] for item in firsts_tk))
        for o in _slices(columns, width):
            detect(*encoded_tk, *(item[..., o, :] for item in encoded_ok), out=out[..., t, o])


def _tile_elements() -> int:
    return TILE_ELEMENTS * torch.get_num_threads()


def _slices(total: int, step: int) -> list[slice]:
    return [slice(start, start + step) for start in range(0, total, step)]
