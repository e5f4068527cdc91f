"""Fira: GaLore, and beside it the part of the gradient that its subspace leaves out.

Chen et al., "Fira: Can We Achieve Full-rank Training of LLMs Under Low-rank Constraint?", arXiv 2410.01623.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from torch import Tensor

from lightloop.optim.galore import WITHOUT_MEANING, GaLore


class Fira(GaLore):
    """Fira: GaLore's step, and the rest of the gradient with the channel-wise learning rates that it implies.

    For a weight W with gradient G of sides m ≤ n, and P, R and N as in `GaLore`:

        φ_j = ‖N_j‖ / ‖R_j‖,   S = (G − Pᵀ R) diag(φ),   limited to ‖S_t‖ ≤ γ ‖S_{t−1}‖,
        W ← (1 − ηλ) W − η α (Pᵀ N + S).

    A matrix keeps 2 n r + m r + 1 numbers. The limiter is that of `Apollo`: a zero gradient is not remembered, and
    an S shorter than a tenth of √(n r), the norm of N at the first step, is free.

    Args:
        params: Tensors, `(name, tensor)` pairs, or groups, for example of `param_groups(model)`.
        lr: η. The paper trains with 1e-2.
        rank: r, for tensors that are not in groups. Held to the smaller side of each matrix.
        scale: α.
        limiter: γ, or None for no limit.
        **options: As of `GaLore`.

    Raises:
        InputError: An option has a value that is not allowed, or there is nothing to train.

    Example:
        >>> import torch
        >>> model = torch.nn.Linear(64, 128)
        >>> optimizer = Fira(model.named_parameters(), lr=1e-2, rank=16)
        >>> model(torch.ones(1, 64)).sum().backward()
        >>> optimizer.step()
    """

    rule = "fira"
    without_meaning: ClassVar[dict[str, Any]] = WITHOUT_MEANING

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        *,
        rank: int | None = 128,
        scale: float = 0.25,
        limiter: float | None = 1.01,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, rank=rank, scale=scale, limiter=limiter, **options)
