"""The handle of fuse_backward: counting, saving, letting go."""

from __future__ import annotations

import io
import warnings
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from lightloop.optim import Apollo, param_groups
from lightloop.optim.backward.fuse import fuse_backward
from lightloop.optim.backward.handle import FusedBackward


def model_of() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 8))


def loss_of(model: nn.Module, number: int) -> Tensor:
    return model(torch.randn(3, 8, generator=Generator().manual_seed(number))).square().sum()


def fused(model: nn.Module, **options: Any) -> FusedBackward:
    return fuse_backward(model, Apollo(param_groups(model, rank=2, update_gap=3)), **options)


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_steps_and_kept_passes_are_counted() -> None:
    model = model_of()
    handle = fused(model, accumulate=3)
    counts = []
    for number in range(7):
        loss_of(model, number).backward()
        counts.append((handle.step_count, handle.micro_batches))
    assert counts == [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]


@pytest.mark.parametrize("passes", [6, 7])
def test_a_run_saved_between_or_within_steps_resumes_to_the_bit(passes: int) -> None:
    straight = model_of()
    fused(straight, accumulate=2, average=True)
    for number in range(14):
        loss_of(straight, number).backward()

    first = model_of()
    handle = fused(first, accumulate=2, average=True)
    for number in range(passes):
        loss_of(first, number).backward()
    saved = through_a_file({"model": first.state_dict(), "fused": handle.state_dict()})

    resumed = model_of()
    resumed.load_state_dict(saved["model"])
    handle = fused(resumed, accumulate=2, average=True)
    handle.load_state_dict(saved["fused"])
    assert (handle.step_count, handle.micro_batches) == divmod(passes, 2)
    for number in range(passes, 14):
        loss_of(resumed, number).backward()
    assert handle.step_count == 7
    assert same(straight, resumed)


@pytest.mark.parametrize("names", [None, ["w", "w", "w", "w"]])
def test_kept_gradients_are_saved_without_names_or_with_names_given_twice(names: list[str] | None) -> None:
    def build() -> tuple[nn.Sequential, FusedBackward]:
        model = model_of()
        group = {"params": list(model.parameters()), "rank": 2, **({"param_names": names} if names else {})}
        optimizer = Apollo([group]) if names is None else torch.optim.AdamW(model.parameters())
        if names is not None:
            optimizer.param_groups[0]["param_names"] = names
        return model, fuse_backward(model, optimizer, accumulate=2)

    model, handle = build()
    loss_of(model, 0).backward()
    other, resumed = build()
    resumed.load_state_dict(through_a_file(handle.state_dict()))
    for each in (model, other):
        loss_of(each, 1).backward()
    assert same(model, other) and not same(model, model_of())


def test_flush_takes_the_step_with_what_there_is() -> None:
    plain, model = model_of(), model_of()
    optimizer = Apollo(param_groups(plain, rank=2))
    for number in range(2):
        loss_of(plain, number).backward()
    for weight in plain.parameters():
        weight.grad.div_(2)
    optimizer.step()

    handle = fuse_backward(model, Apollo(param_groups(model, rank=2)), accumulate=5, average=True)
    handle.flush()
    assert handle.step_count == 0
    for number in range(2):
        loss_of(model, number).backward()
    handle.flush()
    assert (handle.step_count, handle.micro_batches) == (1, 0)
    assert same(plain, model) and all(weight.grad is None for weight in model.parameters())


def test_discard_drops_the_kept_gradients() -> None:
    plain, model = model_of(), model_of()
    handle = fused(model, accumulate=2)
    loss_of(model, 0).backward()
    handle.discard()
    assert handle.micro_batches == 0 and all(weight.grad is None for weight in model.parameters())
    assert same(plain, model)


def test_remove_gives_the_optimizer_back() -> None:
    plain, model = model_of(), model_of()
    ours, theirs = (Apollo(param_groups(m, rank=2)) for m in (model, plain))
    handle = fuse_backward(model, ours)
    loss_of(model, 0).backward()
    handle.remove()
    handle.remove()
    loss_of(model, 1).backward()
    assert model[0].weight.grad is not None
    ours.step()
    for number in range(2):
        theirs.zero_grad()
        loss_of(plain, number).backward()
        theirs.step()
    assert same(plain, model)
    fuse_backward(model, ours)


