"""Layers whose products run on a photonic core; bias and all else stay digital.

Shapes: `t` rows of the first operand, `o` outputs, `k` the summed axis.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lightloop.errors import InputError
from lightloop.onn.cores import Core, build_core
from lightloop.onn.intercept import digital


class PhotonicMatmul(nn.Module):
    """`torch.matmul` on a photonic core: both operands are dynamic, batched, and broadcast as there.

    Example:
        >>> PhotonicMatmul(bits=8)(torch.ones(2, 3, 4), torch.ones(4, 5)).shape
        torch.Size([2, 3, 5])

    Args:
        bits: Bits of the operand DACs; None for ideal ones.
        core: Name of a core that takes two dynamic operands, or a built core (then `bits` is the core's own).
        options: Further options of the core.
    """

    def __init__(self, bits: int | None = 8, *, core: str | Core = "dot", **options: Any) -> None:
        super().__init__()
        self.core = build_core(core, bits=bits, **options) if isinstance(core, str) else build_core(core, **options)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The product `(..., t, o)` of `a`, `(..., t, k)` or `(k,)`, and `b`, `(..., k, o)` or `(k,)`.

        Raises:
            InputError: The shapes do not fit.
        """
        _check_matmul(a, b)
        x_tk, w_ok = (a.unsqueeze(0) if a.dim() == 1 else a), (b.unsqueeze(0) if b.dim() == 1 else b.mT)
        with digital():
            y_to = self.core.product(x_tk, w_ok)
        y_to = y_to.squeeze(-1) if b.dim() == 1 else y_to
        return y_to.squeeze(-1 if b.dim() == 1 else -2) if a.dim() == 1 else y_to

    def extra_repr(self) -> str:
        """The core and its options."""
        return f"core={self.core}"


class PhotonicLinear(nn.Linear):
    """`nn.Linear` on a photonic core: y = x Wᵀ in light, the bias added digitally behind the detector.

    Parameters, their names and their initial values are those of `nn.Linear`, so state dicts fit both.
    Gradients pass straight through the quantiser and through the sampled noise, so the layer trains under
    noise.

    Args:
        in_features: Length of an input row.
        out_features: Length of an output row.
        bias: Whether there is a bias.
        core: Name of a core, or a built core.
        device: As `nn.Linear`.
        dtype: As `nn.Linear`.
        options: Options of the core, as `bits=4`.

    Raises:
        InputError: The core or an option is unknown or out of range.
    """

    core: Core

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        core: str | Core = "dot",
        device: Any = None,
        dtype: torch.dtype | None = None,
        **options: Any,
    ) -> None:
        built = build_core(core, **options)
        super().__init__(in_features, out_features, bias=bias, device=device, dtype=dtype)
        self.core = built

    @classmethod
    def take_over(cls, linear: nn.Linear, core: Core) -> None:
        """Make `linear` photonic in place; parameters, ties, hooks and flags stay what they are."""
        linear.__class__ = cls
        linear.core = core  # type: ignore[assignment]

    def forward(self, input: Tensor) -> Tensor:
        """`input` of shape `(..., in_features)` to `(..., out_features)`.

        Raises:
            InputError: The last axis of the input is not `in_features` long.
        """
        if input.dim() == 0 or input.shape[-1] != self.in_features:
            raise InputError(
                f"this layer takes rows of {self.in_features}, got an input of shape {tuple(input.shape)}",
                allowed=[f"(..., {self.in_features})"],
            )
        with digital():
            y_to = self.core.product(torch.atleast_2d(input), self.weight)
        y_to = y_to if self.bias is None else y_to + self.bias
        return y_to.reshape(*input.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """As `nn.Linear`, with the core and its options."""
        return f"{super().extra_repr()}, core={self.core}"


def _check_matmul(a: Tensor, b: Tensor) -> None:
    fits = a.dim() > 0 and b.dim() > 0 and a.shape[-1] == b.shape[-2 if b.dim() > 1 else 0]
    if fits:
        try:
            torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        except RuntimeError:
            fits = False
    if not fits:
        raise InputError(
            f"cannot multiply shapes {tuple(a.shape)} and {tuple(b.shape)}",
            allowed=["(..., t, k) by (..., k, o), with leading axes that broadcast"],
        )
