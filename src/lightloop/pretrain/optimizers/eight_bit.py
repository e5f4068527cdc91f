"""Optimizers whose moments are kept in 8 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightloop.pretrain.optimizers.options import low_rank_options, rank_of

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from lightloop.pretrain.settings import TrainSettings


def adamw_8bit(model: nn.Module, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.Apollo` without a projected group, which is AdamW, with 8-bit states."""
    from lightloop.optim.apollo import Apollo

    return Apollo(
        model.named_parameters(),
        train.lr,
        rank=None,
        weight_decay=train.weight_decay,
        seed=train.seed,
        state_dtype="int8",
        weight_rounding=train.weight_rounding,
    )


def galore_8bit(model: nn.Module, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.GaLore` with 8-bit states, and 8-bit AdamW on the rest."""
    from lightloop.optim.galore import GaLore
    from lightloop.optim.groups import param_groups

    return GaLore(param_groups(model, rank=rank_of(model, train)), state_dtype="int8", **low_rank_options(train))
