"""Agreement with galore-torch 1.0, Apache-2.0, over renewals of the subspace."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from lightloop.optim import GaLore

# Both add up in float32 in different orders; a weight of size 1 has an ulp of 1.2e-7, and Adam's ratio m / √v
# turns a difference in R of one rounding into one of the update of about as much.
PARITY = 2e-6
EPS = 1e-12  # the peer adds ε to the uncorrected √v, we to the corrected; with this one it does not matter
SHAPES = [(24, 40), (40, 24), (16, 16), (9,)]
GAP, STEPS, RANK = 20, 60, 4


@pytest.fixture(scope="module")
def peer() -> Any:
    """The peer's class by its module alone, and without transformers, of which it only asks a version of torch."""
    spec = importlib.util.find_spec("galore_torch")
    assert spec is not None, "galore-torch is missing; './run setup' installs it"
    versions = ModuleType("transformers.utils.versions")
    versions.__dict__["require_version"] = lambda requirement: None
    with pytest.MonkeyPatch.context() as patch:
        for name in ("transformers", "transformers.utils"):
            patch.setitem(sys.modules, name, ModuleType(name))
        patch.setitem(sys.modules, versions.__name__, versions)
        patch.setitem(sys.modules, "galore_torch", importlib.util.module_from_spec(spec))
        return importlib.import_module("galore_torch.adamw").AdamW


def gradients(steps: int) -> list[list[Tensor]]:
    """Gradients of a few directions and some noise, so that the leading subspace is well separated."""
    generator = Generator().manual_seed(0)

    def one(shape: tuple[int, ...]) -> Tensor:
        noise = 0.01 * torch.randn(shape, generator=generator)
        if len(shape) == 1:
            return noise
        left = torch.randn(shape[0], RANK + 2, generator=generator) * torch.logspace(0, -1, RANK + 2)
        return left @ torch.randn(RANK + 2, shape[1], generator=generator) + noise

    return [[one(shape) for shape in SHAPES] for _ in range(steps)]


@pytest.mark.parametrize("scale", [0.25, 1.0])
def test_galore_is_galore_torch_over_60_steps_and_three_subspaces(peer: Any, scale: float) -> None:
    generator = Generator().manual_seed(1)
    start = [torch.randn(shape, generator=generator) for shape in SHAPES]
    theirs, ours = [[nn.Parameter(w.clone()) for w in start] for _ in range(2)]
    projected = {"rank": RANK, "update_proj_gap": GAP, "scale": scale, "proj_type": "std"}
    groups = [{"params": theirs[-1:]}, {"params": theirs[:-1], **projected}]
    reference = peer(groups, lr=1e-2, eps=EPS, weight_decay=0.0, no_deprecation_warning=True)
    galore = GaLore(ours, lr=1e-2, eps=EPS, rank=RANK, scale=scale, update_gap=GAP)
    for grads in gradients(STEPS):
        for a, b, grad in zip(theirs, ours, grads, strict=True):
            a.grad, b.grad = grad.clone(), grad.clone()
        reference.step()
        galore.step()
    moved = min((w - b).abs().max().item() for w, b in zip(start, ours, strict=True))
    assert moved > 100 * PARITY
    assert max((a - b).abs().max().item() for a, b in zip(theirs, ours, strict=True)) <= PARITY
