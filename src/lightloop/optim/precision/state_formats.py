"""The two moments of Adam, m and v, in float32, bfloat16 or 8 bits. The arithmetic is in float32 in each of them.

bfloat16: rounded by chance, right on average. Rounded to the nearest, as in a package that keeps its moments in
bfloat16, v never decays: β2 = 0.999 takes off 0.1 % in a step, and half the distance of two neighbours is 0.2 to 0.4 %.

int8: v is coded by its eighth root, so that it reaches over nineteen orders of magnitude within a block and is zero
only where it was; of m the ratio u = m/√v is coded, evenly. So the error of Adam's direction m/√v is the same small
part of the largest one of its block whether v is large or small, where codes of m itself leave errors that a small √v
blows up.

The chances come from (seed, name, step), so that a resumed run goes on to the bit.

State: `exp_avg` and `exp_avg_sq`, numbers or codes, in the shape and memory layout that the moments have; with codes
`exp_avg_scale` and `exp_avg_sq_scale`, float32, one for each 256 numbers in the order of memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

from lightloop.optim.plan.states import SMALL_TENSOR
from lightloop.optim.precision.block_codes import POSITIVE, SIGNED, block_count, blocks_of
from lightloop.optim.precision.rounding import write_nearest, write_stochastic
from lightloop.optim.projections.keys import moment_key
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.matrix import Matrix
from lightloop.optim.sharded.parts import suffix

State = dict[str, Any]

MOMENTS = ("exp_avg", "exp_avg_sq")


class Format(NamedTuple):
    """One way of keeping both moments.

    `zeros(like)` is the state of fresh moments of the shape and layout of `like`; `read(state, part)` gives m and v of
    a run of numbers, 1-D in the order of memory, that begins at a block; `write(state, part, m, v, generator)` keeps
    them, and may spoil `m` and `v`.
    """

    zeros: Callable[[Tensor], dict[str, Tensor]]
    read: Callable[[State, slice], tuple[Tensor, Tensor]]
    write: Callable[[State, slice, Tensor, Tensor, Generator], None]


def _zeros(dtype: torch.dtype, like: Tensor) -> dict[str, Tensor]:
    return {key: torch.zeros_like(like, dtype=dtype, memory_format=torch.preserve_format) for key in MOMENTS}


def _read_numbers(state: State, part: slice) -> tuple[Tensor, Tensor]:
    m, v = (in_memory_order(state[key])[part] for key in MOMENTS)
    return m.float(), v.float()


def _write_nearest(state: State, part: slice, m: Tensor, v: Tensor, _: Generator) -> None:
    for key, x in zip(MOMENTS, (m, v), strict=True):
        write_nearest(in_memory_order(state[key])[part], x)


def _write_bf16(state: State, part: slice, m: Tensor, v: Tensor, generator: Generator) -> None:
    for key, x in zip(MOMENTS, (m, v), strict=True):
        write_stochastic(generator, in_memory_order(state[key])[part], x.float())


def _zero_codes(like: Tensor) -> dict[str, Tensor]:
    codes = {"exp_avg": _zeros(SIGNED.dtype, like)["exp_avg"], "exp_avg_sq": _zeros(POSITIVE.dtype, like)["exp_avg_sq"]}
    blocks = block_count(like.numel())
    scales = {f"{key}_scale": torch.zeros(blocks, dtype=torch.float32, device=like.device) for key in MOMENTS}
    return codes | scales


def _read_codes(state: State, part: slice) -> tuple[Tensor, Tensor]:
    blocks = blocks_of(part)
    codes_u, codes_v = (in_memory_order(state[key])[part] for key in MOMENTS)
    scales_u, scales_v = (state[f"{key}_scale"][blocks] for key in MOMENTS)
    root_v = POSITIVE.decode(codes_v, scales_v.sqrt(), squarings=POSITIVE.squarings - 1)
    return SIGNED.decode(codes_u, scales_u).mul_(root_v), root_v.square()


def _write_codes(state: State, part: slice, m: Tensor, v: Tensor, generator: Generator) -> None:
    blocks = blocks_of(part)
    codes_v, scales_v = POSITIVE.encode(v.float(), generator)
    # The ratio is to the v that will be read, so that m is right on average whichever way v was rounded.
    root_v = POSITIVE.decode(codes_v, scales_v.sqrt(), squarings=POSITIVE.squarings - 1)
    u = torch.where(root_v > 0, m.float() / root_v, 0.0)
    codes_u, scales_u = SIGNED.encode(u, generator)
    for key, codes, scales in zip(MOMENTS, (codes_u, codes_v), (scales_u, scales_v), strict=True):
        in_memory_order(state[key])[part] = codes
        state[f"{key}_scale"][blocks] = scales


FORMATS = {
    "fp32": Format(lambda like: _zeros(torch.float32, like), _read_numbers, _write_nearest),
    "bf16": Format(lambda like: _zeros(torch.bfloat16, like), _read_numbers, _write_bf16),
    "int8": Format(_zero_codes, _read_codes, _write_codes),
}


def format_for(weight: Tensor, wanted: str | None) -> str | None:
    """The format of a tensor's moments: as wanted, but float32 instead of 8 bits for a small tensor."""
    return "fp32" if wanted == "int8" and weight.numel() < SMALL_TENSOR else wanted


