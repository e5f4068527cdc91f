"""torch's own optimizers over all tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from lightloop.pretrain.settings import TrainSettings


def adamw(model: nn.Module, train: TrainSettings) -> Optimizer:
    """`torch.optim.AdamW`, its fused kernel."""
    from torch.optim import AdamW

    return AdamW(model.named_parameters(), lr=train.lr, weight_decay=train.weight_decay, fused=True)


def adafactor(model: nn.Module, train: TrainSettings) -> Optimizer:
    """`torch.optim.Adafactor`, which multiplies the learning rate by the root mean square of each weight."""
    from torch.optim import Adafactor

    return Adafactor(model.named_parameters(), lr=train.lr, weight_decay=train.weight_decay)


def sgd(model: nn.Module, train: TrainSettings) -> Optimizer:
    """`torch.optim.SGD` without momentum."""
    from torch.optim import SGD

    return SGD(model.named_parameters(), lr=train.lr, weight_decay=train.weight_decay, foreach=True)
