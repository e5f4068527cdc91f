"""APOLLO and APOLLO-Mini."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightloop.pretrain.optimizers.options import apollo_options, low_rank_options, rank_of

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from lightloop.pretrain.settings import TrainSettings


def apollo(model: nn.Module, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.Apollo`."""
    from lightloop.optim.apollo import Apollo
    from lightloop.optim.groups import param_groups

    return Apollo(param_groups(model, rank=rank_of(model, train)), **apollo_options(train))


def apollo_svd(model: nn.Module, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.Apollo` on singular vectors of the gradient."""
    from lightloop.optim.apollo import Apollo
    from lightloop.optim.groups import param_groups

    return Apollo(param_groups(model, rank=rank_of(model, train)), projection="svd", **low_rank_options(train))


def apollo_mini(model: nn.Module, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.Apollo.mini`."""
    from lightloop.optim.apollo import Apollo
    from lightloop.optim.groups import param_groups

    return Apollo.mini(param_groups(model, rank=1), **apollo_options(train))