def test_a_closure_without_clipping_returns_its_loss() -> None:
    model = model_of()
    handle = fused(model)

    def closure() -> Tensor:
        loss = loss_of(model, 0)
        loss.backward()
        return loss

    with torch.no_grad():
        losses = [float(handle.step(closure)) for _ in range(20)]
    assert handle.step_count == 20 and losses[-1] < losses[0]


def test_the_norm_can_be_measured_without_clipping() -> None:
    plain, model = model_of(), model_of()
    loss_of(plain, 0).backward()
    norm = nn.utils.get_total_norm([weight.grad for weight in plain.parameters()])
    handle = fused(model, max_norm=float("inf"))
    handle.step(lambda: loss_of(model, 0).backward())
    assert torch.equal(handle.gradient_norm, norm)


def test_step_hooks_and_schedulers_see_one_step() -> None:
    model = model_of()
    optimizer = torch.optim.AdamW(model.parameters())
    calls: list[int] = []
    optimizer.register_step_post_hook(lambda *_: calls.append(1))
    schedule = LambdaLR(optimizer, lambda step: 0.5**step)
    fuse_backward(model, optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(3):
            loss_of(model, number).backward()
            schedule.step()
    assert len(calls) == 3


def test_layers_frozen_and_unfrozen_later_are_stepped_while_they_are_trained() -> None:
    plain, model = model_of(), model_of()
    for each in (plain, model):
        each[0].requires_grad_(False)
    theirs, ours = (Apollo(m.named_parameters(), rank=2) for m in (plain, model))
    fuse_backward(model, ours)
    for number in range(6):
        for each in (plain, model):
            each[0].requires_grad_(number >= 2)
            each[2].requires_grad_(number < 4)
            loss_of(each, number).backward()
        assert all(weight.grad is None for weight in model.parameters())
        theirs.step()
        theirs.zero_grad()
    assert same(plain, model)


def test_a_group_added_later_is_stepped() -> None:
    plain, model = model_of(), model_of()
    theirs, ours = (Apollo([{"params": list(m[0].parameters()), "rank": 2}]) for m in (plain, model))
    fuse_backward(model, ours)
    for each, optimizer in ((plain, theirs), (model, ours)):
        optimizer.add_param_group({"params": list(each[2].parameters()), "rank": 3, "lr": 0.1})
    for number in range(3):
        for each in (plain, model):
            loss_of(each, number).backward()
        theirs.step()
        theirs.zero_grad()
    assert same(plain, model) and model[2].weight.grad is None


def test_two_optimizers_share_a_model() -> None:
    plain, model = model_of(), model_of()
    for each, is_fused in ((plain, False), (model, True)):
        optimizers = (Apollo(each[0].parameters(), rank=2), torch.optim.AdamW(each[2].parameters()))
        for optimizer in optimizers if is_fused else ():
            fuse_backward(each, optimizer)
        for number in range(4):
            loss_of(each, number).backward()
            for optimizer in () if is_fused else optimizers:
                optimizer.step()
                optimizer.zero_grad()
    assert same(plain, model)


def test_another_optimizer_may_say_that_it_steps_tensor_by_tensor() -> None:
    class Signs(torch.optim.Optimizer):
        steps_tensor_by_tensor = True

        def __init__(self, params: Any) -> None:
            super().__init__(params, {"lr": 0.01})

        @torch.no_grad()
        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for weight in group["params"]:
                    if weight.grad is not None:
                        weight.sub_(weight.grad.sign(), alpha=group["lr"])

    plain, model = model_of(), model_of()
    loss_of(plain, 0).backward()
    Signs(plain.parameters()).step()
    fuse_backward(model, Signs(model.parameters()))
    loss_of(model, 0).backward()
    assert same(plain, model)
