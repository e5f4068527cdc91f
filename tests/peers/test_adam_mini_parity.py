"""Agreement with adam-mini 1.1.1, MIT, on a decoder."""

from __future__ import annotations

import pytest
import torch
from torch import Generator

from lightloop.optim import AdamMini, adam_mini_groups
from lightloop.pretrain.model import build
from lightloop.pretrain.shapes import ModelShape

# Two orders of summation in float32 over 30 steps of 1e-2; a weight of size 1 has an ulp of 1.2e-7.
PARITY = 2e-6
SHAPE = ModelShape(vocab=40, hidden=32, intermediate=48, heads=4, layers=1, context=8)


def test_adam_mini_is_the_package_over_30_steps() -> None:
    package = pytest.importorskip("adam_mini")
    theirs, ours = build(SHAPE), build(SHAPE)
    sizes = {"dim": SHAPE.hidden, "n_heads": SHAPE.heads, "n_kv_heads": SHAPE.heads, "verbose": False}
    reference = package.Adam_mini(theirs.named_parameters(), lr=1e-2, weight_decay=0.1, **sizes)
    groups = adam_mini_groups(ours, SHAPE.heads)
    for group in groups:  # the package decays no vectors
        group["weight_decay"] = 0.1
    optimizer = AdamMini(groups, lr=1e-2)
    generator = Generator().manual_seed(0)
    for _ in range(30):
        for a, b in zip(theirs.parameters(), ours.parameters(), strict=True):
            a.grad = 0.1 * torch.randn(a.shape, generator=generator)
            b.grad = a.grad.clone()
        reference.step()
        optimizer.step()
    pairs = [(a, b) for a, b in zip(theirs.parameters(), ours.parameters(), strict=True) if a.ndim > 1]
    assert max((a - b).abs().max().item() for a, b in pairs) <= PARITY
