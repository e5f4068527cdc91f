"""What builders of low-rank optimizers read from `[train]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightloop.pretrain.shapes import usual_rank

if TYPE_CHECKING:
    from lightloop.pretrain.model import Decoder
    from lightloop.pretrain.settings import TrainSettings


def rank_of(model: Decoder, train: TrainSettings) -> int:
    """The rank that `train` names, or a quarter of the hidden width."""
    return train.rank or usual_rank(model.shape.hidden)


def low_rank_options(train: TrainSettings) -> dict[str, Any]:
    """Options of `lightloop.optim.LowRank` but the rank; those that `train` leaves open are the optimizer's own."""
    options = {
        "lr": train.lr,
        "update_gap": train.update_gap,
        "weight_decay": train.weight_decay,
        "seed": train.seed,
    }
    chosen = {"scale": train.scale, "projection": train.projection}
    return options | {name: value for name, value in chosen.items() if value is not None}
