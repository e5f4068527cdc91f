"""Stochastic rounding of bfloat16 weights: updates far below the last place arrive, on average, and none twice."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from lightloop.optim import Apollo
from lightloop.optim.precision.rounding import write_stochastic

UPDATE, STEPS, DRIFT = 1e-4, 2000, 0.2
# The bar of the check. The mean of 1024 walks of 2000 steps of 2^-8 with chance 0.026 has a spread of 0.0009.
DRIFT_TOLERANCE = 0.01
SHAPE = (32, 32)
COUNT = 200_000
# Groups of one matrix: left to AdamW, projected, and projected as APOLLO-Mini.
GROUPS: dict[str, dict[str, Any]] = {
    "adamw": {"rank": None},
    "apollo": {"rank": 4},
    "sparse": {"rank": 16, "projection": "sparse"},
    "mini": {"rank": 1, "granularity": "tensor"},
}


def first_step(group: dict[str, Any]) -> float:
    """The size of the update that a gradient of ones makes at lr = 1."""
    weight = nn.Parameter(torch.zeros(SHAPE))
    weight.grad = torch.ones(SHAPE)
    Apollo([("w", weight)], lr=1.0, **group).step()
    return -weight.mean().item()


def drift(group: dict[str, Any], rounding: str) -> float:
    weight = nn.Parameter(torch.ones(SHAPE, dtype=torch.bfloat16))
    options = {**group, "weight_rounding": rounding, "update_gap": 2 * STEPS}
    optimizer = Apollo([("w", weight)], lr=UPDATE / first_step(group), **options)
    weight.grad = torch.ones_like(weight)
    for _ in range(STEPS):
        optimizer.step()
    return 1.0 - weight.detach().float().mean().item()


@pytest.mark.parametrize("name", GROUPS)
def test_two_thousand_updates_of_a_ten_thousandth_move_a_weight_by_a_fifth(name: str) -> None:
    assert drift(GROUPS[name], "stochastic") == pytest.approx(DRIFT, abs=DRIFT_TOLERANCE)


@pytest.mark.parametrize("name", ["adamw", "apollo"])
def test_rounded_to_the_nearest_the_weight_does_not_move_at_all(name: str) -> None:
    assert drift(GROUPS[name], "nearest") == 0.0


@pytest.mark.parametrize("name", GROUPS)
def test_weight_decay_arrives_too(name: str) -> None:
    """(1 − 1e-4)^2000 = e^-0.2, with a gradient of zero; to the nearest, nothing would decay."""
    weight = nn.Parameter(torch.ones(SHAPE, dtype=torch.bfloat16))
    options = {**GROUPS[name], "weight_rounding": "stochastic", "weight_decay": 0.1}
    optimizer = Apollo([("w", weight)], lr=1e-3, **options)
    weight.grad = torch.zeros_like(weight)
    for _ in range(STEPS):
        optimizer.step()
    assert weight.detach().float().mean().item() == pytest.approx(math.exp(-0.2), abs=DRIFT_TOLERANCE)


@pytest.mark.parametrize("value", [1.0 + 2**-9, 1.0 + 2**-12, -1.0 - 2**-9, 3.14159265, -1e-30, 6.1e4])
def test_the_mean_is_right_and_only_neighbours_come_out(value: float) -> None:
    wide = torch.full((COUNT,), value)
    narrow = torch.empty(COUNT, dtype=torch.bfloat16)
    exact = wide[0].double().item()
    write_stochastic(Generator().manual_seed(1), narrow, wide)
    found = narrow.double().unique()
    assert len(found) == 2 and found[0] < exact < found[1]
    gap = (found[1] - found[0]).item()
    # Four standard errors of a mean of two-valued numbers.
    assert narrow.double().mean().item() == pytest.approx(exact, abs=4.0 * gap / 2 / math.sqrt(COUNT))


def test_what_bfloat16_can_say_is_left_alone() -> None:
    exact = torch.tensor([0.0, -0.0, 1.0, -1.5, 2.0**-130, 3.0e38, math.inf, -math.inf, math.nan]).bfloat16()
    narrow = torch.empty_like(exact)
    for seed in range(50):
        write_stochastic(Generator().manual_seed(seed), narrow, exact.float())
        torch.testing.assert_close(narrow, exact, rtol=0.0, atol=0.0, equal_nan=True)


def weights_of(dtype: torch.dtype) -> dict[str, nn.Parameter]:
    source = Generator().manual_seed(0)
    shapes = {"a": (24, 32), "b": (32, 24), "c": (16,), "d": (8, 3, 3, 3), "e": (2, 16, 20), "f": ()}
    return {name: nn.Parameter(torch.randn(shape, generator=source).to(dtype)) for name, shape in shapes.items()}


def optimizer_of(weights: dict[str, nn.Parameter], **options: Any) -> Apollo:
    projected = {"params": [item for item in weights.items() if item[0] != "b"], "rank": 4}
    rest = {"params": [item for item in weights.items() if item[0] == "b"]}
    return Apollo([projected, rest], update_gap=6, weight_decay=0.1, **{"weight_rounding": "stochastic", **options})


def train(optimizer: Apollo, weights: dict[str, nn.Parameter], steps: range) -> None:
    for step in steps:
        for name, weight in weights.items():
            source = Generator().manual_seed(1000 * ord(name) + step)
            weight.grad = torch.randn(weight.shape, generator=source).to(weight.dtype)
        optimizer.step()


def same(one: dict[str, nn.Parameter], other: dict[str, nn.Parameter]) -> bool:
    return all(torch.equal(weight, other[name]) for name, weight in one.items())


def through_a_file(state: Any) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_a_resumed_run_and_one_in_another_order_round_alike() -> None:
    straight, half, turned = (weights_of(torch.bfloat16) for _ in range(3))
    train(optimizer_of(straight), straight, range(30))
    optimizer = optimizer_of(half)
    train(optimizer, half, range(14))
    resumed = optimizer_of(half)
    resumed.load_state_dict(through_a_file(optimizer.state_dict()))
    train(resumed, half, range(14, 30))
    backwards = dict(reversed(turned.items()))
    train(optimizer_of(backwards), backwards, range(30))
    assert same(half, straight) and same(turned, straight)


def test_seeds_round_differently_and_float32_is_not_rounded() -> None:
    one, other = weights_of(torch.bfloat16), weights_of(torch.bfloat16)
    train(optimizer_of(one), one, range(3))
    train(optimizer_of(other, seed=1), other, range(3))
    # "b" has no projection, so only its rounding can tell the seeds apart.
    assert not torch.equal(one["b"], other["b"])
    one, other = weights_of(torch.float32), weights_of(torch.float32)
    train(optimizer_of(one), one, range(3))
    train(optimizer_of(other, weight_rounding="nearest"), other, range(3))
    assert same(one, other)


def test_the_global_random_state_is_left_alone() -> None:
    weights = weights_of(torch.bfloat16)
    before = torch.get_rng_state()
    train(optimizer_of(weights, projection="sparse"), weights, range(2))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
def test_a_gradient_in_another_memory_layout_than_its_weight_gives_the_same_moments(rounding: str) -> None:
    moments = []
    for layout in (torch.contiguous_format, torch.channels_last):
        start = torch.randn(8, 4, 3, 3, generator=Generator().manual_seed(0)).bfloat16()
        weights = {"b": nn.Parameter(start.to(memory_format=layout))}
        optimizer = Apollo(weights.items(), rank=None, weight_rounding=rounding)
        train(optimizer, weights, range(5))
        moments.append(optimizer.state[weights["b"]])
    for name in ("exp_avg", "exp_avg_sq"):
        torch.testing.assert_close(moments[0][name].contiguous(), moments[1][name].contiguous())


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_leaves_no_trace(bad: float) -> None:
    weights = weights_of(torch.bfloat16)
    optimizer = optimizer_of(weights)
    train(optimizer, weights, range(2))
    before: dict[str, Tensor] = {name: weight.detach().clone() for name, weight in weights.items()}
    for weight in weights.values():
        weight.grad = torch.full_like(weight, bad)
    optimizer.step()
    assert all(torch.equal(weight, before[name]) for name, weight in weights.items())
