"""Checkpoints keep tensors and numbers exactly, in one file without pickle."""

from __future__ import annotations

import json
import pickletools
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from lightloop.errors import InputError
from lightloop.pretrain.checkpoint import load_checkpoint, restore, save_checkpoint, state_bytes
from lightloop.pretrain.model import build
from lightloop.pretrain.optimizers import OPTIMIZERS, build_optimizer
from lightloop.pretrain.settings import TrainSettings
from lightloop.pretrain.shapes import ModelShape

SHAPE = ModelShape(vocab=40, hidden=16, intermediate=24, heads=2, layers=2, context=8)


def trained(name: str, steps: int = 3) -> tuple[nn.Module, torch.optim.Optimizer]:
    model = build(SHAPE, seed=1)
    optimizer = build_optimizer(model, TrainSettings(optimizer=name, update_gap=2))
    for step in range(steps):
        model(torch.arange(step, step + 8).unsqueeze(0)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return model, optimizer


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_everything_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    model, optimizer = trained(name)
    save_checkpoint(tmp_path / "c.safetensors", model, optimizer, {"step": 3, "loss": 0.1 + 0.2, "rows": [[1]]})
    fresh, blank = trained(name, steps=0)
    progress = restore(tmp_path / "c.safetensors", fresh, blank)
    assert progress == {"step": 3, "loss": 0.1 + 0.2, "rows": [[1]]}
    for a, b in zip(model.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(a, b)
        kept, found = optimizer.state[a], blank.state[b]
        assert kept.keys() == found.keys()
        for key, value in kept.items():
            assert torch.equal(value, found[key]) if isinstance(value, torch.Tensor) else value == found[key]
    for a, b in zip(optimizer.param_groups, blank.param_groups, strict=True):
        assert {k: v for k, v in a.items() if k != "params"} == {k: v for k, v in b.items() if k != "params"}


def test_a_checkpoint_is_tensors_and_json_and_no_pickle(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, *trained("adamw"), {"step": 3})
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
        assert {name.split("/")[0] for name in file.keys()} == {"model", "optimizer"}  # noqa: SIM118
    assert json.loads(header["optimizer"])["param_groups"][0]["betas"] == {"$tuple": [0.9, 0.999]}
    with pytest.raises((ValueError, UnicodeDecodeError)):
        list(pickletools.genops(path.read_bytes()))
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


def test_state_bytes_of_adamw_are_two_moments_and_a_counter() -> None:
    model, optimizer = trained("adamw")
    tensors = len(list(model.parameters()))
    assert state_bytes(optimizer) == 2 * 4 * SHAPE.parameters + 4 * tensors


def test_state_bytes_of_sgd_are_none() -> None:
    assert state_bytes(trained("sgd")[1]) == 0


def test_state_bytes_of_mini_are_two_numbers_for_each_channel() -> None:
    """2 n + 2 for a matrix of larger side n, and Adam's two moments for what is not projected."""
    model, optimizer = trained("apollo-mini")
    projected = [w for name, w in model.named_parameters() if "attn" in name or "mlp" in name]
    low = sum(2 * max(weight.shape) for weight in projected)
    rest = SHAPE.parameters - sum(weight.numel() for weight in projected)
    counters = 16 * len(list(model.parameters()))  # step, limiter: a few numbers for each tensor
    assert 0 <= state_bytes(optimizer) - 4 * (low + 2 * rest) <= counters


def test_shared_storage_is_counted_once() -> None:
    weight = nn.Parameter(torch.zeros(4))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    flat = torch.zeros(10)
    optimizer.state[weight] = {"a": flat[:5], "b": [flat[5:]], "n": 3}
    assert state_bytes(optimizer) == flat.numel() * 4


@pytest.mark.parametrize("keep", [0, 7, 200, 0.5, 0.999])
def test_a_file_cut_short_is_refused(keep: float, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, *trained("adamw"), {"step": 3})
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    with pytest.raises(InputError, match=r"not a whole checkpoint[\s\S]*delete it"):
        load_checkpoint(path)


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.safetensors", *trained("adamw"), {"step": 3})
    other = build(ModelShape(vocab=41, hidden=16, intermediate=24, heads=2, layers=2, context=8))
    with pytest.raises(InputError, match="does not fit this model"):
        restore(tmp_path / "c.safetensors", other, build_optimizer(other, TrainSettings()))
