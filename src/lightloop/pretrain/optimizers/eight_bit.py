"""Optimizers whose moments are kept in 8 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightloop.pretrain.optimizers.options import low_rank_options, rank_of

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lightloop.pretrain.model import Decoder
    from lightloop.pretrain.settings import TrainSettings


def adamw_8bit(model: Decoder, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.Apollo` without a projected group, which is AdamW, with 8-bit states."""
    from lightloop.optim.apollo import Apollo

    named, decay = model.named_parameters(), train.weight_decay
    return Apollo(named, train.lr, rank=None, weight_decay=decay, seed=train.seed, state_dtype="int8")


def galore_8bit(model: Decoder, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.GaLore` with 8-bit states, and 8-bit AdamW on the rest."""
    from lightloop.optim.galore import GaLore
    from lightloop.optim.groups import param_groups

    return GaLore(param_groups(model, rank=rank_of(model, train)), state_dtype="int8", **low_rank_options(train))
