"""The Triton kernels make the step of plain tensor operations; run by Triton's interpreter where there is no GPU."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from lightloop.optim import Apollo
from lightloop.optim.on_device import triton_step

# Sums are made in another order than torch makes them; 6e-8 per operation.
TOLERANCE = 1e-5
# Of bfloat16 weights a float32 difference in the last place may turn a few to a neighbour, 2^-8 away.
SHARE_ALIKE = 0.999
KERNELS = "lightloop.optim.on_device.triton_kernels"

# Tall, wide and square, with sides that fill no tile, more than one tile, and more than one block of channels.
SHAPES = [(70, 33), (20, 150), (17, 17)]
# Channels that a program takes at a time, fewer than usual so that small matrices have several blocks of them.
BLOCK = 64
MINI: dict[str, Any] = {"rank": 1, "granularity": "tensor", "scale": math.sqrt(128.0)}
KINDS: dict[str, dict[str, Any]] = {
    "mini": MINI,
    "mini with signs, no limiter": {**MINI, "projection": "rademacher", "limiter": None, "betas": (0.0, 0.99)},
    "channel": {"rank": 4, "weight_decay": 0.1},
    "tensor": {"rank": 4, "granularity": "tensor", "scale": "auto"},
}

# Triton reads this when it is first imported, so the interpreter runs in a process of its own.
INTERPRETER = {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}


def trained(implementation: str, options: dict[str, Any], dtype: torch.dtype, steps: int = 3) -> list[Tensor]:
    """Weights after steps of varying size with a zero gradient, a NaN, and renewals of P."""
    generator = Generator().manual_seed(0)
    weights = [nn.Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in SHAPES]
    optimizer = Apollo(weights, 1e-2, update_gap=2, implementation=implementation, **options)
    for step in range(steps):
        for place, weight in enumerate(weights):
            weight.grad = (torch.randn(weight.shape, generator=generator) * (1 + step % 3)).to(dtype)
            if step == 0:
                weight.grad.zero_()
            if step == 1 + place % 2:
                weight.grad[-1, -1] = math.nan if place else math.inf
        optimizer.step()
    assert implementation != "triton" or KERNELS in sys.modules, "the kernels were not used"
    return [weight.detach().float() for weight in weights]


def distances(options: dict[str, Any]) -> list[float]:
    """‖W − W'‖/‖W‖ of the two implementations, for each weight."""
    expected, found = (trained(name, options, torch.float32) for name in ("on-device", "triton"))
    return [float((ours - theirs).norm() / theirs.norm()) for theirs, ours in zip(expected, found, strict=True)]


def shares_alike(options: dict[str, Any]) -> list[float]:
    """The share of bfloat16 weights that the two implementations agree on."""
    expected, found = (trained(name, options, torch.bfloat16, steps=2) for name in ("on-device", "triton"))
    return [float((ours == theirs).float().mean()) for theirs, ours in zip(expected, found, strict=True)]


def distance_of_layouts() -> float:
    """Between steps with the same gradient in row-major and in column-major memory."""
    weights = [nn.Parameter(torch.ones(20, 30)) for _ in range(2)]
    grad = torch.randn(30, 20, generator=Generator().manual_seed(0)).T
    for weight, laid in zip(weights, (grad, grad.contiguous()), strict=True):
        weight.grad = laid
        Apollo([("w", weight)], implementation="triton", **MINI).step()
    return float((weights[0] - weights[1]).norm() / weights[0].norm())


def measure() -> dict[str, Any]:
    """Everything that is to be run by the interpreter."""
    torch.set_num_threads(1)
    triton_step.MINI_BLOCK = BLOCK
    kinds = {kind: distances(options) for kind, options in KINDS.items()}
    shares = {
        f"{kind}, {rounding}": shares_alike({**KINDS[kind], "weight_rounding": rounding})
        for kind in ("mini", "channel")
        for rounding in ("nearest", "stochastic")
    }
    return {"kinds": kinds, "shares": shares, "layouts": distance_of_layouts()}


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    if importlib.util.find_spec("triton") is None:
        pytest.skip("Triton has no wheel for this machine")
    command = [sys.executable, str(Path(__file__).resolve())]
    done = subprocess.run(command, env={**os.environ, **INTERPRETER}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", KINDS)
def test_the_kernels_make_the_same_step(measured: dict[str, Any], kind: str) -> None:
    assert max(measured["kinds"][kind]) <= TOLERANCE


@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
@pytest.mark.parametrize("kind", ["mini", "channel"])
def test_bfloat16_is_rounded_by_the_same_chances(measured: dict[str, Any], kind: str, rounding: str) -> None:
    assert min(measured["shares"][f"{kind}, {rounding}"]) >= SHARE_ALIKE


def test_a_gradient_laid_out_otherwise_gives_the_same_step(measured: dict[str, Any]) -> None:
    assert measured["layouts"] <= TOLERANCE


if __name__ == "__main__":
    print(json.dumps(measure()))
