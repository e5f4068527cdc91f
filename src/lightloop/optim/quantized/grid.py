"""The numbers that a group of 8-bit weights can be: k · scale, for up to 256 whole numbers k in a row.

A weight is scale · (code − zero) with a code from 0 to 255; scale and zero are bfloat16, shared by a group along the
row, and zero is a whole number. It may lie outside 0 to 255, so a group far from 0 has its grid where it is.

All numbers of a grid are multiples of its scale. So moving the range (another zero) rounds nothing, and only a new
scale does: a grid keeps its scale while the weights fill between a half of the codes and nearly all of them. With a
new scale at each step, as tight as can be, all weights would be rounded anew each time, which is noise on those that
did not move.

Shapes: weights and codes are (rows, columns); scale and zero (rows, ⌈columns / group⌉), the last group of a row
perhaps shorter than the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Generator, Tensor

# Codes that the range of a group takes up on a fresh grid, and how few or many it may come to until the next one. The
# rest of the 256 is for whole numbers on both sides and for the rounding of zero.
FRESH_CODES, FEWEST_CODES, MOST_CODES = 224, 112, 248
MIDDLE_CODE = 127
# A bfloat16 zero of more than 256 is rounded by up to a 256th of itself, to either side of the range.
ROUNDED_ZERO = 1 / 128
# bfloat16 and float32 have no smaller number of full precision; the scale of a group of zeros.
SMALLEST_SCALE = 2.0**-126

# Rounds a float32 tensor to whole numbers, in place.
Rounding = Callable[[Tensor], None]


def to_nearest(lattice: Tensor) -> None:
    """Each number to the nearest whole one."""
    lattice.round_()


def by_chance(generator: Generator) -> Rounding:
    """Up with the chance of the distance from the whole number below, so that the mean is right; whole ones stay.

    The chance is a uniform number (k + d) / 2^16, k from 0 to 2^16 − 1 for each element, 0 ≤ d < 1 for all: of 64
    random bits, which a CPU takes as long to make as any fewer, come four of them.
    """

    def round_up_or_down(lattice: Tensor) -> None:
        below = lattice.floor()
        words = torch.empty(-(-lattice.numel() // 4), dtype=torch.int64, device=lattice.device)
        chance = words.random_(-(2**63), None, generator=generator).view(torch.int16)[: lattice.numel()]
        rest = torch.rand((), generator=generator, device=lattice.device)
        above = lattice.sub_(below).mul_(2.0**16).sub_(rest + 2.0**15)  # int16 goes from −2^15
        below.add_(torch.lt(chance.view(lattice.shape), above, out=above))
        lattice.copy_(below)

    return round_up_or_down


def groups_in(columns: int, group: int) -> int:
    """Groups in a row: ⌈columns / group⌉."""
    return -(-columns // group)


def write_values(codes: Tensor, scale: Tensor, zero: Tensor, group: int, out: Tensor) -> None:
    """out ← scale · (code − zero), computed in place in the precision of `out`."""
    scale, zero = scale.to(out.dtype), zero.to(out.dtype)
    for columns, members in _blocks(codes.shape[1], group):
        values, levels = (_grouped(x, columns, members) for x in (out, codes))
        values.copy_(levels).sub_(zero[:, members, None]).mul_(scale[:, members, None])


def write_codes(wide: Tensor, codes: Tensor, scale: Tensor, zero: Tensor, group: int, rounding: Rounding) -> None:
    """Put `wide`, float32, on the grids: keeps or renews each scale, and writes zeros and codes. Overwrites `wide`."""
    for columns, members in _blocks(codes.shape[1], group):
        values, levels = (_grouped(x, columns, members) for x in (wide, codes))
        low, high = values.amin(-1), values.amax(-1)
        steps = _scale(low, high, scale[:, members])
        scale[:, members] = steps
        zero[:, members] = MIDDLE_CODE - ((low + high) / (2.0 * steps)).floor_()
        rounding(values.div_(steps.unsqueeze(-1)))
        levels.copy_(values.add_(zero[:, members, None]))


def _scale(low: Tensor, high: Tensor, old: Tensor) -> Tensor:
    """The old scale, or where it is too fine or too coarse for the range a new one; float32 that bfloat16 can say."""
    reach = (high - low).add_((high + low).abs_(), alpha=ROUNDED_ZERO / 2)
    fresh = (reach / FRESH_CODES).clamp_min_(SMALLEST_SCALE).bfloat16().float()
    taken = reach / old
    return torch.where((taken >= FEWEST_CODES) & (taken <= MOST_CODES), old.float(), fresh)


def _blocks(columns: int, group: int) -> Iterator[tuple[slice, slice]]:
    """Columns in whole groups and the places of the groups; then the columns left over, which are one more."""
    whole = columns // group
    if whole:
        yield slice(0, whole * group), slice(0, whole)
    if columns % group:
        yield slice(whole * group, columns), slice(whole, whole + 1)


def _grouped(x: Tensor, columns: slice, members: slice) -> Tensor:
    """A view of some columns, shape (rows, groups, numbers in a group)."""
    return x[:, columns].unflatten(1, (members.stop - members.start, -1))
