"""The step of `lightloop.optim.rules.reference` without a word from the host: nothing is read back, nothing waits.

Whether the gradient is finite, the count of steps, the limiter's norm and the number of the renewal are tensors beside
the weight, and a choice between two of them is `torch.where`. So a step can be captured in a CUDA graph, whose replays
go on counting. P and the chances of rounding come from `lightloop.optim.projections.counter`.

Shapes: weight_mn and grad_mn with m ≤ n, n the channels; r_rn = P G and its moments; s is (n,) or ().
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.linalg import vector_norm

from lightloop.optim.on_device.projection import project, renewal
from lightloop.optim.precision.rounding import DROPPED_BITS, is_rounded
from lightloop.optim.precision.strips import column_strips
from lightloop.optim.projections.counter import Key, Stream, halves, words
from lightloop.optim.projections.draws import DRAWS, projection_key
from lightloop.optim.projections.keys import counter_key
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules import reference
from lightloop.optim.rules.limiter import norm_floor
from lightloop.optim.rules.matrix import Matrix, is_sharded
from lightloop.optim.rules.norms import TINY_NORM


class Keys(NamedTuple):
    """Of the streams of one tensor."""

    projection: Key
    rounding: Key


# The stream that a weight is rounded by, and the count of steps.
Chances = tuple[Key, Tensor]


class Passes(NamedTuple):
    """The two passes over the gradient that have kernels of their own elsewhere: `norm` and `add_scaled`."""

    norm: Callable[[Tensor, Recipe, torch.dtype], Tensor]
    add_scaled: Callable[[Tensor, Tensor, Tensor, float | Tensor, Tensor, Chances | None], None]


def takes(weight: Tensor, recipe: Recipe) -> bool:
    """Whether this implementation has what a tensor wants; else the reference steps it.

    Moments in fewer bits are rounded by chances that the host counts, singular vectors want the host's patience, and
    what is spread over processes or quantised has ways of its own.
    """
    plain = not is_sharded(weight) and type(weight) in (Tensor, nn.Parameter)
    return plain and recipe.projection in DRAWS and recipe.state_format in (None, "fp32")


def init_state(rows: int, columns: int, weight: Tensor, recipe: Recipe, ordinal: int) -> dict[str, Tensor]:
    """As the reference's, with the count of steps beside the weight."""
    state = reference.init_state(rows, columns, weight, recipe, ordinal)
    return {**state, "step": state["step"].to(weight.device)}


def apollo_step(matrix: Matrix, recipe: Recipe) -> None:
    """One step on one matrix; left out, on the device, if the gradient is not finite."""
    step_tensors(matrix.weight_mn, matrix.grad_mn, matrix.state, keys_of(matrix, recipe), recipe.lr, recipe)


def keys_of(matrix: Matrix, recipe: Recipe) -> Keys:
    """The keys of the projections and of the rounding of a matrix."""
    rounding = halves(counter_key("rounding", recipe.seed, matrix.name))
    return Keys(projection_key(recipe.seed, matrix.name), rounding)


def step_tensors(
    weight_mn: Tensor,
    grad_mn: Tensor,
    state: dict[str, Tensor],
    keys: Keys,
    lr: float | Tensor,
    recipe: Recipe,
    passes: Passes | None = None,
) -> None:
    """W ← (1 − ηλ) W − η α κ G S in operations on tensors alone; `lr` is η, in place of the recipe's."""
    read, write = passes or (norm, add_scaled)
    rank, channels = state["exp_avg"].shape
    alpha = recipe.alpha(grad_mn.shape[0], rank)
    norm_g = read(grad_mn, recipe, state["exp_avg"].dtype)
    finite = torch.isfinite(norm_g.sum())
    stream = Stream(keys.projection, renewal(state["step"], recipe.update_gap), grad_mn.device)
    r_rn = project(grad_mn, state["exp_avg"], recipe.projection, stream)
    s = adam_ratio(torch.where(finite, r_rn, 0.0), state, finite, recipe)
    norm_u = alpha * vector_norm(s * norm_g)
    kappa = limit_growth(norm_u, state["limiter_norm"], finite, recipe.limiter, norm_floor(alpha, channels, rank))
    chances = (keys.rounding, state["step"].long()) if is_rounded(weight_mn, recipe) else None
    write(weight_mn, grad_mn, -lr * alpha * kappa * s, lr * recipe.weight_decay, finite, chances)


