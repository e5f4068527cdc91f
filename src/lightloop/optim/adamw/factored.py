"""AdamW with a second moment of rows and columns, for tables such as embedding and head.

    r_i = mean over j of v_ij,   c_j = mean over i of v_ij,   v_ij ≈ r_i c_j / mean(r)

(Adafactor; Shazeer and Stern, arXiv 1804.04235): m + n numbers instead of m n. The first moment is kept as m/√v in
8 bits, as `lightloop.optim.precision.state_formats` explains. Two passes over the gradient, a strip of rows at a time.

State: `exp_avg`, the codes, in the shape of the tensor as a matrix of contiguous memory; `exp_avg_scale`, float32, one
for each 256 numbers; `row_sq` and `column_sq`, float32, r and c without their bias corrections.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from lightloop.optim.plan.states import STATE_BLOCK
from lightloop.optim.precision.block_codes import SIGNED, block_count, blocks_of
from lightloop.optim.precision.rounding import writer
from lightloop.optim.precision.state_formats import moment_generator
from lightloop.optim.precision.strips import runs, strip_elements
from lightloop.optim.recipe import Recipe
from lightloop.optim.rules.matrix import is_matrix

# Keeps 0/0 out of a row that has had no gradient yet.
TINY_SQUARE = 1e-38


def takes(weight: Tensor, recipe: Recipe) -> bool:
    """Whether this tensor's second moment is kept by rows and columns; vectors go to AdamW."""
    return recipe.rest == "factored" and is_matrix(weight) and weight.is_floating_point()


def init_moments(weight: Tensor) -> dict[str, Tensor]:
    """m n codes of 8 bits with their scales, and m + n numbers."""
    rows, columns = weight.shape[0], weight.shape[1:].numel()
    zeros = {"row_sq": rows, "column_sq": columns, "exp_avg_scale": block_count(weight.numel())}
    return {
        "exp_avg": torch.zeros((rows, columns), dtype=SIGNED.dtype, device=weight.device),
        **{key: torch.zeros(count, dtype=torch.float32, device=weight.device) for key, count in zeros.items()},
    }


def factored_step(weight: Tensor, state: dict[str, Any], recipe: Recipe, name: str) -> None:
    """W ← (1 − ηλ) W − η m̂ / (√v̂ + ε), with v of rows and columns."""
    assert weight.grad is not None
    state["step"].add_(1)
    step = int(state["step"].item())
    w_mn, grad_mn = weight.flatten(1), weight.grad.flatten(1)
    rows_before, columns_before = _roots(state)
    _take_in_squares(grad_mn, state, recipe.beta2)
    root_rows, root_columns = _roots(state)
    write, generator = writer(weight, name, step, recipe), moment_generator(weight.device, name, step, recipe)
    c1, root_c2 = 1.0 - recipe.beta1**step, math.sqrt(1.0 - recipe.beta2**step)
    for rows in strips_of_rows(w_mn):
        m = _read(state, rows).mul_(torch.outer(rows_before[rows], columns_before))
        m.lerp_(grad_mn[rows].float(), 1.0 - recipe.beta1)
        root_v = torch.outer(root_rows[rows], root_columns)
        _keep(state, rows, torch.where(root_v > 0, m / root_v, 0.0), generator)
        w = w_mn[rows].to(torch.promote_types(weight.dtype, torch.float32))  # itself, if it is as wide
        w.mul_(1.0 - recipe.lr * recipe.weight_decay)
        w.addcdiv_(m, root_v.add_(root_c2 * recipe.eps), value=-recipe.lr * root_c2 / c1)
        if w.dtype != weight.dtype:
            write(w_mn[rows], w)
    if w_mn.data_ptr() != weight.data_ptr():
        weight.copy_(w_mn.view(weight.shape))


def strips_of_rows(x_mn: Tensor) -> Iterator[slice]:
    """Runs of rows; all but the last have whole blocks of 8-bit numbers."""
    rows, columns = x_mn.shape
    least = STATE_BLOCK // math.gcd(STATE_BLOCK, columns)
    wanted = strip_elements(x_mn) // max(1, columns)
    return runs(rows, max(1, wanted // least) * least)


def _take_in_squares(grad_mn: Tensor, state: dict[str, Any], beta2: float) -> None:
    """r and c after they have taken in the squares of the gradient, in float32."""
    rows, columns = grad_mn.shape
    row_sums, column_sums = torch.empty_like(state["row_sq"]), torch.zeros_like(state["column_sq"])
    for part in strips_of_rows(grad_mn):
        squares = grad_mn[part].float().square()
        row_sums[part] = squares.sum(1)
        column_sums.add_(squares.sum(0))
    state["row_sq"].lerp_(row_sums.div_(columns), 1.0 - beta2)
    state["column_sq"].lerp_(column_sums.div_(rows), 1.0 - beta2)


def _roots(state: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """√(r/mean(r)) and √c, of which √v is the product."""
    rows = state["row_sq"] / state["row_sq"].mean().clamp(min=TINY_SQUARE)
    return rows.sqrt_(), state["column_sq"].sqrt()


def _blocks(state: dict[str, Any], rows: slice) -> slice:
    columns = state["exp_avg"].shape[1]
    return blocks_of(slice(rows.start * columns, rows.stop * columns))


def _read(state: dict[str, Any], rows: slice) -> Tensor:
    codes = state["exp_avg"][rows]
    return SIGNED.decode(codes.reshape(-1), state["exp_avg_scale"][_blocks(state, rows)]).view(codes.shape)


def _keep(state: dict[str, Any], rows: slice, u_mn: Tensor, generator: torch.Generator) -> None:
    codes, scales = SIGNED.encode(u_mn.view(-1), generator)
    state["exp_avg"][rows] = codes.view(u_mn.shape)
    state["exp_avg_scale"][_blocks(state, rows)] = scales
