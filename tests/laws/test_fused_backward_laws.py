"""Steps inside backward are the steps after backward, to the bit; only the memory differs.

Every comparison here is for equality of all bits: the same operations on the same numbers, in another order
among tensors that do not know one another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.checkpoint import checkpoint

from lightloop.optim import Apollo, param_groups
from lightloop.optim.backward.fuse import fuse_backward

Make = Callable[[nn.Module], Optimizer]

VOCABULARY, WIDTH, STEPS = 23, 20, 7

MAKERS: dict[str, Make] = {
    "apollo": lambda model: Apollo(param_groups(model, rank=4, update_gap=3), weight_decay=0.1),
    "apollo, no names": lambda model: Apollo(model.parameters(), rank=4, update_gap=3),
    "mini": lambda model: Apollo.mini(param_groups(model), lr=1e-3),
    "apollo-torch": lambda model: Apollo(param_groups(model, rank=4, update_gap=3), compat="apollo-torch"),
    "adamw": lambda model: torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1),
    "fused adamw": lambda model: torch.optim.AdamW(model.parameters(), lr=1e-2, fused=True),
    "momentum": lambda model: torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9, nesterov=True),
    "adafactor": lambda model: torch.optim.Adafactor(model.parameters()),
}


class Model(nn.Module):
    """Tied embedding and head, a layer that not every batch uses, dropout, and a frozen layer."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.up = nn.Linear(WIDTH, 2 * WIDTH)
        self.down = nn.Linear(2 * WIDTH, WIDTH)
        self.sometimes = nn.Linear(WIDTH, WIDTH)
        self.frozen = nn.Linear(WIDTH, WIDTH).requires_grad_(False)
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.head.weight = self.tokens.weight
        self.checkpoints = False

    def block(self, x: Tensor) -> Tensor:
        return x + self.down(torch.dropout(self.up(x).relu(), 0.2, self.training))

    def forward(self, batch: Tensor, use_all: bool) -> Tensor:
        x = self.tokens(batch[:, :-1])
        x = checkpoint(self.block, x, use_reentrant=False) if self.checkpoints else self.block(x)
        x = self.frozen(self.norm(self.sometimes(x) if use_all else x))
        return cross_entropy(self.head(x).flatten(0, 1), batch[:, 1:].flatten())


def build(make: Make, dtype: torch.dtype = torch.float32) -> tuple[Model, Optimizer]:
    torch.manual_seed(0)
    model = Model().to(dtype)
    optimizer = make(model)
    torch.manual_seed(1)
    return model, optimizer


def loss_of(model: nn.Module, number: int) -> Tensor:
    """The loss of micro-batch `number`; every third leaves a layer out."""
    batch = torch.randint(VOCABULARY, (3, 9), generator=Generator().manual_seed(number))
    return model(batch, number % 3 != 2)


def train_plainly(
    model: nn.Module, optimizer: Optimizer, *, accumulate: int = 1, average: bool = False, max_norm: float | None = None
) -> list[float]:
    """Backward, step, zero_grad; the norms, if they are clipped."""
    schedule = LambdaLR(optimizer, lambda step: 1.0 / (1.0 + step))
    norms = []
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for step in range(STEPS):
        for micro in range(accumulate):
            loss_of(model, step * accumulate + micro).backward()
        for weight in weights:
            if average and weight.grad is not None:
                weight.grad.div_(accumulate)
        if max_norm is not None:
            norms.append(clip_grad_norm_(weights, max_norm).item())
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    return norms


def train_fused(
    model: nn.Module, optimizer: Optimizer, *, accumulate: int = 1, average: bool = False, max_norm: float | None = None
) -> list[float]:
    handle = fuse_backward(model, optimizer, accumulate=accumulate, average=average, max_norm=max_norm)
    schedule = LambdaLR(optimizer, lambda step: 1.0 / (1.0 + step))
    norms = []
    for step in range(STEPS):
        numbers = range(step * accumulate, (step + 1) * accumulate)
        if max_norm is None:
            for number in numbers:
                loss_of(model, number).backward()
        else:
            handle.step(lambda numbers=numbers: [loss_of(model, number).backward() for number in numbers])
            norms.append(float(handle.gradient_norm))
        assert all(weight.grad is None for weight in model.parameters())
        schedule.step()
    assert handle.step_count == STEPS
    return norms


def same_state(a: Optimizer, b: Optimizer) -> bool:
    ours, theirs = a.state_dict()["state"], b.state_dict()["state"]
    return ours.keys() == theirs.keys() and all(
        torch.equal(torch.as_tensor(value), torch.as_tensor(theirs[key][name]))
        for key, entry in ours.items()
        for name, value in entry.items()
    )


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def assert_same_run(make: Make, dtype: torch.dtype = torch.float32, checkpoints: bool = False, **options: Any) -> None:
    plain, plain_optimizer = build(make, dtype)
    before = [weight.detach().clone() for weight in plain.parameters()]
    norms = train_plainly(plain, plain_optimizer, **options)
    fused, fused_optimizer = build(make, dtype)
    fused.checkpoints = checkpoints
    assert train_fused(fused, fused_optimizer, **options) == norms
    assert same_weights(plain, fused)
    assert same_state(plain_optimizer, fused_optimizer)
    moved = [not torch.equal(a, b) for a, b in zip(before, fused.parameters(), strict=True)]
    assert sum(moved) == len(moved) - 2  # all but the two frozen ones


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("accumulate", [1, 3])
def test_every_weight_is_the_same_to_the_bit(name: str, accumulate: int) -> None:
    assert_same_run(MAKERS[name], accumulate=accumulate)


