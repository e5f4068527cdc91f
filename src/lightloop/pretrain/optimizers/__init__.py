"""The optimizers a run can name. A new one is one builder in a file of this folder and one line in `OPTIMIZERS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lightloop.errors import unknown_name
from lightloop.pretrain.optimizers import apollo, blockwise, eight_bit, galore, lora, muon, plain, quantized

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lightloop.pretrain.model import Decoder
    from lightloop.pretrain.settings import TrainSettings

OPTIMIZERS: dict[str, Callable[[Decoder, TrainSettings], Optimizer]] = {
    "adafactor": plain.adafactor,
    "adam-mini": blockwise.adam_mini,
    "adamw": plain.adamw,
    "adamw-8bit": eight_bit.adamw_8bit,
    "apollo": apollo.apollo,
    "apollo-mini": apollo.apollo_mini,
    "apollo-svd": apollo.apollo_svd,
    "fira": galore.fira,
    "galore": galore.galore,
    "galore-8bit": eight_bit.galore_8bit,
    "lora": lora.lora,
    "muon": muon.muon,
    "q-apollo": quantized.q_apollo,
    "q-apollo-mini": quantized.q_apollo_mini,
    "scale": blockwise.scale,
    "sgd": plain.sgd,
}


def build_optimizer(model: Decoder, train: TrainSettings) -> Optimizer:
    """The optimizer that `train` names, over the parameters of `model`.

    Raises:
        InputError: The name is not in `OPTIMIZERS`.
    """
    if train.optimizer not in OPTIMIZERS:
        raise unknown_name("optimizer", train.optimizer, OPTIMIZERS)
    return OPTIMIZERS[train.optimizer](model, train)
