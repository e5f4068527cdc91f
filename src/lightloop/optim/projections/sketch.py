"""A sparse random projection: each row of the gradient is added to, or taken from, one row of the sketch.

P, shape (r, m), has a single ±1 in every column: a count sketch (Charikar, Chen and Farach-Colton 2002), the sparsest
of the Johnson-Lindenstrauss matrices (Dasgupta, Kumar and Sarlós 2010; Kane and Nelson 2014). R = P G takes m n
additions where a dense P takes m n r.

Here the m rows are cut into blocks of r, and each block is laid on the rows of the sketch turned by a random shift:

    row          0   1   2   3 | 4   5   6   7 | 8   9         r = 4, m = 10
    sign         +   -   -   + | +   +   -   - | -   +
    shift              1       |       3       |   0
    bucket       1   2   3   0 | 3   0   1   2 | 0   1

With independent signs E[PᵀP] = 1 whatever the buckets are, and the variance of ‖P g‖² counts only pairs of rows that
meet in a bucket. Two rows of different blocks meet with chance 1/r, as under a random hash, and two rows of one block
never do; so Var ‖P g‖² ≤ (2/r) ‖g‖⁴. No bucket stays empty or gets more than its share, ‖P‖² is m exactly, and a block
is added as it lies in memory.

Shapes: grad_mn, r_rn, signs_m, shifts of the ⌈m/r⌉ blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import torch
from torch import Tensor

from lightloop.optim.precision.strips import strips
from lightloop.optim.projections.counter import Stream, signs, unsigned, words_of_signs

# A dense product with fewer rows than this costs about what reading G costs, and has fewer blocks to go through.
DENSE_BELOW = 16
# Columns are taken so many at a time that their part of the sketch, 2 MiB in float32, stays in the cache.
CACHED_ELEMENTS = 2**19
REMEMBERED = 1024


def draw(rank: int, small_side: int, stream: Stream) -> tuple[Tensor, Tensor]:
    """A sign ±1 for each of the m rows, float32, and for each of the ⌈m/r⌉ blocks a shift from 0 to r − 1, int64."""
    of_signs = words_of_signs(small_side)
    packed = stream.words(of_signs - (-small_side // rank))
    return signs(packed[:of_signs], small_side), unsigned(packed[of_signs:]) % rank


def pieces(rank: int, small_side: int, shifts: list[int]) -> Iterator[tuple[slice, slice]]:
    """Runs of rows of G and the runs of buckets that they go to, at most two for each block."""
    for block, shift in enumerate(shifts):
        start = block * rank
        stop = min(start + rank, small_side)
        turn = min(start + rank - shift, stop)
        yield slice(start, turn), slice(shift, shift + turn - start)
        if turn < stop:
            yield slice(turn, stop), slice(0, stop - turn)


def dense(rank: int, small_side: int, stream: Stream) -> Tensor:
    """P itself, shape (r, m)."""
    signs_m, shifts = draw(rank, small_side, stream)
    row = torch.arange(small_side, device=stream.device)
    bucket = (row + shifts[row // rank]) % rank
    return torch.where(bucket == torch.arange(rank, device=stream.device).unsqueeze(1), signs_m, 0.0)


@lru_cache(maxsize=REMEMBERED)
def _drawn(rank: int, small_side: int, stream: Stream) -> tuple[Tensor, list[int]]:
    """Signs and shifts; the last ones are remembered, since they take longer to draw than a block to add."""
    signs_m, shifts = draw(rank, small_side, stream)
    return signs_m, shifts.tolist()


def sum_signed_rows(r_rn: Tensor, grad_mn: Tensor, stream: Stream, rows_of: tuple[int, int] | None = None) -> Tensor:
    """R ← P G, with the same P as `dense` makes of the stream; returns `r_rn`, whose old values do not matter.

    Each column is summed by itself in the order of the rows, so a part of the columns gives that part of R to the bit.
    If G has only some of the rows, `rows_of` is the first of them and the m of all, and R is what they add to it.
    """
    rank, count = r_rn.shape[0], grad_mn.shape[0]
    first_row, small_side = rows_of or (0, count)
    signs_m, shifts = _drawn(rank, small_side, stream)
    signs_m1 = signs_m.to(r_rn).unsqueeze(1)[first_row : first_row + count]
    runs = list(pieces(rank, small_side, shifts))
    new_rows = rank  # the first block meets every bucket once
    if count < small_side:
        runs, new_rows = list(clipped(runs, first_row, count)), 0
        r_rn.zero_()
    for strip in strips(grad_mn, r_rn.dtype):
        grad, sketch = grad_mn[:, strip].to(r_rn.dtype), r_rn[:, strip]
        for part in runs_of(grad.shape[1], max(1, CACHED_ELEMENTS // rank)):
            for rows, buckets in runs:
                if rows.start < new_rows:
                    torch.mul(grad[rows, part], signs_m1[rows], out=sketch[buckets, part])
                else:
                    sketch[buckets, part].addcmul_(grad[rows, part], signs_m1[rows])
    return r_rn


def clipped(runs: list[tuple[slice, slice]], first_row: int, count: int) -> Iterator[tuple[slice, slice]]:
    """What of the runs lies in `count` rows from `first_row` on, with its rows counted from there."""
    for rows, buckets in runs:
        start, stop = max(rows.start, first_row), min(rows.stop, first_row + count)
        if start < stop:
            turn = buckets.start - rows.start
            yield slice(start - first_row, stop - first_row), slice(start + turn, stop + turn)


def runs_of(columns: int, width: int) -> Iterator[slice]:
    """Ranges of `width` columns, the last one perhaps shorter."""
    return (slice(start, min(start + width, columns)) for start in range(0, columns, width))
