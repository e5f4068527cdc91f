"""A quantised model is saved, copied, moved, resumed and made plain again like any other."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn
from torch.utils.checkpoint import checkpoint

from lightloop.optim import Apollo, dequantize_weights, fuse_backward, param_groups, plain_state_dict, quantize_weights
from lightloop.optim.quantized.weight import QuantizedTensor
from lightloop.pretrain.checkpoint import restore, save_checkpoint
from lightloop.pretrain.model import build
from lightloop.pretrain.optimizers import build_optimizer
from lightloop.pretrain.settings import TrainSettings
from lightloop.pretrain.shapes import ModelShape

BF16_ROUNDING = 1e-2


def small_model(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Embedding(50, 96), nn.Linear(96, 200), nn.SiLU(), nn.Linear(200, 96), nn.Linear(96, 50))


def loss_of(model: nn.Module, seed: int = 0) -> Tensor:
    tokens = torch.randint(50, (4, 8), generator=Generator().manual_seed(seed))
    return F.cross_entropy(model(tokens).flatten(0, 1).float(), tokens.flatten().roll(1))


def train(model: nn.Module, optimizer: Apollo, steps: range) -> None:
    for step in steps:
        loss_of(model, step).backward()
        optimizer.step()
        optimizer.zero_grad()


def optimizer_of(model: nn.Module) -> Apollo:
    groups = param_groups(model, rank=4)
    return Apollo(groups, lr=1e-2, weight_rounding="stochastic", update_gap=5, rest="adamw-8bit")


def same(one: nn.Module, other: nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(value, theirs[name]) for name, value in mine.items())


def through_a_file(state: Any) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_only_weights_of_linear_layers_but_the_head_are_quantised() -> None:
    model = quantize_weights(small_model())
    kinds = {name: type(weight) for name, weight in model.named_parameters()}
    assert {name for name, kind in kinds.items() if kind is QuantizedTensor} == {"1.weight", "3.weight"}
    assert isinstance(model[1].weight, nn.Parameter) and model[1].weight.requires_grad
    kept = quantize_weights(small_model(), exclude=["3.*"])
    assert type(kept[3].weight) is nn.Parameter and type(kept[1].weight) is QuantizedTensor
    frozen = small_model()
    frozen[1].weight.requires_grad_(False)
    assert type(quantize_weights(frozen)[1].weight) is nn.Parameter


def test_the_state_is_plain_tensors_that_load_without_pickle(tmp_path: Path) -> None:
    model, fresh = quantize_weights(small_model()), quantize_weights(small_model(1))
    state = model.state_dict()
    assert all(type(value) is Tensor for value in state.values())
    assert {name for name in state if name.startswith("1.weight")} == {
        f"1.weight.{p}" for p in ("codes", "scale", "zero")
    }
    fresh.load_state_dict(through_a_file(state))
    assert same(model, fresh)
    save_file(state, tmp_path / "model.safetensors")
    again = quantize_weights(small_model(2))
    again.load_state_dict(load_file(tmp_path / "model.safetensors"), assign=True)
    assert same(model, again) and type(again[1].weight) is QuantizedTensor and again[1].weight.requires_grad
    inner = quantize_weights(nn.Sequential(small_model(3)))
    inner.load_state_dict({f"0.{name}": value for name, value in state.items()})
    assert torch.equal(inner[0][1].weight.codes, model[1].weight.codes)


def test_plain_weights_load_and_go_out_again() -> None:
    plain, model = small_model(1), quantize_weights(small_model())
    model.load_state_dict(plain.state_dict())
    step = model[1].weight.scale.float().max()
    assert (model[1].weight.dequantize() - plain[1].weight).abs().max() <= 0.5 * step + 1e-7
    small_model().load_state_dict(plain_state_dict(model))
    numbers = plain_state_dict(model)
    dequantize_weights(model)
    assert numbers.keys() == model.state_dict().keys() == plain.state_dict().keys()
    assert all(torch.equal(value, numbers[name]) for name, value in model.state_dict().items())
    assert all(type(weight) is nn.Parameter for weight in model.parameters())


def test_a_copy_has_a_life_of_its_own() -> None:
    model = quantize_weights(small_model())
    loss_of(model).backward()
    twin = copy.deepcopy(model)
    assert same(model, twin) and torch.equal(twin[1].weight.grad, model[1].weight.grad)
    train(twin, optimizer_of(twin), range(3))
    assert not torch.equal(twin[1].weight.codes, model[1].weight.codes)
    dequantize_weights(twin)
    assert type(model[1].weight) is QuantizedTensor and "1.weight.codes" in model.state_dict()
    assert "1.weight" in twin.state_dict()


def test_moving_keeps_the_parameters_and_the_codes() -> None:
    model = quantize_weights(small_model())
    weight, codes = model[1].weight, model[1].weight.codes.clone()
    model.to(torch.bfloat16)
    assert model[1].weight is weight and weight.dtype == torch.bfloat16 and torch.equal(weight.codes, codes)
    loss_of(model).backward()
    assert weight.grad.dtype == torch.bfloat16
    assert model.to("meta")[1].weight.codes.is_meta


def test_a_shared_weight_stays_shared() -> None:
    first, second = nn.Linear(32, 32), nn.Linear(32, 32)
    second.weight = first.weight
    model = quantize_weights(nn.Sequential(first, second))
    assert first.weight is second.weight and type(first.weight) is QuantizedTensor
    model(torch.ones(2, 32)).sum().backward()
    assert first.weight.grad.abs().sum() > 0
    dequantize_weights(model)
    assert first.weight is second.weight and type(first.weight) is nn.Parameter


def test_autocast_and_checkpointing_of_activations() -> None:
    model, plain = quantize_weights(small_model()), small_model()
    plain.load_state_dict(plain_state_dict(model))
    for one in (model, plain):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss_of(one).backward()
    grads = [one[1].weight.grad for one in (model, plain)]
    assert grads[0].dtype == torch.float32
    torch.testing.assert_close(*grads, rtol=BF16_ROUNDING, atol=BF16_ROUNDING * grads[1].abs().max().item())
    x = torch.ones(3, 96, requires_grad=True)
    for again in (False, True):
        model.zero_grad()
        y = checkpoint(model[1], x, use_reentrant=False) if again else model[1](x)
        y.square().sum().backward()
        grads[again] = model[1].weight.grad
    assert torch.equal(*grads)


def test_a_step_between_forward_and_backward_is_noticed() -> None:
    model = quantize_weights(small_model())
    optimizer, loss = optimizer_of(model), loss_of(model)
    train(model, optimizer, range(1))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_reading_gives_the_plain_numbers() -> None:
    weight = quantize_weights(nn.Linear(40, 20)).weight
    numbers = weight.dequantize()
    assert torch.equal(weight + 1.0, numbers + 1.0) and torch.equal(weight.norm(), numbers.norm())
    assert torch.equal(torch.zeros(20, 40).copy_(weight.detach()), numbers)
    assert "8 bits" in repr(weight) and weight.detach().double().dtype == torch.float64


@pytest.mark.parametrize("fused", [False, True])
def test_a_resumed_run_goes_on_to_the_bit(tmp_path: Path, fused: bool) -> None:
    straight, half, resumed = (quantize_weights(small_model(seed)) for seed in (0, 0, 1))
    train(straight, optimizer_of(straight), range(12))
    optimizer = optimizer_of(half)
    if fused:
        handle = fuse_backward(half, optimizer)
        for step in range(7):
            loss_of(half, step).backward()
        handle.remove()
    else:
        train(half, optimizer, range(7))
    save_checkpoint(tmp_path / "c.safetensors", half, optimizer, {"step": 7})
    going_on = optimizer_of(resumed)
    assert restore(tmp_path / "c.safetensors", resumed, going_on) == {"step": 7}
    train(resumed, going_on, range(7, 12))
    assert same(straight, resumed)


@pytest.mark.parametrize("name", ["q-apollo", "q-apollo-mini"])
def test_runs_name_it_and_their_folder_loads(tmp_path: Path, name: str) -> None:
    """As the trainer writes a folder: plain weights beside the sizes."""
    shape = ModelShape(256, 32, 88, 4, 2, 16)
    model = build(shape)
    optimizer = build_optimizer(model, TrainSettings(optimizer=name, lr=1e-2))
    assert all(type(weight) is QuantizedTensor for weight in model.projected_matrices())
    before = model.lm_head.weight.detach().clone()
    model(torch.zeros(1, 8, dtype=torch.int64)).square().sum().backward()
    optimizer.step()
    assert not torch.equal(model.lm_head.weight, before)
    plain = build(shape, device="meta")
    plain.load_state_dict(plain_state_dict(model), assign=True)
    tokens = torch.arange(8).unsqueeze(0)
    assert torch.equal(plain(tokens), model(tokens))
