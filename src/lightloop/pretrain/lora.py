"""LoRA: frozen matrices with adapters of low rank beside them, as the baseline of training from scratch.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv 2106.09685; from scratch in Zhao et al.,
arXiv 2403.03507, Table 2.

Shapes: x (..., in), weight (out, in), lora_a (r, in), lora_b (out, r).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from lightloop.errors import InputError
from lightloop.optim.projections.keys import counter_key

ALPHA = 32.0  # arXiv 2403.03507, appendix on baselines: α = 32
A, B = "lora_a", "lora_b"


class AdaptedLinear(nn.Module):
    """y = W x + s B A x with W frozen; B begins as zero, so that the layer begins as it was.

    Args:
        layer: The layer that is adapted; its weight is kept and frozen.
        rank: r.
        factor: s, α / r in the paper.
        generator: Draws A, from N(0, 1/r).
    """

    def __init__(self, layer: nn.Linear, rank: int, factor: float, generator: Generator) -> None:
        super().__init__()
        self.weight, self.bias, self.factor = layer.weight.requires_grad_(False), layer.bias, factor
        draw = torch.randn(rank, layer.in_features, generator=generator) / rank**0.5
        self.lora_a = nn.Parameter(draw.to(layer.weight))
        self.lora_b = nn.Parameter(layer.weight.new_zeros(layer.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """The layer and its adapters."""
        return F.linear(x, self.weight, self.bias) + self.factor * F.linear(F.linear(x, self.lora_a), self.lora_b)

    def merged(self) -> Tensor:
        """W + s B A."""
        return self.weight + self.factor * (self.lora_b @ self.lora_a)


def adapt(
    model: nn.Module, matrices: Iterable[Tensor], rank: int, *, factor: float | None = None, seed: int = 0
) -> None:
    """Freeze linear layers of a model and put adapters beside them, in place.

    Args:
        model: Any module.
        matrices: Weights of the layers to adapt.
        rank: r of the adapters.
        factor: s; α / r with α = 32 if None.
        seed: Of A, which depends on it and on the name of the layer.

    Raises:
        InputError: The rank is above the smaller side of a matrix, or there is nothing to adapt.
    """
    chosen = {id(matrix) for matrix in matrices}
    layers = [(name, m) for name, m in model.named_modules() if isinstance(m, nn.Linear) and id(m.weight) in chosen]
    if not layers:
        raise InputError("there is no linear layer to adapt", hint="pass weights of nn.Linear layers of the model")
    smallest = min(min(layer.weight.shape) for _, layer in layers)
    if not 1 <= rank <= smallest:
        raise InputError(f"rank {rank} does not fit matrices of smaller side {smallest}", allowed=[f"1 to {smallest}"])
    for name, layer in layers:
        generator = Generator("cpu").manual_seed(counter_key("adapter", seed, f"{name}.{A}"))
        parent, _, last = name.rpartition(".")
        adapted = AdaptedLinear(layer, rank, ALPHA / rank if factor is None else factor, generator)
        setattr(model.get_submodule(parent), last, adapted)


def merge_adapters(model: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A `state_dict()` of the model with adapters taken into the weights; the same where there are none."""
    merged = dict(state)
    for name, module in model.named_modules():
        if isinstance(module, AdaptedLinear):
            merged[f"{name}.weight"] = module.merged()
            del merged[f"{name}.{A}"], merged[f"{name}.{B}"]
    return merged
