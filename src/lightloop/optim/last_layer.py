"""Which tensor is the last layer of a model."""

from __future__ import annotations

from torch import Tensor, nn


def last_matrix(model: nn.Module) -> Tensor | None:
    """The last matrix as modules stand in the model; of a head that is tied to the embedding, the embedding."""
    every = model.named_parameters(remove_duplicate=False)
    return next((tensor for _, tensor in reversed(list(every)) if tensor.ndim > 1), None)
