"""The step of `lightloop.optim.on_device.step` with Triton kernels for what reads the gradient and the weight.

APOLLO-Mini is four kernels. At higher rank R = P G is torch's matrix product; the norms of G and the update are
kernels. Triton is imported at the first step that uses it.
"""

from __future__ import annotations

import importlib.util
import math
import os
from functools import cache
from typing import Any

import torch
from torch import Tensor

from lightloop.errors import InputError
from lightloop.optim.on_device import step as on_device
from lightloop.optim.on_device.step import Chances, Keys, Passes
from lightloop.optim.precision.rounding import is_rounded
from lightloop.optim.projections.counter import Key, quantiles
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.limiter import norm_floor
from lightloop.optim.rules.matrix import Matrix

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
# Rows and columns of a tile whose columns, and whose rows, lie in one run of memory.
WIDE_TILE, TALL_TILE = (16, 128), (128, 16)
# Programs that keep a large GPU busy; a chunk of the rows is what one of them sums up.
PROGRAMS = 1024
MINI_BLOCK = 1024
INDEX_LIMIT = 2**32
# Instead of log 0: β^t is zero for every t.
LEAST_LOG = -1e30


def takes(weight: Tensor, recipe: Recipe) -> bool:
    """Whether the kernels can step this tensor.

    Raises:
        InputError: Triton was asked for, and is not installed.
    """
    if not is_installed():
        if recipe.implementation == "triton":
            raise InputError("implementation='triton' wants Triton", hint="pip install triton, or use 'on-device'")
        return False
    runs = weight.is_cuda or os.environ.get("TRITON_INTERPRET") == "1"
    return runs and on_device.takes(weight, recipe) and weight.dtype in DTYPES and weight.numel() < INDEX_LIMIT


@cache
def is_installed() -> bool:
    """Whether Triton could be imported; it is not imported for that."""
    return importlib.util.find_spec("triton") is not None


def apollo_step(matrix: Matrix, recipe: Recipe) -> None:
    """One step on one matrix; left out, on the device, if the gradient is not finite."""
    keys, mini = on_device.keys_of(matrix, recipe), matrix.state["exp_avg"].shape[0] == 1
    if mini and recipe.granularity == "tensor":
        mini_step(matrix.weight_mn, matrix.grad_mn, matrix.state, keys, recipe)
        return
    passes = Passes(norm, add_scaled)
    on_device.step_tensors(matrix.weight_mn, matrix.grad_mn, matrix.state, keys, recipe.lr, recipe, passes)


def mini_step(weight_mn: Tensor, grad_mn: Tensor, state: dict[str, Tensor], keys: Keys, recipe: Recipe) -> None:
    """APOLLO-Mini in four kernels."""
    rows, columns = grad_mn.shape
    alpha = recipe.alpha(rows, 1)
    squares, products = _sum_columns(grad_mn, _drawn(rows, state["step"], keys.projection, recipe))
    coefficient, finite = squares.new_empty(()), torch.empty((), dtype=torch.int8, device=squares.device)
    _kernels().adapt_mini[(1,)](
        squares,
        products,
        state["exp_avg"],
        state["exp_avg_sq"],
        state["step"],
        state["limiter_norm"],
        coefficient,
        finite,
        columns,
        squares.shape[0],
        1.0 - recipe.beta1,
        1.0 - recipe.beta2,
        _log(recipe.beta1),
        _log(recipe.beta2),
        recipe.eps,
        alpha,
        recipe.lr,
        recipe.limiter,
        norm_floor(alpha, columns, 1),
        BLOCK=MINI_BLOCK,
    )
    chances = (keys.rounding, state["step"]) if is_rounded(weight_mn, recipe) else None
    add_scaled(weight_mn, grad_mn, coefficient, recipe.lr * recipe.weight_decay, finite, chances)


def norm(x_mn: Tensor, recipe: Recipe, dtype: torch.dtype) -> Tensor:
    """Of each column, shape (n,), or of the whole, (); in one pass, widened as it is read."""
    squares, _ = _sum_columns(x_mn)
    total = squares.sum(0) if recipe.granularity == "channel" else squares.sum()
    return total.sqrt().to(dtype)


def add_scaled(
    weight_mn: Tensor,
    grad_mn: Tensor,
    coefficient: Tensor,
    decay: float | Tensor,
    finite: Tensor,
    chances: Chances | None = None,
) -> None:
    """`lightloop.optim.on_device.step.add_scaled` in one pass; `decay` is a number."""
    rows, columns = weight_mn.shape
    key, step = chances or ((0, 0), coefficient)
    tile = _tile(weight_mn)
    _kernels().add_scaled[(-(-columns // tile[1]), -(-rows // tile[0]))](
        weight_mn,
        grad_mn,
        coefficient,
        finite.view(torch.int8),
        step,
        decay,
        *_signed(key),
        rows,
        columns,
        *weight_mn.stride(),
        *grad_mn.stride(),
        BY_CHANNEL=coefficient.ndim == 1,
        BY_CHANCE=chances is not None,
        BFLOAT16=weight_mn.dtype == torch.bfloat16,
        ROWS=tile[0],
        COLUMNS=tile[1],
    )


def _drawn(rows: int, step: Tensor, key: Key, recipe: Recipe) -> Tensor:
    """P of rank 1, shape (m,)."""
    normal = recipe.projection == "gaussian"  # signs else: a sparse P of one row has nothing but signs
    projection = torch.empty(rows, dtype=torch.float32, device=step.device)
    _kernels().draw_mini[(1,)](
        projection,
        quantiles(str(step.device)),
        step,
        recipe.update_gap,
        *_signed(key),
        rows,
        NORMAL=normal,
        BLOCK=MINI_BLOCK,
    )
    return projection


def _sum_columns(grad_mn: Tensor, projection: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """‖G_j‖² and, if P of rank 1 is given, P G_j: sums over chunks of the rows, each (chunks, n)."""
    rows, columns = grad_mn.shape
    tile = _tile(grad_mn)
    across = -(-columns // tile[1])
    chunk = tile[0] * max(1, -(-rows * across // (tile[0] * PROGRAMS)))
    chunks = -(-rows // chunk)
    squares = torch.empty(chunks, columns, dtype=torch.float32, device=grad_mn.device)
    products = squares if projection is None else torch.empty_like(squares)
    _kernels().sum_columns[(across, chunks)](
        grad_mn,
        products if projection is None else projection,
        squares,
        products,
        rows,
        columns,
        *grad_mn.stride(),
        chunk,
        MINI=projection is not None,
        ROWS=tile[0],
        COLUMNS=tile[1],
    )
    return squares, products


def _tile(x_mn: Tensor) -> tuple[int, int]:
    return TALL_TILE if x_mn.stride(0) == 1 else WIDE_TILE


def _signed(key: Key) -> tuple[int, int]:
    """Both words as int32, so that kernels have one type for them."""
    return key[0] - (key[0] >> 31 << 32), key[1] - (key[1] >> 31 << 32)


def _log(beta: float) -> float:
    return math.log(beta) if beta > 0.0 else LEAST_LOG


def _kernels() -> Any:
    from lightloop.optim.on_device import triton_kernels

    return triton_kernels
