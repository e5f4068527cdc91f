"""What builders of low-rank optimizers read from `[train]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightloop.pretrain.optimizers.widths import hidden_width
from lightloop.pretrain.shapes import usual_rank

if TYPE_CHECKING:
    from torch import nn

    from lightloop.pretrain.settings import TrainSettings


def rank_of(model: nn.Module, train: TrainSettings) -> int:
    """The rank that `train` names, or a quarter of the hidden width."""
    return train.rank or usual_rank(hidden_width(model))


def low_rank_options(train: TrainSettings) -> dict[str, Any]:
    """Options of `lightloop.optim.LowRank` but rank and projection; a scale left open is the optimizer's own."""
    options = {
        "lr": train.lr,
        "update_gap": train.update_gap,
        "weight_decay": train.weight_decay,
        "seed": train.seed,
        "weight_rounding": train.weight_rounding,
    }
    return options if train.scale is None else {**options, "scale": train.scale}


def apollo_options(train: TrainSettings) -> dict[str, Any]:
    """The same, and the projection, which is the optimizer's own if it is left open."""
    options = low_rank_options(train)
    return options if train.projection is None else {**options, "projection": train.projection}