@pytest.mark.parametrize("name", ["apollo", "adamw"])
def test_bfloat16_is_the_same_to_the_bit(name: str) -> None:
    assert_same_run(MAKERS[name], torch.bfloat16, accumulate=2)


@pytest.mark.parametrize("accumulate", [1, 3])
def test_the_mean_of_micro_batches_is_the_same_to_the_bit(accumulate: int) -> None:
    assert_same_run(MAKERS["apollo"], accumulate=accumulate, average=True)


def test_gradient_checkpointing_is_the_same_to_the_bit() -> None:
    assert_same_run(MAKERS["apollo"], checkpoints=True)


@pytest.mark.parametrize("name", ["apollo", "apollo-torch", "adamw", "momentum"])
@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("max_norm", [0.3, 1e3])
def test_clipping_in_two_phases_is_clip_grad_norm_to_the_bit(name: str, accumulate: int, max_norm: float) -> None:
    """With dropout, whose masks must be the same in both phases, and a learning-rate schedule."""
    assert_same_run(MAKERS[name], accumulate=accumulate, average=accumulate > 1, max_norm=max_norm)


def test_an_unused_layer_is_stepped_if_an_earlier_micro_batch_used_it() -> None:
    """Counting the gradients of each tensor instead of passes would never step it."""
    model, optimizer = build(MAKERS["apollo"])
    fuse_backward(model, optimizer, accumulate=3)
    before = model.sometimes.weight.detach().clone()
    for number in range(3):
        loss_of(model, number).backward()
    assert not torch.equal(before, model.sometimes.weight)


class Layers(nn.Module):
    def __init__(self, depth: int, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x).tanh()
        return x


def live_bytes(model: nn.Module) -> int:
    return sum(w.grad.untyped_storage().nbytes() for w in model.parameters() if w.grad is not None)


def watch(model: nn.Module) -> list[int]:
    """Bytes of gradient at each arrival of one, before it is stepped; register it before fusing."""
    seen: list[int] = []
    for weight in model.parameters():
        weight.register_post_accumulate_grad_hook(lambda _: seen.append(live_bytes(model)))
    return seen


def test_one_gradient_at_a_time_is_in_memory() -> None:
    depth, width = 12, 32
    model = Layers(depth, width)
    seen = watch(model)
    fuse_backward(model, Apollo(param_groups(model, rank=4)))
    model(torch.ones(2, width)).sum().backward()
    assert seen == [4 * width**2] * depth
    assert live_bytes(model) == 0


def test_clipping_keeps_one_gradient_at_a_time_too() -> None:
    depth, width = 12, 32
    model = Layers(depth, width)
    seen = watch(model)
    handle = fuse_backward(model, Apollo(param_groups(model, rank=4)), max_norm=0.1)
    handle.step(lambda: model(torch.ones(2, width)).sum().backward())
    assert seen == [4 * width**2] * (2 * depth)


def test_accumulation_keeps_all_gradients_as_it_says_and_frees_them_in_the_last_pass() -> None:
    depth, width = 5, 32
    model = Layers(depth, width)
    seen = watch(model)
    fuse_backward(model, Apollo(param_groups(model, rank=4)), accumulate=2)
    for _ in range(2):
        model(torch.ones(2, width)).sum().backward()
    one = 4 * width**2
    assert seen == [one * n for n in (1, 2, 3, 4, 5, 5, 4, 3, 2, 1)]


@pytest.mark.parametrize("name", ["apollo", "adamw"])
def test_a_gradient_that_is_not_finite_does_what_it_does_to_the_optimizer(name: str) -> None:
    def run(fused: bool) -> Model:
        model, optimizer = build(MAKERS[name])
        numbers = []
        model.up.weight.register_hook(lambda grad: grad * float("nan") if numbers == [0, 1] else grad)
        if fused:
            fuse_backward(model, optimizer)
        for number in range(4):
            numbers.append(number)
            loss_of(model, number).backward()
            if not fused:
                optimizer.step()
                optimizer.zero_grad()
        return model

    plain, fused = run(False), run(True)
    pairs = zip(plain.parameters(), fused.parameters(), strict=True)
    assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in pairs)
    assert torch.isfinite(fused.up.weight).all() == (name == "apollo")


def test_a_gradient_from_before_is_added_to_as_ever() -> None:
    """An optimizer may have been handed over with gradients in place."""

    def run(fused: bool) -> Model:
        model, optimizer = build(MAKERS["apollo"])
        loss_of(model, 2).backward()
        model.sometimes.weight.grad = torch.ones_like(model.sometimes.weight)
        if fused:
            fuse_backward(model, optimizer)
        loss_of(model, 5).backward()
        if not fused:
            optimizer.step()
        return model

    assert same_weights(run(False), run(True))
