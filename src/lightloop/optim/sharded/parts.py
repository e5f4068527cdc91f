"""A part of a matrix that several processes hold together, and sums over them; nothing is summed for a whole one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

# Process groups to sum over, one after the other; none where a process holds everything itself.
Groups = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Where a process's block of a matrix lies in the whole, and which processes hold the others.

    Attributes:
        shape: Rows and columns of the whole matrix.
        offsets: The first row and column of the block.
        groups: Process groups over which the rows, and over which the columns, are spread.
    """

    shape: tuple[int, int]
    offsets: tuple[int, int] = (0, 0)
    groups: tuple[Groups, Groups] = ((), ())

    @property
    def suffix(self) -> str:
        """What tells the blocks of one matrix apart; empty for the first, as for a whole matrix."""
        return suffix(self.offsets)


def suffix(offsets: Iterable[int]) -> str:
    """What tells a part that begins at `offsets` from the others; empty for the first."""
    return f"@{','.join(map(str, offsets))}" if any(offsets) else ""


def summed(x: Tensor, groups: Groups) -> Tensor:
    """Σ over the processes of the groups, in place, the same bits in all; `x` or its transpose is contiguous."""
    if groups:
        from torch import distributed

        for group in groups:
            distributed.all_reduce(x if x.is_contiguous() else x.mT, group=group)
    return x


def combined(norms: Tensor, groups: Groups) -> Tensor:
    """√Σ‖x_p‖² over the parts x_p of the groups: the norms of what they hold together."""
    return summed(norms.double().square(), groups).sqrt().to(norms.dtype) if groups else norms
