"""Optimizers whose states live in the subspace of the gradient's singular vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightloop.pretrain.optimizers.options import low_rank_options, rank_of

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from lightloop.pretrain.settings import TrainSettings


def galore(model: nn.Module, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.GaLore`."""
    from lightloop.optim.galore import GaLore
    from lightloop.optim.groups import param_groups

    return GaLore(param_groups(model, rank=rank_of(model, train)), **low_rank_options(train))


def fira(model: nn.Module, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.Fira`."""
    from lightloop.optim.fira import Fira
    from lightloop.optim.groups import param_groups

    return Fira(param_groups(model, rank=rank_of(model, train)), **low_rank_options(train))
