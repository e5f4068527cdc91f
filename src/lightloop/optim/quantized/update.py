"""The step on a quantised weight: rows widened to float32 a strip at a time, changed, and put on their grids again.

Shapes: the weight is (rows, columns); the scale of the update (n,) by channel, () for the whole.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from lightloop.errors import InputError
from lightloop.optim.quantized.grid import Rounding, write_codes, write_values
from lightloop.optim.quantized.weight import QuantizedTensor

# Rules whose step on a matrix ends in `lightloop.optim.rules.update.update`.
RULES = ("apollo",)


def check_quantized(group: Mapping[str, Any], rule: str) -> None:
    """Whether a group that has quantised weights is stepped by a rule that can write them.

    Raises:
        InputError: It is not.
    """
    weights = [entry[1] if isinstance(entry, tuple) else entry for entry in group["params"]]
    if not any(isinstance(weight, QuantizedTensor) for weight in weights):
        return
    if group["rank"] is None or rule not in RULES or group["compat"] is not None:
        raise InputError(
            "weights of 8 bits are in a group that cannot write them",
            allowed=["Apollo, its groups with 'rank', and no compat"],
            hint="pass param_groups(model), or call lightloop.optim.dequantize_weights(model) first",
        )
    if group["weight_rounding"] != "stochastic":
        warnings.warn(
            "weights of 8 bits are rounded to the nearest, and lose small updates: pass weight_rounding='stochastic'",
            stacklevel=2,
        )


def add_to_quantized(
    weight: QuantizedTensor, grad: Tensor, scale: Tensor, value: float, keep: float, rounding: Rounding
) -> None:
    """W ← keep · W + value · G · scale in place; each number is rounded once, as `rounding` does it."""
    for rows in weight.row_strips():
        codes, steps, zero = (part[rows] for part in weight.parts().values())
        wide = torch.empty(codes.shape, dtype=torch.float32, device=codes.device)
        write_values(codes, steps, zero, weight.group, wide)
        if keep != 1.0:
            wide.mul_(keep)
        wide.addcmul_(grad[rows].to(torch.float32), _for_rows(scale, rows, weight).to(torch.float32), value=value)
        write_codes(wide, codes, steps, zero, weight.group, rounding)
    increment_version(weight)


def _for_rows(scale: Tensor, rows: slice, weight: Tensor) -> Tensor:
    """The factors of some rows, shaped to multiply them: the channels are the rows of a tall or square matrix."""
    tall = weight.shape[0] >= weight.shape[1]
    return scale[rows].unsqueeze(1) if scale.ndim and tall else scale
