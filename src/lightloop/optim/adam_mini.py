"""Adam-mini: Adam with one second moment for each block of a weight whose Hessian is dense.

Zhang et al., "Adam-mini: Use Fewer Learning Rates To Gain More", arXiv 2406.16793.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fnmatch import fnmatch
from typing import Any

import torch
from torch import Tensor, nn

from lightloop.errors import InputError
from lightloop.optim.groups import grouped, trainable
from lightloop.optim.tensorwise import TensorWise

QUERIES = ("*q_proj*", "*wq*", "*query*")
KEYS = ("*k_proj*", "*wk*", "*key*")


class AdamMini(TensorWise):
    """Adam-mini: AdamW's first moment, and the mean of the squared gradient over each block as second moment.

        m ← β1 m + (1 − β1) G,   v_b ← β2 v_b + (1 − β2) mean(G_b²),   W_b ← (1 − ηλ) W_b − η m̂_b / (√v̂_b + ε)

    A block is an attention head of queries and keys, a row of any other matrix (a neuron of the output; a token of
    embedding and head), and a vector as a whole. A weight keeps as many numbers as it has, and one for each block.

    Args:
        params: Tensors, `(name, tensor)` pairs, or groups, for example of `adam_mini_groups(model, heads)`. A group
            may have `"blocks"`, the number of blocks that the rows of its tensors divide into.
        lr: η.
        betas: β1, β2.
        eps: ε.
        weight_decay: λ, decoupled as in AdamW.

    Raises:
        InputError: An option has a value that is not allowed, or rows do not divide into the blocks.

    Example:
        >>> model = nn.Linear(64, 128)
        >>> optimizer = AdamMini(model.named_parameters(), lr=1e-3)
        >>> model(torch.ones(1, 64)).sum().backward()
        >>> optimizer.step()
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "blocks": None}
        super().__init__(params, options)

    def check_group(self, group: dict[str, Any]) -> None:
        """Raise `InputError` for an option that is not allowed, or rows that do not divide into the `"blocks"`."""
        blocks = group["blocks"]
        for entry in group["params"] if blocks is not None else ():
            tensor = entry[1] if isinstance(entry, tuple) else entry
            if not isinstance(blocks, int) or blocks < 1 or tensor.shape[0] % blocks:
                raise InputError(
                    f"{tensor.shape[0]} rows do not divide into blocks={blocks!r}",
                    allowed=["a divisor of the number of rows", "None for a block for each row"],
                )
        super().check_group(group)

    def fresh_state(self, weight: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        """First moment as the weight, and float32 second moments: in bfloat16 a decay of β2 = 0.999 is lost."""
        blocks = group["blocks"] or (weight.shape[0] if weight.ndim > 1 else 1)
        wide = torch.promote_types(weight.dtype, torch.float32)
        return {
            "step": torch.zeros((), dtype=torch.float32),
            "exp_avg": torch.zeros_like(weight, memory_format=torch.preserve_format),
            "exp_avg_sq": torch.zeros(blocks, dtype=wide, device=weight.device),
        }

    def step_tensor(self, weight: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
        """One step on one tensor; a low-precision one is widened as a whole."""
        (beta1, beta2), lr, v = group["betas"], float(group["lr"]), state["exp_avg_sq"]
        step = int(state["step"].add_(1))
        wide_grad = grad.to(v.dtype)
        v.lerp_(_mean_squares(wide_grad, v.numel()), 1.0 - beta2)
        state["exp_avg"].lerp_(grad, 1.0 - beta1)
        root = (v / (1.0 - beta2**step)).sqrt_().add_(group["eps"])
        scale = _for_rows(root.reciprocal_(), weight)
        wide = weight.to(v.dtype)
        wide.mul_(1.0 - lr * group["weight_decay"])
        wide.addcmul_(state["exp_avg"].to(v.dtype), scale, value=-lr / (1.0 - beta1**step))
        if wide is not weight:
            weight.copy_(wide)


def adam_mini_groups(model: nn.Module, heads: int, kv_heads: int | None = None) -> list[dict[str, Any]]:
    """The trainable parameters in groups of one number of blocks: heads of queries, heads of keys, and the others.

    Args:
        model: Any module; queries and keys are known by their names (q_proj, wq, query; k_proj, wk, key). Where one
            matrix makes queries, keys and values together it is divided by rows.
        heads: Attention heads.
        kv_heads: Heads of the keys, where several queries share one.
    """
    sorts: dict[str, list[tuple[str, Tensor]]] = {"queries": [], "keys": [], "others": []}
    for name, tensor in trainable(model):
        patterns = {"queries": QUERIES, "keys": KEYS} if tensor.ndim > 1 else {}
        sort = next((sort for sort, known in patterns.items() if any(fnmatch(name, p) for p in known)), "others")
        sorts[sort].append((name, tensor))
    blocks = {"queries": heads, "keys": kv_heads or heads, "others": None}
    return [grouped(named, blocks=blocks[sort]) for sort, named in sorts.items() if named]


def _mean_squares(grad: Tensor, blocks: int) -> Tensor:
    """Mean of the squares over each of `blocks` blocks of rows."""
    if grad.ndim < 2:
        return grad.square().mean().view(1)
    norms = torch.linalg.vector_norm(grad, dim=tuple(range(1, grad.ndim)))
    return norms.square().view(blocks, -1).mean(1) / math.prod(grad.shape[1:])


def _for_rows(values: Tensor, weight: Tensor) -> Tensor:
    """The value of each block, shaped to multiply the weight."""
    if weight.ndim < 2:
        return values[0]
    rows = values.repeat_interleave(weight.shape[0] // values.numel())
    return rows.view(-1, *[1] * (weight.ndim - 1))
