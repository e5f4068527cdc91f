"""Several optimizers behind one: copies, files and steps inside backward are those of a single optimizer."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Generator, Tensor, nn

from lightloop.errors import InputError
from lightloop.optim import Apollo, Joined, fuse_backward


def model_of(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    model = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 8))
    generator = Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0.0, 0.3, generator=generator)
    return model.to(dtype)


def optimizer_of(model: nn.Sequential) -> Joined:
    """Without names for the tensors."""
    first, second = model[0], model[1]
    biases = torch.optim.SGD([first.bias, second.bias], lr=0.1)
    return Joined(biases, Apollo([first.weight, second.weight], lr=1e-2, rank=4))


def loss_of(model: nn.Module, step: int) -> Tensor:
    x_bi = torch.randn(4, 8, generator=Generator().manual_seed(step))
    return model(x_bi.to(next(model.parameters()).dtype)).square().mean()


def train(model: nn.Module, optimizer: Joined, steps: range) -> None:
    for step in steps:
        optimizer.zero_grad()
        loss_of(model, step).backward()
        optimizer.step()


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(map(torch.equal, one.parameters(), other.parameters()))


def test_a_copy_goes_on_alike() -> None:
    model = model_of()
    optimizer = optimizer_of(model)
    train(model, optimizer, range(3))
    twin, its_optimizer = copy.deepcopy((model, optimizer))
    train(model, optimizer, range(3, 6))
    assert not same(model, twin)
    train(twin, its_optimizer, range(3, 6))
    assert same(model, twin)


def test_a_state_of_bfloat16_weights_keeps_its_float32_moments() -> None:
    model = model_of(torch.bfloat16)
    optimizer = optimizer_of(model)
    train(model, optimizer, range(3))
    twin = copy.deepcopy(model)
    resumed = optimizer_of(twin)
    resumed.load_state_dict(optimizer.state_dict())
    assert resumed.state[twin[0].weight]["exp_avg"].dtype == torch.float32
    train(model, optimizer, range(3, 6))
    train(twin, resumed, range(3, 6))
    assert same(model, twin)


def test_steps_inside_backward_are_the_same_steps_without_names_too() -> None:
    model, twin = model_of(), model_of()
    train(model, optimizer_of(model), range(3))
    fuse_backward(twin, optimizer_of(twin))
    for step in range(3):
        loss_of(twin, step).backward()
    assert same(model, twin)


def test_a_group_of_no_member_is_refused() -> None:
    optimizer = optimizer_of(model_of())
    with pytest.raises(InputError, match="members"):
        optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(2))], "lr": 0.1})
    assert len(optimizer.param_groups) == 2
