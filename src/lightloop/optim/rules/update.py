"""The last line of every step, W ← (1 − ηλ) W + c G S in place, with nothing as large as the weight allocated.

Shapes: weight_mn and grad_mn with the channels as columns; the scale is (n,) by channel, () for the whole.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lightloop.optim.precision.rounding import Write, lattice_rounding, write_nearest, writer
from lightloop.optim.precision.strips import strips
from lightloop.optim.quantized.update import add_to_quantized
from lightloop.optim.quantized.weight import QuantizedTensor
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.matrix import Matrix


def update(matrix: Matrix, scale: Tensor, value: float, recipe: Recipe) -> None:
    """Weight decay and the scaled gradient, written as the recipe rounds; `value` is c, −η and what goes with it."""
    keep = 1.0 - recipe.lr * recipe.weight_decay
    if isinstance(matrix.weight, QuantizedTensor):
        rounding = lattice_rounding(matrix.weight, matrix.stream, int(matrix.state["step"]), recipe)
        add_to_quantized(matrix.weight, matrix.grad, scale, value, keep, rounding)
        return
    write = writer(matrix.weight, matrix.stream, int(matrix.state["step"]), recipe)
    add_scaled(matrix.weight_mn, matrix.grad_mn, scale, value, keep, write)


def add_scaled(
    weight_mn: Tensor, grad_mn: Tensor, scale: Tensor, value: float, keep: float = 1.0, write: Write = write_nearest
) -> None:
    """W ← keep · W + value · G · scale in place, rounded once; a low-precision weight is widened a strip at a time."""
    wide = torch.promote_types(weight_mn.dtype, scale.dtype)
    if wide == weight_mn.dtype:
        _add_scaled(weight_mn, grad_mn, scale.to(wide), value, keep)
        return
    scale_n = scale.expand(weight_mn.shape[1])
    for strip in strips(weight_mn, wide):
        weight, grad = weight_mn[:, strip].to(wide), grad_mn[:, strip].to(wide)
        _add_scaled(weight, grad, scale_n[strip], value, keep)
        write(weight_mn[:, strip], weight)


def _add_scaled(weight_mn: Tensor, grad_mn: Tensor, scale: Tensor, value: float, keep: float) -> None:
    if keep != 1.0:  # as a product, keep itself would be rounded, the same way at every step
        weight_mn.add_(weight_mn, alpha=keep - 1.0)
    if scale.ndim == 0 and scale.is_cpu:  # two operands are a fifth faster than three
        weight_mn.add_(grad_mn, alpha=value * float(scale))
    else:
        weight_mn.addcmul_(grad_mn, scale, value=value)
