"""Bfloat16 weights and gradients: how far each optimizer strays from its own arithmetic in float64.

The states are float32 here and bfloat16 in apollo-torch 1.0.3, where v ← 0.999 v is rounded back to v. The oracle of
each is its own order of operations on the same bfloat16 numbers; of apollo-torch it is compat="apollo-torch", which is
bit for bit that package (test_apollo_parity.py).
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from lightloop.optim import Apollo

STEPS, GAP = 200, 70
SHAPES = [(64, 96), (96, 64)]
KINDS = {"channel": (16, 1.0), "tensor": (1, 4.0)}  # rank and α


@pytest.fixture(scope="module")
def peer() -> Any:
    """The peer's class by its module alone; importing the whole package loads bitsandbytes."""
    spec = importlib.util.find_spec("apollo_torch")
    assert spec is not None, "apollo-torch is missing; './run setup' installs it"
    sys.modules.setdefault("apollo_torch", importlib.util.module_from_spec(spec))
    return importlib.import_module("apollo_torch.apollo").AdamW


def gradient(shape: torch.Size, step: int, fall: float) -> Tensor:
    """A signal in noise, smaller by `fall` at the end of the run, in bfloat16."""
    noise = torch.randn(shape, generator=Generator().manual_seed(step))
    signal = torch.randn(shape, generator=Generator().manual_seed(10**6))
    size = 0.1 * (1.0 + 0.5 * math.sin(step / 7.0)) * fall ** (step / STEPS)
    return (size * (noise + 0.5 * signal)).bfloat16()


def trained(optimizer: Optimizer, weight: Tensor, fall: float) -> Tensor:
    for step in range(STEPS):
        weight.grad = gradient(weight.shape, step, fall).to(weight.dtype)
        optimizer.step()
    return weight.detach().double()


def peer_group(weight: Tensor, granularity: str, rank: int, alpha: float) -> dict[str, Any]:
    """The package's α is the root of its scale."""
    projection = {"proj": "random", "proj_type": "std", "update_proj_gap": GAP}
    return {"params": [weight], "rank": rank, "scale_type": granularity, "scale": alpha**2, **projection}


@pytest.mark.parametrize("fall", [1.0, 0.1])  # a gradient of one size, and one that shrinks as training goes on
@pytest.mark.parametrize("lr", [1e-2, 1e-3])
@pytest.mark.parametrize("granularity", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_bf16_is_closer_to_float64_than_apollo_torch_is(
    peer: Any, shape: tuple[int, int], granularity: str, lr: float, fall: float
) -> None:
    rank, alpha = KINDS[granularity]
    start = (0.02 * torch.randn(shape, generator=Generator().manual_seed(7))).bfloat16()
    common = {"rank": rank, "granularity": granularity, "update_gap": GAP}

    def error(narrow: Tensor, exact: Tensor) -> float:
        return ((narrow - exact).norm() / (exact - start.double()).norm()).item()

    def ours(dtype: torch.dtype) -> Tensor:
        weight = nn.Parameter(start.to(dtype, copy=True))
        return trained(Apollo([("w", weight)], lr, scale=alpha, **common), weight, fall)

    exact = nn.Parameter(start.double())
    oracle = Apollo([exact], lr, eps=1e-6, scale=alpha**2, compat="apollo-torch", **common)
    their_weight = nn.Parameter(start.clone())
    theirs = peer([peer_group(their_weight, granularity, rank, alpha)], lr=lr, eps=1e-6, weight_decay=0.0)

    our_error = error(ours(torch.bfloat16), ours(torch.float64))
    their_error = error(trained(theirs, their_weight, fall), trained(oracle, exact, fall))
    print(f"{shape} {granularity} lr {lr} fall {fall}: ours {our_error:.4f}, apollo-torch {their_error:.4f}")
    assert our_error < their_error
