"""Optimizers with one learning rate for a block or a neuron."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightloop.pretrain.optimizers.widths import attention_heads

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from lightloop.pretrain.settings import TrainSettings


def adam_mini(model: nn.Module, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.AdamMini`, with the heads of the model."""
    from lightloop.optim.adam_mini import AdamMini, adam_mini_groups

    return AdamMini(adam_mini_groups(model, *attention_heads(model)), lr=train.lr, weight_decay=train.weight_decay)


def scale(model: nn.Module, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.Scale`."""
    from lightloop.optim.scale_sgd import Scale, scale_groups

    return Scale(scale_groups(model), lr=train.lr, weight_decay=train.weight_decay)