def norm(x_kn: Tensor, recipe: Recipe, dtype: torch.dtype) -> Tensor:
    """Of each column, shape (n,), or of the whole, ()."""
    wide = torch.promote_types(x_kn.dtype, dtype)
    return vector_norm(x_kn, dim=0 if recipe.granularity == "channel" else None, dtype=wide).to(dtype)


def adam_ratio(r_rn: Tensor, state: dict[str, Tensor], finite: Tensor, recipe: Recipe) -> Tensor:
    """s = ‖R̃‖/‖R‖ after the moments have taken in R, or, if it was not finite, nothing; R is zero then."""
    m_rn, v_rn, step = state["exp_avg"], state["exp_avg_sq"], state["step"]
    taken = finite.to(m_rn.dtype)
    step.add_(finite)
    m_rn.lerp_(r_rn, (1.0 - recipe.beta1) * taken)
    v_rn.mul_(1.0 - (1.0 - recipe.beta2) * taken).addcmul_(r_rn, r_rn, value=1.0 - recipe.beta2)
    count = step.to(m_rn.dtype).clamp(min=1.0)
    c1, root_c2 = bias(recipe.beta1, count), bias(recipe.beta2, count).sqrt()
    direction_rn = m_rn / v_rn.sqrt().add_(root_c2 * recipe.eps)
    dtype = m_rn.dtype
    return norm(direction_rn, recipe, dtype) * (root_c2 / c1) / (norm(r_rn, recipe, dtype) + TINY_NORM)


def bias(beta: float, step: Tensor) -> Tensor:
    """1 − β^t without loss of digits."""
    return -torch.expm1(step * math.log(beta)) if beta > 0.0 else torch.ones_like(step)


def limit_growth(norm_u: Tensor, previous: Tensor, finite: Tensor, growth: float, floor: float) -> Tensor:
    """κ of `lightloop.optim.rules.limiter`; remembers in `previous` the norm after limiting."""
    ceiling = torch.where(previous > 0.0, growth * previous.clamp(min=floor), math.inf)
    limited = torch.minimum(norm_u, ceiling)
    moved = norm_u > 0.0
    previous.copy_(torch.where(finite & moved, limited, previous))
    return torch.where(moved, limited / norm_u, 1.0)


def add_scaled(
    weight_mn: Tensor,
    grad_mn: Tensor,
    coefficient: Tensor,
    decay: float | Tensor,
    finite: Tensor,
    chances: Chances | None = None,
) -> None:
    """W ← W − decay · W + G · coefficient where `finite`, some columns at a time; rounded by `chances`, if any."""
    wide = torch.promote_types(weight_mn.dtype, coefficient.dtype)
    coefficient_n = coefficient.expand(weight_mn.shape[1])
    for part in column_strips(weight_mn):
        old = weight_mn[:, part]
        new = old.to(wide)
        new = torch.addcmul(new - new * decay, grad_mn[:, part].to(wide), coefficient_n[part].to(wide))
        if chances is not None:
            new = round_by_chance(new, words(places(weight_mn, part), *chances))
        old.copy_(torch.where(finite, new.to(old.dtype), old))


def places(weight_mn: Tensor, part: slice) -> Tensor:
    """Numbers of the elements in a range of columns, channel by channel: j m + i, int32."""
    rows, count = weight_mn.shape[0], partial(torch.arange, device=weight_mn.device, dtype=torch.int32)
    return count(rows).unsqueeze(1) + rows * count(part.start, part.stop)


def round_by_chance(wide: Tensor, words_mn: Tensor) -> Tensor:
    """float32 cut to the bits of bfloat16, up or down by chance, as `rounding.write_stochastic` does."""
    noise = (words_mn >> (32 - DROPPED_BITS)) & ((1 << DROPPED_BITS) - 1)
    return ((wide.contiguous().view(torch.int32) + noise) & (-1 << DROPPED_BITS)).view(torch.float32)
