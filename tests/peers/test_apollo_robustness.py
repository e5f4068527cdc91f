"""What one bad gradient, a bfloat16 state and a checkpoint do to apollo-torch 1.0.3, and do not do here."""

from __future__ import annotations

import importlib
import importlib.util
import io
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from lightloop.optim import Apollo

SHAPE, RANK, AFTER = (48, 64), 8, 300
# The share of the undisturbed run's update norms that must be left after a zero gradient.
KEPT = 0.8
# What apollo-torch is frozen to: from the norm 1e-8 it may grow by 1 % a step, to 2e-7 after 300 steps.
FROZEN = 1e-6
# v after 500 steps of β2 = 0.999 without a gradient, and what rounding to bfloat16 makes of it.
DECAY_STEPS, DECAYED, DECAY_TOLERANCE = 500, 0.999**500, 1e-3

KINDS: dict[str, dict[str, Any]] = {
    "gaussian": {},
    "rademacher": {"projection": "rademacher"},
    "sparse": {"projection": "sparse", "rank": 16},
    "auto": {"scale": "auto"},
    "mini": {"rank": 1, "granularity": "tensor", "scale": 4.0},
}


@pytest.fixture(scope="module")
def peer() -> Any:
    """The peer's class by its module alone; importing the whole package loads bitsandbytes."""
    spec = importlib.util.find_spec("apollo_torch")
    assert spec is not None, "apollo-torch is missing; './run setup' installs it"
    sys.modules.setdefault("apollo_torch", importlib.util.module_from_spec(spec))
    return importlib.import_module("apollo_torch.apollo").AdamW


def ours(weight: Tensor, **options: Any) -> Optimizer:
    return Apollo([("w", weight)], **{"lr": 1e-3, "rank": RANK, **options})


def theirs(peer: Any, weight: Tensor) -> Optimizer:
    group = {"params": [weight], "rank": RANK, "scale_type": "channel", "scale": 1.0, "update_proj_gap": 200}
    return peer([{**group, "proj": "random", "proj_type": "std"}], lr=1e-3, eps=1e-6, weight_decay=0.0)


def noise(step: int) -> Tensor:
    return torch.randn(SHAPE, generator=Generator().manual_seed(step))


def update_norms(make: Callable[[Tensor], Optimizer], zero_at: int | None, until: int) -> list[float]:
    """‖ΔW‖ of every step."""
    weight = nn.Parameter(torch.zeros(SHAPE))
    optimizer, path = make(weight), [torch.zeros(SHAPE)]
    for step in range(until):
        weight.grad = torch.zeros(SHAPE) if step == zero_at else noise(step)
        optimizer.step()
        path.append(weight.detach().clone())
    return [(after - before).norm().item() for before, after in pairwise(path)]


def share_left(make: Callable[[Tensor], Optimizer], at: int) -> float:
    """Update norms of the 300 steps after a zero gradient, as a share of those of the same steps without it."""
    until = at + 1 + AFTER
    spoilt, clean = (update_norms(make, zero_at, until)[at + 1 :] for zero_at in (at, None))
    return sum(spoilt) / sum(clean)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", [0, 300])
def test_a_zero_gradient_leaves_the_next_300_updates_their_size(at: int, kind: str) -> None:
    left = share_left(lambda weight: ours(weight, **KINDS[kind]), at)
    print(f"zero gradient at step {at}, {kind}: {left:.3f} of the update norms left")
    assert left >= KEPT


@pytest.mark.parametrize("at", [0, 300])
def test_a_zero_gradient_freezes_apollo_torch(peer: Any, at: int) -> None:
    left = share_left(lambda weight: theirs(peer, weight), at)
    print(f"zero gradient at step {at}, apollo-torch: {left:.1e} of the update norms left")
    assert left < FROZEN


def test_one_nan_is_skipped_here_and_stays_for_ever_in_apollo_torch(peer: Any) -> None:
    finite = []
    for make in (ours, lambda weight: theirs(peer, weight)):
        weight = nn.Parameter(torch.zeros(SHAPE))
        optimizer = make(weight)
        for step in range(20):
            weight.grad = noise(step)
            if step == 5:
                weight.grad[1, 2] = math.nan
            optimizer.step()
        finite.append(torch.isfinite(weight).float().mean().item())
    print(f"finite weights after one NaN: {finite[0]:.0%} here, {finite[1]:.0%} in apollo-torch")
    assert finite[0] == 1.0
    assert finite[1] < 1.0


def test_the_second_moment_of_a_bf16_model_decays_here_and_not_in_apollo_torch(peer: Any) -> None:
    left = []
    for make in (ours, lambda weight: theirs(peer, weight)):
        weight = nn.Parameter(torch.zeros(SHAPE, dtype=torch.bfloat16))
        optimizer = make(weight)
        weight.grad = noise(0).bfloat16()
        optimizer.step()
        before = optimizer.state[weight]["exp_avg_sq"].double().sum()
        weight.grad = torch.full_like(weight, 1e-10)
        for _ in range(DECAY_STEPS):
            optimizer.step()
        left.append((optimizer.state[weight]["exp_avg_sq"].double().sum() / before).item())
    print(f"v after 500 steps near zero: {left[0]:.4f} here, {left[1]:.4f} in apollo-torch, {DECAYED:.4f} exact")
    assert left[0] == pytest.approx(DECAYED, rel=DECAY_TOLERANCE)
    assert left[1] == 1.0


def test_a_saved_state_is_loaded_without_trust_here_and_not_in_apollo_torch(peer: Any) -> None:
    saved = []
    for make in (ours, lambda weight: theirs(peer, weight)):
        weight = nn.Parameter(torch.zeros(SHAPE))
        optimizer = make(weight)
        weight.grad = noise(0)
        optimizer.step()
        file = io.BytesIO()
        torch.save(optimizer.state_dict(), file)
        saved.append(file.getvalue())
    ours(nn.Parameter(torch.zeros(SHAPE))).load_state_dict(torch.load(io.BytesIO(saved[0]), weights_only=True))
    with pytest.raises(pickle.UnpicklingError):
        torch.load(io.BytesIO(saved[1]), weights_only=True)


def test_importing_the_optimizers_loads_torch_and_nothing_heavy_beside_it() -> None:
    heavy = ("transformers", "bitsandbytes", "triton", "accelerate", "apollo_torch", "datasets")
    program = f"import sys, lightloop.optim; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == []
