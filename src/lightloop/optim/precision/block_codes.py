"""Numbers in 8 bits: 256 of them share a float32 scale, and each is rounded up or down by chance, right on average.

    x = s · sign(c) (|c| / L)^p,   s the largest |x| of the block, c the code, L the largest code.

To the nearest code a second moment would never decay: β2 = 0.999 takes off less in a step than half the way to the
next of 256 codes. Dettmers et al. (arXiv 2110.02861) share scales the same way and round to the nearest.

Shapes: numbers are 1-D, in any count; the last block may be short.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from lightloop.optim.plan.states import STATE_BLOCK


@dataclass(frozen=True, slots=True)
class BlockCode:
    """One way of spacing the codes.

    Attributes:
        dtype: Of the codes.
        levels: L.
        squarings: log2 p: 0 for evenly spaced numbers, 3 for eighth powers, which reach down to s / L⁸.
        keep_positive: Numbers above zero do not become zero, but at least the smallest code.
    """

    dtype: torch.dtype
    levels: int
    squarings: int
    keep_positive: bool

    def encode(self, x: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Codes, as many as numbers, and the scales of their blocks. NaN is not provided for; infinity is the largest.

        With q = L (|x|/s)^(1/p) between the codes k and k + 1, k + 1 is taken with the chance
        (q^p − k^p) / ((k + 1)^p − k^p), which makes the mean x.
        """
        blocks = _blocks(x)
        size = blocks.abs()
        scales = size.amax(1).clamp_(max=torch.finfo(x.dtype).max)
        q = size.div_(scales.clamp(min=torch.finfo(x.dtype).tiny).unsqueeze(1)).clamp_(max=1.0)
        for _ in range(self.squarings):
            q.sqrt_()
        k = q.mul_(self.levels).floor()
        below = self._power(k.clone())
        step = self._power(k + 1.0).sub_(below)
        noise = torch.empty_like(q).uniform_(generator=generator)
        code = k.add_(self._power(q).sub_(below) > noise.mul_(step))
        if self.keep_positive:
            code = torch.maximum(code, (blocks > 0).to(code.dtype), out=code)
        else:
            code = torch.copysign(code, blocks, out=code)
        return code.view(-1)[: x.numel()].to(self.dtype), scales

    def decode(self, codes: Tensor, scales: Tensor, squarings: int | None = None) -> Tensor:
        """The numbers, float32; or their roots, from the roots of the scales and one squaring less."""
        blocks = _blocks(codes.float()).div_(self.levels)
        for _ in range(self.squarings if squarings is None else squarings):
            blocks.square_()
        return blocks.mul_(scales.unsqueeze(1)).view(-1)[: codes.numel()]

    def _power(self, q: Tensor) -> Tensor:
        for _ in range(self.squarings):
            q.square_()
        return q


SIGNED = BlockCode(torch.int8, 127, squarings=0, keep_positive=False)
POSITIVE = BlockCode(torch.uint8, 255, squarings=3, keep_positive=True)


def block_count(count: int) -> int:
    """Blocks that so many numbers fill."""
    return -(-count // STATE_BLOCK)


def blocks_of(part: slice) -> slice:
    """The blocks of a run of numbers that begins at a block."""
    return slice(part.start // STATE_BLOCK, block_count(part.stop))


def _blocks(x: Tensor) -> Tensor:
    """The numbers by block, with zeros behind the last of them."""
    return pad(x, (0, -x.numel() % STATE_BLOCK)).view(-1, STATE_BLOCK)
