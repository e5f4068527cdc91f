"""Optimizers with one learning rate for a block or a neuron."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lightloop.pretrain.model import Decoder
    from lightloop.pretrain.settings import TrainSettings


def adam_mini(model: Decoder, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.AdamMini`, with the heads of the model."""
    from lightloop.optim.adam_mini import AdamMini, adam_mini_groups

    return AdamMini(adam_mini_groups(model, *_heads(model)), lr=train.lr, weight_decay=train.weight_decay)


def scale(model: Decoder, train: TrainSettings) -> Optimizer:
    """`lightloop.optim.Scale`."""
    from lightloop.optim.scale_sgd import Scale, scale_groups

    return Scale(scale_groups(model), lr=train.lr, weight_decay=train.weight_decay)


def _heads(model: Decoder) -> tuple[int, int | None]:
    """Heads of the queries and of the keys; a model of a Hugging Face folder has them in its config."""
    config = getattr(model, "config", None)
    if config is None:
        return model.shape.heads, None
    return config.num_attention_heads, getattr(config, "num_key_value_heads", None)
