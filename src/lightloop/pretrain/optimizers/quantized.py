"""Q-APOLLO (arXiv 2412.05270, section 5.3): APOLLO on 8-bit weights, with states as `pretrain plan` reckons them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightloop.pretrain.optimizers.options import apollo_options, rank_of

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from lightloop.pretrain.settings import TrainSettings


def q_apollo(model: nn.Module, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.Apollo` on attention and gated layers in 8 bits, 8-bit AdamW on the rest."""
    from lightloop.optim.apollo import Apollo
    from lightloop.optim.groups import param_groups
    from lightloop.optim.quantized.model import quantize_weights

    groups = param_groups(quantize_weights(model), rank=rank_of(model, train))
    return Apollo(groups, **_options(train))


def q_apollo_mini(model: nn.Module, train: TrainSettings) -> Optimizer:
    """The same with `lightloop.optim.Apollo.mini`."""
    from lightloop.optim.apollo import Apollo
    from lightloop.optim.groups import param_groups
    from lightloop.optim.quantized.model import quantize_weights

    return Apollo.mini(param_groups(quantize_weights(model), rank=1), **_options(train))


def _options(train: TrainSettings) -> dict[str, Any]:
    formats = {"weight_rounding": "stochastic", "state_dtype": "bf16", "rest": "adamw-8bit"}
    return apollo_options(train) | formats
