"""APOLLO and APOLLO-Mini."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightloop.pretrain.optimizers.options import low_rank_options, rank_of

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lightloop.pretrain.model import Decoder
    from lightloop.pretrain.settings import TrainSettings


def apollo(model: Decoder, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.Apollo`."""
    from lightloop.optim.apollo import Apollo
    from lightloop.optim.groups import param_groups

    return Apollo(param_groups(model, rank=rank_of(model, train)), **low_rank_options(train))


def apollo_svd(model: Decoder, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.Apollo` on singular vectors of the gradient."""
    from lightloop.optim.apollo import Apollo
    from lightloop.optim.groups import param_groups

    options = {**low_rank_options(train), "projection": "svd"}
    return Apollo(param_groups(model, rank=rank_of(model, train)), **options)


def apollo_mini(model: Decoder, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.Apollo.mini`."""
    from lightloop.optim.apollo import Apollo
    from lightloop.optim.groups import param_groups

    return Apollo.mini(param_groups(model, rank=1), **low_rank_options(train))