def format_of(state: State) -> str:
    """The format in which a state keeps its moments."""
    if "exp_avg_sq_scale" in state:
        return "int8"
    return "bf16" if state["exp_avg_sq"].dtype == torch.bfloat16 else "fp32"


def moment_generator(device: torch.device, name: str, step: int, recipe: Recipe) -> Generator:
    """The chances of the rounding of the moments of tensor `name` after its step number `step`."""
    return Generator(device).manual_seed(moment_key(recipe.seed, name, step))


def in_memory_order(tensor: Tensor) -> Tensor:
    """A dense tensor as a 1-D view through its memory."""
    if tensor.is_contiguous():
        return tensor.view(-1)
    order = sorted(range(tensor.ndim), key=tensor.stride, reverse=True)
    return tensor.permute(order).view(-1)


def packed(fresh: dict[str, Tensor], weight: Tensor, recipe: Recipe) -> dict[str, Tensor]:
    """The fresh state of a matrix of `weight`, with its moments in the format that the recipe asks for."""
    wanted = format_for(weight, recipe.state_format)
    if wanted in (None, "fp32") or not fresh.keys() >= set(MOMENTS):
        return fresh
    return fresh | FORMATS[wanted].zeros(fresh["exp_avg"])


def step_in_float32(step: Callable[[Matrix, Recipe], None], matrix: Matrix, recipe: Recipe) -> None:
    """A step of a rule that knows moments in float32 only: they are read before it and kept after it.

    They are as large as the sketch of the gradient. Where the rule has left the step out, nothing is written.
    """
    state = matrix.state
    if recipe.state_format in (None, "fp32") or not state.keys() >= set(MOMENTS) or format_of(state) == "fp32":
        step(matrix, recipe)
        return
    kept = FORMATS[format_of(state)]
    every, steps_before = slice(0, state["exp_avg"].numel()), int(state["step"])
    flat = dict(zip(MOMENTS, kept.read(state, every), strict=True))
    wide = {key: _laid_like(state[key], x) for key, x in flat.items()}
    step(replace(matrix, state={**state, **wide}), recipe)
    steps = int(state["step"])
    if steps != steps_before:
        generator = moment_generator(state["exp_avg"].device, _stream(matrix), steps, recipe)
        kept.write(state, every, flat["exp_avg"], flat["exp_avg_sq"], generator)


def _stream(matrix: Matrix) -> str:
    """What the chances go by: the same in all processes that hold the same moments, others where channels differ."""
    if matrix.part is None:
        return matrix.name
    return f"{matrix.name}{suffix(matrix.part.offsets[0 if matrix.tall else 1 :][:1])}"


def _laid_like(tensor: Tensor, flat: Tensor) -> Tensor:
    """`flat` seen in the shape and the order of memory of `tensor`."""
    return flat.as_strided(tensor.shape, tensor.stride())
