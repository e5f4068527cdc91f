"""Agreement with apollo-torch 1.0.3 (in compat mode) and with torch's AdamW."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from lightloop.optim import Apollo

# A float32 weight of size 1 has an ulp of 1.2e-7; two orders of summation over 450 steps stay below this.
PARITY = 1e-6
SHAPES = [(512, 1376), (1376, 512), (512, 512), (1, 64)]
GAP = 200


@pytest.fixture(scope="module")
def peer() -> Any:
    """The peer's class by its module alone; importing the whole package loads bitsandbytes, for ten seconds."""
    spec = importlib.util.find_spec("apollo_torch")
    assert spec is not None, "apollo-torch is missing; './run setup' installs it"
    sys.modules.setdefault("apollo_torch", importlib.util.module_from_spec(spec))
    return importlib.import_module("apollo_torch.apollo").AdamW


class Race:
    """The same weights and gradients under both optimizers."""

    def __init__(self, peer: Any, shapes: list[tuple[int, ...]], dtype: torch.dtype, **options: Any) -> None:
        generator = Generator().manual_seed(0)
        start = [0.02 * torch.randn(shape, generator=generator) for shape in shapes]
        # Sizes that change from step to step, and at the end a spike for the limiter.
        sizes = [0.02 * factor for factor in (1.0, 4.5, 3.0, 1.5, 5.0, 2.0, 0.5, 2.5, 20.0)]
        self.grads = [[(c * torch.randn(w.shape, generator=generator)).to(dtype) for w in start] for c in sizes]
        self.theirs = [nn.Parameter(w.to(dtype)) for w in start]
        self.ours = [nn.Parameter(w.to(dtype)) for w in start]
        self.peer = peer(_peer_groups(self.theirs, options), lr=1e-2, eps=1e-6, **_peer_switches(options))
        groups = [{"params": _vectors(self.ours)}, {"params": _matrices(self.ours), "rank": options["rank"]}]
        common = {key: value for key, value in options.items() if key != "rank"}
        self.apollo = Apollo(groups, lr=1e-2, eps=1e-6, compat="apollo-torch", **common)

    def run(self, steps: int) -> None:
        for step in range(steps):
            grads = self.grads[-1] if step % 90 == 89 else self.grads[step % 8]
            for a, b, grad in zip(self.theirs, self.ours, grads, strict=True):
                a.grad = b.grad = grad
            self.peer.step()
            self.apollo.step()

    def difference(self) -> float:
        return max((a - b).abs().max().item() for a, b in zip(self.theirs, self.ours, strict=True))


def _vectors(weights: list[nn.Parameter]) -> list[Tensor]:
    return [w for w in weights if w.ndim < 2]


def _matrices(weights: list[nn.Parameter]) -> list[Tensor]:
    return [w for w in weights if w.ndim >= 2]


def _peer_groups(weights: list[nn.Parameter], options: dict[str, Any]) -> list[dict[str, Any]]:
    """Groups as the peer's README has them."""
    projected = {
        "rank": options["rank"],
        "scale_type": options["granularity"],
        "scale": options.get("scale", 1.0),
        "update_proj_gap": options.get("update_gap", GAP),
        "proj": "random",
        "proj_type": "std",
    }
    return [{"params": _vectors(weights)}, {"params": _matrices(weights), **projected}]


def _peer_switches(options: dict[str, Any]) -> dict[str, Any]:
    return {"weight_decay": options.get("weight_decay", 0.0), "disable_nl": options.get("limiter", 1.01) is None}


@pytest.mark.parametrize(
    ("rank", "granularity", "scale"), [(4, "channel", 1.0), (128, "channel", 1.0), (1, "tensor", 128.0)]
)
def test_compat_is_apollo_torch_over_450_steps_and_two_renewals(
    peer: Any, rank: int, granularity: str, scale: float
) -> None:
    race = Race(peer, SHAPES, torch.float32, rank=rank, granularity=granularity, scale=scale)
    race.run(450)
    assert race.difference() <= PARITY


@pytest.mark.parametrize(
    "options",
    [
        {"rank": 4, "granularity": "channel", "weight_decay": 0.1, "scale": 4.0},
        {"rank": 3, "granularity": "tensor", "limiter": None, "scale": 2.0},
        {"rank": 16, "granularity": "channel", "update_gap": 7},
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_compat_is_apollo_torch_with_its_options_and_its_adamw(
    peer: Any, dtype: torch.dtype, options: dict[str, Any]
) -> None:
    options = {"update_gap": 20, **options}
    race = Race(peer, [(64,), (24, 40), (40, 24), (16, 16), (7,)], dtype, **options)
    race.run(100)
    assert race.difference() == 0.0


def test_compat_freezes_after_a_zero_gradient_as_apollo_torch_does(peer: Any) -> None:
    race = Race(peer, [(3,), (24, 40)], torch.float32, rank=4, granularity="channel")
    race.grads[0] = [torch.zeros_like(grad) for grad in race.grads[0]]
    before = [w.detach().clone() for w in race.ours]
    race.run(8)
    moved = (race.ours[1] - before[1]).abs().max().item()
    assert race.difference() == 0.0
    assert moved < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64, torch.complex64])
def test_a_group_without_rank_is_torchs_adamw(dtype: torch.dtype) -> None:
    generator = Generator().manual_seed(1)
    shapes = [(12, 20), (20,), (3, 4, 5)]
    start = [torch.randn(shape, generator=generator, dtype=torch.float32).to(dtype) for shape in shapes]
    theirs, ours = [[nn.Parameter(w.clone()) for w in start] for _ in range(2)]
    options: dict[str, Any] = {"lr": 1e-2, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.1}
    fused = None if dtype.is_complex else True
    adamw, apollo = torch.optim.AdamW(theirs, fused=fused, **options), Apollo([{"params": ours}], **options)
    for _ in range(20):
        for a, b in zip(theirs, ours, strict=True):
            a.grad = b.grad = torch.randn(a.shape, generator=generator).to(dtype)
        adamw.step()
        apollo.step()
    assert all(torch.equal(a, b) for a, b in zip(theirs, ours, strict=True))


def test_vectors_of_a_projected_group_are_torchs_adamw() -> None:
    theirs, ours = nn.Parameter(torch.ones(9)), nn.Parameter(torch.ones(9))
    adamw, apollo = torch.optim.AdamW([theirs], lr=1e-2, weight_decay=0.0, fused=True), Apollo([ours], lr=1e-2)
    for step in range(5):
        theirs.grad = ours.grad = torch.randn(9, generator=Generator().manual_seed(step))
        adamw.step()
        apollo.step()
    assert torch.equal(theirs, ours)
