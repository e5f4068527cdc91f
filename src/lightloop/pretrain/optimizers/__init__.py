"""The optimizers a run can name. A new one is one builder in a file of this folder and one line in `OPTIMIZERS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from lightloop.errors import InputError, unknown_name
from lightloop.pretrain.optimizers import apollo, blockwise, eight_bit, galore, lora, muon, plain, quantized

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from lightloop.pretrain.settings import TrainSettings

ROUNDING = "weight_rounding"
LOW_RANK = ("scale", "update_gap", ROUNDING)


class Entry(NamedTuple):
    """An optimizer that a run can name.

    Attributes:
        build: Makes it, over the parameters of a model.
        reads: Keys of `[train]` that it reads and not every optimizer does.
    """

    build: Callable[[nn.Module, TrainSettings], Optimizer]
    reads: tuple[str, ...] = ()


OPTIMIZERS = {
    "adafactor": Entry(plain.adafactor),
    "adam-mini": Entry(blockwise.adam_mini),
    "adamw": Entry(plain.adamw),
    "adamw-8bit": Entry(eight_bit.adamw_8bit, (ROUNDING,)),
    "apollo": Entry(apollo.apollo, ("rank", "projection", *LOW_RANK)),
    "apollo-mini": Entry(apollo.apollo_mini, ("projection", *LOW_RANK)),
    "apollo-svd": Entry(apollo.apollo_svd, ("rank", *LOW_RANK)),
    "fira": Entry(galore.fira, ("rank", *LOW_RANK)),
    "galore": Entry(galore.galore, ("rank", *LOW_RANK)),
    "galore-8bit": Entry(eight_bit.galore_8bit, ("rank", *LOW_RANK)),
    "lora": Entry(lora.lora, ("rank", "scale")),
    "muon": Entry(muon.muon),
    "q-apollo": Entry(quantized.q_apollo, ("rank", "projection", *LOW_RANK)),
    "q-apollo-mini": Entry(quantized.q_apollo_mini, ("projection", *LOW_RANK)),
    "scale": Entry(blockwise.scale),
    "sgd": Entry(plain.sgd),
}


def build_optimizer(model: nn.Module, train: TrainSettings) -> Optimizer:
    """The optimizer that `train` names, over the parameters of `model`.

    Raises:
        InputError: The name is not in `OPTIMIZERS`, or the optimizer cannot round weights as `train` says.
    """
    if train.optimizer not in OPTIMIZERS:
        raise unknown_name("optimizer", train.optimizer, OPTIMIZERS)
    build, reads = OPTIMIZERS[train.optimizer]
    if train.weight_rounding != "nearest" and ROUNDING not in reads:
        raise InputError(
            f"optimizer {train.optimizer!r} rounds weights to the nearest number only",
            hint=f"weight_rounding = {train.weight_rounding!r} is for {', '.join(readers(ROUNDING))}",
        )
    return build(model, train)


def readers(key: str) -> list[str]:
    """The optimizers that read a key of `[train]` which not all of them read."""
    return [name for name, entry in OPTIMIZERS.items() if key in entry.reads]


def unread(optimizers: Iterable[str], given: Iterable[str]) -> list[str]:
    """A line for each key of `[train]` that was given and that none of the chosen optimizers reads.

    The rounding of weights is not among them: `build_optimizer` refuses what an optimizer cannot do.
    """
    chosen = sorted(set(optimizers))
    by_key = {key: readers(key) for key in sorted(set(given) - {ROUNDING})}
    return [
        f"{key} is not read by {', '.join(chosen)}, only by {', '.join(names)}: leave it out"
        for key, names in by_key.items()
        if names and not set(names) & set(chosen)
    ]
