"""The optimizers a run can name. A new one is one builder and one line in `OPTIMIZERS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lightloop.errors import unknown_name

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lightloop.pretrain.model import Decoder
    from lightloop.pretrain.settings import TrainSettings

RANK_FRACTION = 4  # arXiv 2412.05270: a quarter of the hidden width


def build_optimizer(model: Decoder, train: TrainSettings) -> Optimizer:
    """The optimizer that `train` names, over the parameters of `model`.

    Raises:
        InputError: The name is not in `OPTIMIZERS`.
    """
    if train.optimizer not in OPTIMIZERS:
        raise unknown_name("optimizer", train.optimizer, OPTIMIZERS)
    return OPTIMIZERS[train.optimizer](model, train)


def _adamw(model: Decoder, train: TrainSettings) -> Optimizer:
    from torch.optim import AdamW

    return AdamW(model.named_parameters(), lr=train.lr, weight_decay=train.weight_decay, fused=True)


def _sgd(model: Decoder, train: TrainSettings) -> Optimizer:
    from torch.optim import SGD

    return SGD(model.named_parameters(), lr=train.lr, weight_decay=train.weight_decay, foreach=True)


def _apollo(model: Decoder, train: TrainSettings) -> Optimizer:
    from lightloop.optim.apollo import Apollo
    from lightloop.optim.groups import param_groups

    rank = train.rank or max(model.shape.hidden // RANK_FRACTION, 1)
    return Apollo(param_groups(model, rank=rank), **_low_rank_options(train))


def _apollo_mini(model: Decoder, train: TrainSettings) -> Optimizer:
    from lightloop.optim.apollo import Apollo
    from lightloop.optim.groups import param_groups

    return Apollo.mini(param_groups(model, rank=1), **_low_rank_options(train))


def _low_rank_options(train: TrainSettings) -> dict[str, Any]:
    options = {
        "lr": train.lr,
        "update_gap": train.update_gap,
        "weight_decay": train.weight_decay,
        "seed": train.seed,
    }
    chosen = {"scale": train.scale, "projection": train.projection}
    return options | {name: value for name, value in chosen.items() if value is not None}


OPTIMIZERS: dict[str, Callable[[Decoder, TrainSettings], Optimizer]] = {
    "adamw": _adamw,
    "apollo": _apollo,
    "apollo-mini": _apollo_mini,
    "sgd": _sgd,
}
