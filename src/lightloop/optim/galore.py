"""GaLore: Adam in the subspace of the gradient's leading singular vectors.

Zhao et al., "GaLore: Memory-Efficient LLM Training by Gradient Low-Rank Projection", arXiv 2403.03507.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor

from lightloop.errors import InputError, unknown_name
from lightloop.optim.low_rank import LowRank
from lightloop.optim.options import OPTIONS

# What every group of `LowRank` has and this rule does not look at.
WITHOUT_MEANING = {"granularity": "channel", "projection": "gaussian", "implementation": "auto", "compat": None}


class GaLore(LowRank):
    """GaLore: AdamW whose moments live in the subspace of the r leading singular vectors of the gradient.

    For a weight W with gradient G of sides m ≤ n, and P (r × m) its leading left singular vectors, taken anew every
    `update_gap` steps:

        R = P G,   N = m̂ / (√v̂ + ε) with Adam's moments of R,   W ← (1 − ηλ) W − η α Pᵀ N.

    A matrix keeps 2 n r + m r numbers. As in the paper the moments pass from one subspace to the next as they are.
    Vectors, and groups without `"rank"`, are plain AdamW. A tensor whose gradient is not finite is left alone, and a
    gradient that is zero, or whose decomposition fails, leaves the subspace as it is.

    Args:
        params: Tensors, `(name, tensor)` pairs, or groups, for example of `param_groups(model)`.
        lr: η. The paper trains with 1e-2.
        rank: r, for tensors that are not in groups. Held to the smaller side of each matrix.
        scale: α.
        update_gap: Steps between renewals of P.

    Other Parameters:
        betas: β1, β2 of the moments.
        eps: ε, on the corrected √v̂.
        weight_decay: λ, decoupled as in AdamW.
        seed: Of the stochastic rounding.
        state_dtype: Of the moments, as in `Apollo`. P is in the dtype of the weight.
        weight_rounding: "nearest" or "stochastic", as in `Apollo`.
        **options: `rest`, as in `Apollo`.

    Raises:
        InputError: An option has a value that is not allowed, or there is nothing to train.

    Example:
        >>> model = torch.nn.Linear(64, 128)
        >>> optimizer = GaLore(model.named_parameters(), lr=1e-2, rank=16)
        >>> model(torch.ones(1, 64)).sum().backward()
        >>> optimizer.step()
    """

    rule = "galore"
    without_meaning: ClassVar[dict[str, Any]] = {**WITHOUT_MEANING, "limiter": None}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        *,
        rank: int | None = 128,
        scale: float = 0.25,
        update_gap: int = 200,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        seed: int = 0,
        state_dtype: torch.dtype | str | None = None,
        weight_rounding: str = "nearest",
        **options: Any,
    ) -> None:
        for option in options:
            if option not in OPTIONS:
                raise unknown_name("option", option, OPTIONS)
        chosen = {
            "lr": lr,
            "scale": scale,
            "update_gap": update_gap,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "seed": seed,
            "state_dtype": state_dtype,
            "weight_rounding": weight_rounding,
        }
        super().__init__(params, rank, {**self.without_meaning, **chosen, **options})

    def check_group(self, group: dict[str, Any]) -> None:
        """Raise `InputError` for an option that is not allowed, or is one of another rule."""
        name = type(self).__name__
        if group["scale"] == "auto":
            raise InputError(f"{name} has no scale='auto'", allowed=["a number > 0"], hint="the paper takes 0.25")
        for option, only in self.without_meaning.items():
            if group[option] != only:
                raise InputError(f"{name} has no option {option}={group[option]!r}", hint=f"leave out {option}")
        super().check_group(group)
