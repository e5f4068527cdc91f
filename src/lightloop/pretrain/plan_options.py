"""What a plan of a training's memory can be asked for: by `plan_training`, and by `lightloop pretrain plan`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from lightloop.errors import InputError


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """How the training is done that a plan is for. Each field says what it is, also in the help of the command.

    Gradients and activations are as wide as the weights, and bf16 where these are int8.

    Raises:
        InputError: A number of sequences, tokens or words is not positive.
    """

    weights: Annotated[
        str | None, "fp32, bf16 or int8 (matrices of the blocks, the rest bf16); bf16 if the optimizer lets it."
    ] = None
    states: Annotated[str | None, "fp32, bf16 or int8; as the weights, bf16 for int8."] = None
    rest: Annotated[str | None, "Of embedding, head and norms: adamw, adamw-8bit or factored."] = None
    rank: Annotated[int | None, "Of low-rank optimizers; width / 4, at most 256."] = None
    batch: Annotated[int, "Sequences in a step."] = 1
    tokens: Annotated[int, "Length of each."] = 256
    vocab: Annotated[int, "Words that a model of a named size knows."] = 32_000
    layerwise: Annotated[bool, "Step and free each gradient in backward."] = False
    checkpointing: Annotated[bool, "Keep the inputs of blocks only, and compute blocks again in backward."] = False
    scores: Annotated[bool, "Attention keeps its scores: no fused kernel."] = False
    fused_norm: Annotated[bool, "Norms keep less, as torch's fused kernel on CUDA."] = False

    def __post_init__(self) -> None:
        for name in ("batch", "tokens", "vocab"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} = {getattr(self, name)} cannot be trained on", allowed=["an integer >= 1"])
