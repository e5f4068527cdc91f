"""LoRA from scratch, the baseline of GaLore and APOLLO."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightloop.errors import InputError
from lightloop.pretrain.optimizers.options import rank_of

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from lightloop.pretrain.settings import TrainSettings


def lora(model: nn.Module, train: TrainSettings) -> Optimizer:
    """Adapters on attention and gated layers, which are frozen, and AdamW on adapters and the rest.

    `train.scale` is the factor of the adapters, α / r with α = 32 if not given. Changes the model.
    """
    from torch.optim import AdamW

    from lightloop.optim.groups import param_groups, trainable
    from lightloop.pretrain.lora import adapt

    if train.scale == "auto":
        raise InputError("lora has no scale = 'auto'", allowed=["a number > 0"], hint="leave it out for 32 / rank")
    matrices = [weight for group in param_groups(model, rank=1) if "rank" in group for weight in group["params"]]
    adapt(model, matrices, rank_of(model, train), factor=train.scale, seed=train.seed)
    return AdamW(trainable(model), lr=train.lr, weight_decay=train.weight_decay, fused=True)
