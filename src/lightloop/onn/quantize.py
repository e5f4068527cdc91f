"""Operands on their way to the modulators: scaled to full swing and rounded to the levels of a DAC.

Shapes: `t` rows, `k` elements of a row (the axis that a dot product sums over).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lightloop.errors import InputError, unknown_name

BITS_RANGE = (2, 16)

# Scale of a row of zeros. Small, so that it detects next to nothing; not zero, so that its gradient is that of any row
# (a layer that starts from zero could not learn otherwise); a power of two, so that it costs no rounding.
DARK = 2.0**-40


def _row_peak(x_tk: Tensor) -> Tensor:
    return torch.maximum(x_tk.amax(dim=-1, keepdim=True), -x_tk.amin(dim=-1, keepdim=True))


def _tensor_peak(x_tk: Tensor) -> Tensor:
    return torch.maximum(x_tk.amax(), -x_tk.amin()).expand(*x_tk.shape[:-1], 1)


PEAKS = {"vector": _row_peak, "tensor": _tensor_peak}


def check_quantizer(bits: int | None, scaling: str) -> None:
    """Raise `InputError` unless `bits` is None or within `BITS_RANGE` and `scaling` is a key of `PEAKS`."""
    low, high = BITS_RANGE
    if bits is not None and (isinstance(bits, bool) or not isinstance(bits, int) or not low <= bits <= high):
        raise InputError(
            f"cannot quantise to {bits!r} bits",
            allowed=[f"a whole number from {low} to {high}", "None for no quantisation"],
            hint="a signed operand needs a sign and at least one bit of magnitude" if bits == 1 else None,
        )
    if scaling not in PEAKS:
        raise unknown_name("scaling", scaling, PEAKS)


def full_scale(x_tk: Tensor, scaling: str = "vector") -> Tensor:
    """Largest magnitudes of an operand, shape `(..., t, 1)`: the digital scales of its rows, `DARK` for a row of zeros.

    Args:
        x_tk: Operand, shape `(..., t, k)`, not empty.
        scaling: "vector" takes the largest of each row, "tensor" the largest of all rows. Both can be undone behind
            the ADC, since every output is one row times one row of the other operand.
    """
    peak_t1 = PEAKS[scaling](x_tk)
    return torch.where(peak_t1 == 0, DARK, peak_t1)


def to_field(x_tk: Tensor, scale_t1: Tensor) -> Tensor:
    """x / scale: field amplitudes in [−1, 1]."""
    return x_tk / scale_t1


def quantize(field: Tensor, bits: int | None) -> Tensor:
    """`field` rounded to the levels −L … L over L, L = 2^(bits−1) − 1; the gradient passes straight through.

    Args:
        field: Amplitudes in [−1, 1], any shape.
        bits: Bits of the DAC, sign included; None leaves the field as it is.
    """
    return field if bits is None else _StraightThroughRound.apply(field, 2 ** (bits - 1) - 1)


class _StraightThroughRound(torch.autograd.Function):
    """Rounding with the derivative of the identity (Bengio et al., arXiv 1308.3432)."""

    @staticmethod
    def forward(ctx: Any, field: Tensor, levels: int) -> Tensor:
        return (field * levels).round_().div_(levels)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return grad, None
