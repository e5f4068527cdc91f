"""Writing a weight back in a precision lower than that of the arithmetic: to the nearest number, or to one by chance.

A bfloat16 number of size 1 has neighbours 0.4 % and 0.8 % away, and rounded to the nearest it never moves under updates
of 1e-4. Rounded up with the chance of its distance from the lower neighbour it moves by the right amount on average.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from lightloop.optim.projections.keys import rounding_key
from lightloop.optim.quantized.grid import Rounding, by_chance, to_nearest
from lightloop.optim.recipe import Recipe

# Writes a wide tensor, which it may spoil, into a weight of the same shape.
Write = Callable[[Tensor, Tensor], None]

ROUNDINGS = ("nearest", "stochastic")

# The bits of a float32 that a bfloat16 leaves out.
DROPPED_BITS = 16


def write_nearest(weight: Tensor, wide: Tensor) -> None:
    """weight ← wide, each element to its nearest neighbour."""
    weight.copy_(wide)


def write_stochastic(generator: Generator, weight: Tensor, wide: Tensor) -> None:
    """weight ← wide, up or down with the chance that makes the mean right; for bfloat16 from float32.

    A uniform integer below 2^16 is added to the bits of the float32, and the low 16 are cut off: the carry into the
    bfloat16 comes with the chance (low bits) / 2^16, for both signs, and is zero where nothing is to be rounded.
    Overwrites `wide`.
    """
    bits = wide.view(torch.int32)
    noise = torch.empty_like(bits).random_(0, 1 << DROPPED_BITS, generator=generator)
    bits.add_(noise).bitwise_and_(-1 << DROPPED_BITS)
    weight.copy_(wide)


def is_rounded(weight: Tensor, recipe: Recipe) -> bool:
    """Whether a weight is rounded stochastically; float32 and wider ones are as wide as the arithmetic."""
    return recipe.weight_rounding == "stochastic" and weight.dtype == torch.bfloat16


def writer(weight: Tensor, name: str, step: int, recipe: Recipe) -> Write:
    """How to write the tensor `name` back after its step number `step`.

    The chances come from (seed, name, step) and so need no state: a resumed run draws what the straight one draws.
    """
    if not is_rounded(weight, recipe):
        return write_nearest
    generator = _chances(weight, name, step, recipe)
    return lambda narrow, wide: write_stochastic(generator, narrow, wide)


def lattice_rounding(weight: Tensor, name: str, step: int, recipe: Recipe) -> Rounding:
    """How to round the numbers of the 8-bit tensor `name` after its step number `step`; chances as in `writer`."""
    if recipe.weight_rounding != "stochastic":
        return to_nearest
    return by_chance(_chances(weight, name, step, recipe))


def _chances(weight: Tensor, name: str, step: int, recipe: Recipe) -> Generator:
    return Generator(weight.device).manual_seed(rounding_key(recipe.seed, name, step))
