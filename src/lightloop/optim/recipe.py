"""What one parameter group asks for: the numbers of Algorithm 1, under the paper's names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

# Names, not torch.dtype objects, so that a saved parameter group holds plain values only.
STATE_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "int8": torch.int8}

# How tensors that are not projected keep their state: as `state_dtype` says, in 8 bits whatever it says, or with a
# second moment of rows and columns.
RESTS = ("adamw", "adamw-8bit", "factored")


# Of Apollo, and of GaLore and Fira; held to each matrix of a smaller model without a word.
DEFAULT_RANKS = (256, 128)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The checked options of one parameter group, read once per step.

    `rank` is None for a group that is plain AdamW; `limiter` is infinite where the limiter is off. `state_dtype` is
    that of the arithmetic, `state_format` a name of `precision.state_formats`; both are None where the weight decides.
    `rest` is how tensors that are not projected keep their state.
    """

    lr: float
    rank: int | None
    granularity: str
    scale: float | str
    update_gap: int
    beta1: float
    beta2: float
    eps: float
    weight_decay: float
    limiter: float
    projection: str
    seed: int
    state_dtype: torch.dtype | None
    state_format: str | None
    weight_rounding: str
    implementation: str
    compat: str | None
    rest: str = "adamw"

    @classmethod
    def of(cls, group: Mapping[str, Any]) -> Recipe:
        """The recipe of a parameter group of `torch.optim.Optimizer`."""
        beta1, beta2 = group["betas"]
        return cls(
            lr=float(group["lr"]),
            rank=group["rank"],
            granularity=group["granularity"],
            scale=group["scale"],
            update_gap=group["update_gap"],
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            limiter=math.inf if group["limiter"] is None else group["limiter"],
            projection=group["projection"],
            seed=group["seed"],
            state_dtype=torch.float32 if group["state_dtype"] is not None else None,
            state_format=group["state_dtype"],
            weight_rounding=group["weight_rounding"],
            implementation=group["implementation"],
            compat=group["compat"],
            rest=group.get("rest", "adamw"),
        )

    def alpha(self, small_side: int, rank: int) -> float:
        """The factor α of the update: as given, or √(m/r), which undoes the shrinking by the projection.

        An r-dimensional Gaussian sketch of a gradient of m rows has Adam ratios smaller by √(r/m) than full
        Adam's (paper, theorem on channel-wise scaling); "auto" multiplies by the inverse.
        """
        return math.sqrt(small_side / rank) if self.scale == "auto" else float(self.scale)
