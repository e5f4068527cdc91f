"""Every optimizer that a run can name keeps what is planned, resumes to the bit, and steps inside backward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator, Tensor
from torch.optim import Optimizer

from lightloop.errors import InputError
from lightloop.optim import fuse_backward, quantize_weights
from lightloop.optim.plan.memory import plan_tensors
from lightloop.optim.plan.states import state_rule
from lightloop.pretrain.checkpoint import state_bytes
from lightloop.pretrain.lora import AdaptedLinear, merge_adapters
from lightloop.pretrain.model import Decoder, build, next_token_loss
from lightloop.pretrain.optimizers import OPTIMIZERS, build_optimizer
from lightloop.pretrain.plan import decoder_tensors
from lightloop.pretrain.settings import TrainSettings
from lightloop.pretrain.shapes import ModelShape

# Matrices of 64 x 64 and more are large enough for 8-bit states.
SHAPE = ModelShape(vocab=96, hidden=64, intermediate=80, heads=2, layers=1, context=12)
RANK, STEPS = 4, 4
# Of what the issue and the contract name; `torch.optim.Muon` came with torch 2.9.
NAMES = [name for name in OPTIMIZERS if name != "muon" or hasattr(torch.optim, "Muon")]
EVERY = pytest.mark.parametrize("name", NAMES)
CONTRACT = {
    *("adamw", "adamw-8bit", "adafactor", "adam-mini", "galore", "galore-8bit", "fira", "lora", "muon"),
    *("apollo", "apollo-mini", "apollo-svd", "q-apollo", "q-apollo-mini", "sgd", "scale"),
}


# Keys of [train] that all builders may read.
COMMON = {"lr", "weight_decay", "seed"}


class Noted:
    """The settings of a training, and which of them were read."""

    def __init__(self, train: TrainSettings) -> None:
        self.train, self.read = train, set[str]()

    def __getattr__(self, key: str) -> Any:
        self.read.add(key)
        return getattr(self.train, key)


def made(name: str, dtype: torch.dtype = torch.float32) -> tuple[Decoder, Optimizer]:
    model = build(SHAPE).to(dtype)
    train = TrainSettings(optimizer=name, lr=3e-3, rank=RANK, update_gap=3, weight_decay=0.01)
    return model, build_optimizer(model, train)


def loss_of(model: Decoder, step: int) -> Tensor:
    tokens = torch.randint(SHAPE.vocab, (3, SHAPE.context + 1), generator=Generator().manual_seed(step))
    return next_token_loss(model(tokens[:, :-1]).float(), tokens[:, 1:])


def trained(model: Decoder, optimizer: Optimizer, steps: range) -> None:
    for step in steps:
        loss_of(model, step).backward()
        optimizer.step()
        optimizer.zero_grad()


def weights_of(model: Decoder) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_the_names_are_those_of_the_contract() -> None:
    assert set(OPTIMIZERS) >= CONTRACT


@EVERY
def test_a_builder_reads_the_keys_that_its_entry_names(name: str) -> None:
    noted = Noted(TrainSettings(optimizer=name))
    OPTIMIZERS[name].build(build(SHAPE), noted)
    assert noted.read - COMMON == set(OPTIMIZERS[name].reads)


@EVERY
@pytest.mark.filterwarnings("ignore:weights of 8 bits are rounded to the nearest")
def test_int8_weights_are_planned_for_those_that_train_them(name: str) -> None:
    model = build(SHAPE)
    if not name.startswith("q-"):
        quantize_weights(model)
    try:
        trained(model, build_optimizer(model, TrainSettings(optimizer=name)), range(1))
    except InputError:
        assert not state_rule(name).int8_weights
    else:
        assert state_rule(name).int8_weights


@EVERY
def test_states_are_as_large_as_planned(name: str) -> None:
    rule = state_rule(name)
    model, optimizer = made(name)
    trained(model, optimizer, range(1))
    planned = plan_tensors(
        decoder_tensors(SHAPE), name, weights=rule.weights or "fp32", rank=RANK if rule.low_rank else None
    )
    assert state_bytes(optimizer) == planned.optimizer_bytes
    assert state_bytes(optimizer, model.projected_matrices()) == planned.optimizer_low_rank_bytes


@EVERY
def test_a_state_loads_without_pickle_and_goes_on_to_the_bit(name: str, tmp_path: Path) -> None:
    straight, optimizer = made(name)
    trained(straight, optimizer, range(STEPS))
    begun, optimizer = made(name)
    trained(begun, optimizer, range(STEPS // 2))
    torch.save({"model": begun.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "state.pt")
    saved: dict[str, Any] = torch.load(tmp_path / "state.pt", weights_only=True)
    resumed, optimizer = made(name)
    resumed.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    trained(resumed, optimizer, range(STEPS // 2, STEPS))
    expected = weights_of(straight)
    assert all(torch.equal(value, expected[key]) for key, value in weights_of(resumed).items())


@EVERY
def test_bfloat16_weights_are_trained(name: str) -> None:
    model, optimizer = made(name, torch.bfloat16)
    before = loss_of(model, 0).item()
    for _ in range(10):
        trained(model, optimizer, range(1))
    assert loss_of(model, 0).item() < before


@EVERY
def test_steps_inside_backward_are_the_same_steps(name: str) -> None:
    ended = []
    for fused in (False, True):
        model, optimizer = made(name)
        if fused:
            fuse_backward(model, optimizer)
        for step in range(STEPS):
            loss_of(model, step).backward()
            if not fused:
                optimizer.step()
                optimizer.zero_grad()
        ended.append(weights_of(model))
    assert all(torch.equal(value, ended[1][key]) for key, value in ended[0].items())


def test_lora_freezes_matrices_and_is_written_merged() -> None:
    plain, (model, optimizer) = build(SHAPE), made("lora")
    frozen = {name: weight.clone() for name, weight in model.named_parameters() if not weight.requires_grad}
    assert len(frozen) == 7 * SHAPE.layers
    trained(model, optimizer, range(STEPS))
    assert all(torch.equal(weight, frozen[name]) for name, weight in model.named_parameters() if name in frozen)
    assert any(bool(m.lora_b.any()) for m in model.modules() if isinstance(m, AdaptedLinear))
    plain.load_state_dict(merge_adapters(model, model.state_dict()))
    torch.testing.assert_close(loss_of(plain, 0), loss_of(model, 0), rtol=1e-5, atol=0.0)  # float32, other order


def test_a_run_begins_as_it_was_under_lora() -> None:
    model, _ = made("lora")
    assert torch.equal(loss_of(model, 0), loss_of(build(SHAPE), 0))
