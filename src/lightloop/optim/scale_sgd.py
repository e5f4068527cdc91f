"""SCALE: gradients of unit size for each output neuron, and a momentum of the last layer only.

Glentis, Li, Han and Hong, "A Minimalist Optimizer Design for LLM Pretraining", arXiv 2506.16659.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from lightloop.errors import InputError
from lightloop.optim.adamw.kernel import Rates, laid_like, step_device, torch_adamw
from lightloop.optim.groups import grouped, trainable
from lightloop.optim.last_layer import last_matrix
from lightloop.optim.tensorwise import TensorWise

TINY_RMS = 1e-8  # below it a gradient is not blown up to size 1
NEURONS = ("rows", "columns")


class Scale(TensorWise):
    """SCALE: SGD on gradients whose part for each output neuron has the root mean square 1.

        D = G, or for the last layer M ← β M + (1 − β) G and D = M,
        W_j ← (1 − ηλ) W_j − η D_j / rms(D_j)   for the weights W_j into each output neuron j.

    The paper writes weights as inputs by outputs and so calls these columns. In torch they are rows, except of an
    embedding, whose outputs are the columns. Vectors are AdamW. Only the last layer and vectors keep anything.

    Args:
        params: Groups of `scale_groups(model)`, or others: of each, `"neurons"` is "rows" or "columns", and
            `"momentum"` is β for the last layer and 0 for the others.
        lr: η. The published runs take 1e-3.
        betas: β1, β2 of vectors.
        eps: ε of vectors.
        weight_decay: λ, decoupled.

    Raises:
        InputError: An option has a value that is not allowed, or there is nothing to train.

    Example:
        >>> model = nn.Linear(64, 128)
        >>> optimizer = Scale(scale_groups(model), lr=1e-3)
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
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**options, "momentum": 0.0, "neurons": "rows"})

    def check_group(self, group: dict[str, Any]) -> None:
        """Raise `InputError` for an option that has a value that is not allowed."""
        momentum, neurons = group["momentum"], group["neurons"]
        if neurons not in NEURONS:
            raise InputError(f"neurons={neurons!r} cannot be used", allowed=NEURONS)
        if not 0.0 <= momentum < 1.0:
            raise InputError(f"momentum={momentum!r} cannot be used", allowed=["a number from 0 up to, not with, 1"])
        super().check_group(group)

    def fresh_state(self, weight: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        """The momentum of the last layer, both moments of a vector, and otherwise nothing."""

        def zeros() -> Tensor:
            return torch.zeros_like(weight, memory_format=torch.preserve_format)

        if weight.ndim < 2:
            count = torch.zeros((), dtype=torch.float32, device=step_device(weight))
            return {"step": count, "exp_avg": zeros(), "exp_avg_sq": zeros()}
        return {"exp_avg": zeros()} if group["momentum"] else {}

    def step_tensor(self, weight: Tensor, grad: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
        """One step on one tensor; a low-precision one is widened as a whole."""
        if weight.ndim < 2:
            torch_adamw([weight], [laid_like(weight, grad)], [state], Rates.of(group))
            return
        if group["momentum"]:
            grad = state["exp_avg"].lerp_(grad, 1.0 - group["momentum"])
        wide_dtype, lr = torch.promote_types(weight.dtype, torch.float32), float(group["lr"])
        wide, wide_grad = weight.to(wide_dtype), grad.to(wide_dtype)
        across = tuple(range(1, weight.ndim)) if group["neurons"] == "rows" else (0,)
        norms = torch.linalg.vector_norm(wide_grad, dim=across, keepdim=True)
        count = weight.numel() / norms.numel()
        scale = (norms / count**0.5).clamp_(min=TINY_RMS).reciprocal_()
        wide.mul_(1.0 - lr * group["weight_decay"]).addcmul_(wide_grad, scale, value=-lr)
        if wide is not weight:
            weight.copy_(wide)


def scale_groups(model: nn.Module, momentum: float = 0.9) -> list[dict[str, Any]]:
    """The trainable parameters in groups: embeddings, the last layer with its momentum, and the others.

    The last layer is the last matrix as modules stand in the model. A head that is tied to the embedding is both: it
    is divided as an embedding and has the momentum.

    Args:
        model: Any module.
        momentum: β of the last layer.
    """
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding | nn.EmbeddingBag)}
    last = last_matrix(model)
    sorts: dict[tuple[str, float], list[tuple[str, Tensor]]] = {}
    for name, tensor in trainable(model):
        sort = ("columns" if id(tensor) in tables else "rows", momentum if tensor is last else 0.0)
        sorts.setdefault(sort, []).append((name, tensor))
    return [grouped(named, neurons=neurons, momentum=beta) for (neurons, beta), named in sorts.items()]
