"""APOLLO and APOLLO-Mini: Adam's channel-wise learning rates, learned on a random sketch of the gradient.

Zhu et al., "APOLLO: SGD-like Memory, AdamW-level Performance", arXiv 2412.05270.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from lightloop.errors import InputError
from lightloop.optim.groups import as_groups
from lightloop.optim.low_rank import LowRank

MINI_SCALE = math.sqrt(128.0)


class Apollo(LowRank):
    """APOLLO: the raw gradient, each channel scaled by what Adam would make of a rank-r sketch of it.

    For a weight W with gradient G of sides m ≤ n, and P (r × m) random, renewed every `update_gap` steps:

        R = P G,   R̃ = m̂ / (√v̂ + ε) with Adam's moments of R,   s_j = ‖R̃_j‖ / ‖R_j‖,
        U = α G diag(s),   limited to ‖U_t‖ ≤ γ ‖U_{t−1}‖,   W ← (1 − ηλ) W − η U.

    A matrix keeps 2 n r + 2 numbers, where AdamW keeps 2 m n. P is drawn from (seed, name of the tensor,
    number of the renewal) at each step, so it needs no memory and does not change when tensors are reordered
    or frozen. Vectors, and groups without `"rank"`, are plain AdamW. A tensor whose gradient is not finite is
    left alone.

    Args:
        params: Tensors, `(name, tensor)` pairs, or groups, for example of `param_groups(model)`. Tensors
            without names are called by their position, "group.index".
        lr: η. The paper trains with 1e-2 at every size.
        rank: r, for tensors that are not in groups. Held to the smaller side of each matrix.
        granularity: "channel" for one s_j per channel, "tensor" for one s.
        scale: α, or "auto" for √(m/r), with which update norms are those of AdamW; it wants a learning rate
            as for AdamW.
        update_gap: Steps between renewals of P.

    Other Parameters:
        betas: β1, β2 of the moments.
        eps: ε, on the corrected √v̂.
        weight_decay: λ, decoupled as in AdamW.
        limiter: γ, or None for no limit. Free below a floor, a tenth of α √(n r).
        projection: "gaussian", "rademacher" (random signs, cheaper to draw) or "sparse" (one random sign in each
            column of P, so that a step takes m n operations instead of m n r). Or "svd", the leading singular vectors
            of the gradient of the renewal, which are kept: m r numbers more.
        seed: Of the projections and of the stochastic rounding.
        state_dtype: None for float32 (float64 for float64 weights; tensors left to AdamW keep the dtype of the weight),
            "fp32" for float32 everywhere, "bf16", or "int8" with a float32 scale for 256 numbers (tensors of less than
            4096 numbers stay float32). What is narrower than the arithmetic, float32, is rounded by chance, so that
            second moments decay.
        rest: How tensors that are not projected keep their state: "adamw" as `state_dtype` says, "adamw-8bit", or
            "factored", a second moment of rows and columns and a first in 8 bits.
        weight_rounding: "nearest", or "stochastic" for bfloat16 weights, which then also follow updates below half
            their last place, on average. The moments of tensors left to AdamW are float32 then, unless `state_dtype`
            says otherwise.
        implementation: "reference", plain torch operations; "on-device", which never waits for a GPU and draws P
            there; "triton", the same with kernels; or "auto": the reference on a CPU, Triton on CUDA where it is
            installed, else "on-device". What one of them cannot step, the reference does.
        compat: "apollo-torch" for the arithmetic, seeds and √scale of that package, version 1.0.3.

    Raises:
        InputError: An option has a value that is not allowed, or there is nothing to train.

    Example:
        >>> model = torch.nn.Linear(64, 128)
        >>> optimizer = Apollo(model.named_parameters(), lr=1e-2, rank=16)
        >>> model(torch.ones(1, 64)).sum().backward()
        >>> optimizer.step()
    """

    rule = "apollo"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        *,
        rank: int | None = 256,
        granularity: str = "channel",
        scale: float | str = 1.0,
        update_gap: int = 200,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        limiter: float | None = 1.01,
        projection: str = "gaussian",
        seed: int = 0,
        state_dtype: torch.dtype | str | None = None,
        weight_rounding: str = "nearest",
        implementation: str = "auto",
        compat: str | None = None,
        rest: str = "adamw",
    ) -> None:
        options = {
            "lr": lr,
            "granularity": granularity,
            "scale": scale,
            "update_gap": update_gap,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "limiter": limiter,
            "projection": projection,
            "seed": seed,
            "state_dtype": state_dtype,
            "weight_rounding": weight_rounding,
            "implementation": implementation,
            "compat": compat,
            "rest": rest,
        }
        super().__init__(params, rank, options)

    @classmethod
    def mini(
        cls,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        *,
        scale: float | str = MINI_SCALE,
        **options: Any,
    ) -> Apollo:
        """APOLLO-Mini: rank 1 and one scale for the whole matrix, so 2 n + 2 numbers of state.

        The paper's α = √128 is for models of width 512 and more; narrow ones want less. The rank and
        granularity of groups that are projected at all are set to Mini's.

        Raises:
            InputError: As `Apollo`, or `rank` or `granularity` was given.
        """
        fixed = {"rank": 1, "granularity": "tensor"}
        if fixed.keys() & options:
            raise InputError("Apollo.mini has rank 1 and granularity 'tensor'", hint="use Apollo for other values")
        groups = [{**group, **fixed} if group.get("rank") else group for group in as_groups(params, rank=1)]
        return cls(groups, lr, scale=scale, granularity="tensor", **options)
