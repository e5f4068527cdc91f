"""Weights of 8 bits: as near to the plain ones as their grid says, right on average after each step, and still else."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from lightloop.optim import Apollo, dequantize_weights, fuse_backward, param_groups, quantize_weights
from lightloop.optim.quantized.grid import (
    FRESH_CODES,
    ROUNDED_ZERO,
    by_chance,
    groups_in,
    to_nearest,
    write_codes,
    write_values,
)
from lightloop.optim.quantized.weight import QuantizedTensor

# The scale is rounded to bfloat16, by at most half of 2^-8 of itself.
SCALE_ROUNDING = 1 + 2**-8
# Of sums in float32 whose terms are the same, in another order.
SUM_ROUNDING = 1e-5
UPDATE, STEPS, DRIFT, DRIFT_TOLERANCE = 1e-4, 2000, 0.2, 0.01
GROUPS: dict[str, dict[str, Any]] = {
    "apollo": {"rank": 4},
    "sparse": {"rank": 16, "projection": "sparse"},
    "mini": {"rank": 1, "granularity": "tensor"},
}


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=Generator().manual_seed(seed))


WEIGHTS = {
    "around zero": randn(8, 256),
    "positive": 10.0 + 0.1 * torch.rand(8, 256, generator=Generator().manual_seed(0)),
    "negative": -3.0 - torch.rand(8, 256, generator=Generator().manual_seed(0)),
    "constant": torch.full((8, 256), 0.7),
    "zeros": torch.zeros(8, 256),
    "tiny": 1e-30 * randn(8, 256),
    "large": 1e30 * randn(8, 256),
    "one outlier": torch.cat([randn(8, 255), torch.full((8, 1), 50.0)], dim=1),
}


def grouped(weight: Tensor, group: int) -> list[Tensor]:
    return [part for row in weight for part in row.split(group)]


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("group", [128, 100, 1000])
def test_each_weight_is_within_half_a_step_of_its_group(name: str, group: int) -> None:
    """Also of groups of one sign, whose zero point lies far outside of the codes."""
    weight = WEIGHTS[name]
    found = QuantizedTensor.of(weight, group)
    steps = found.scale.flatten()
    for plain, kept, step in zip(grouped(weight, group), grouped(found.dequantize(), group), steps, strict=True):
        low, high = plain.min().item(), plain.max().item()
        finest = (high - low + ROUNDED_ZERO * abs(low + high) / 2) / FRESH_CODES
        assert step.item() <= max(finest * SCALE_ROUNDING, 2.0**-126)
        last_place = 2.0**-24 * plain.abs().max().item()
        assert (plain - kept).abs().max().item() <= 0.5 * step.item() + last_place


@pytest.mark.parametrize("columns", [1, 64, 127, 128, 129, 300])
def test_groups_end_with_their_row(columns: int) -> None:
    weight = randn(5, columns)
    together = QuantizedTensor.of(weight)
    assert together.scale.shape == together.zero.shape == (5, groups_in(columns, 128))
    for row in range(5):
        alone = QuantizedTensor.of(weight[row : row + 1])
        assert torch.equal(alone.dequantize(), together.dequantize()[row : row + 1])


def test_numbers_of_the_grid_stay_when_it_is_written_again() -> None:
    """By chance too, and when the range of the group moves."""
    found = QuantizedTensor.of(randn(16, 300))
    before, scale = found.dequantize(), found.scale.clone()
    for seed in range(5):
        write_codes(before.clone(), *found.parts().values(), found.group, by_chance(Generator().manual_seed(seed)))
        assert torch.equal(found.dequantize(), before)
    shift = 7.0 * scale.float().repeat_interleave(128, dim=1)[:, :300]
    write_codes(before + shift, *found.parts().values(), found.group, by_chance(Generator().manual_seed(0)))
    assert torch.equal(found.scale, scale)
    torch.testing.assert_close(found.dequantize(), before + shift, rtol=SUM_ROUNDING, atol=0.0)


@pytest.mark.parametrize("place", [0.0, 0.001, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("far", [0.0, 40.0])
def test_the_mean_is_right_and_only_neighbours_come_out(place: float, far: float) -> None:
    rows, group = 500, 128
    fresh = QuantizedTensor.of(far + randn(1, group))
    exact = fresh.dequantize().double() + place * fresh.scale.double()
    parts = [part.expand(rows, -1).clone() for part in fresh.parts().values()]
    write_codes(exact.float().expand(rows, -1).clone(), *parts, group, by_chance(Generator().manual_seed(1)))
    out = torch.empty(rows, group)
    write_values(*parts, group, out)
    step = parts[1][0, 0].double()
    assert (out - exact).abs().max() < step
    # Four standard errors of the mean of all numbers, and what float32 leaves of a number far from zero.
    error = 4.0 * math.sqrt(place * (1.0 - place) / (rows * group))
    assert ((out - exact) / step).mean().item() == pytest.approx(0.0, abs=error + 2.0**-23 * far / step.item() + 1e-9)


def linear(weight: Tensor, **options: Any) -> tuple[nn.Linear, Apollo]:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data.copy_(weight)
    quantize_weights(layer)
    return layer, Apollo([("w", layer.weight)], **options)


def first_step(group: dict[str, Any], shape: tuple[int, int]) -> float:
    """The size of the update that a gradient of ones makes at lr = 1."""
    weight = nn.Parameter(torch.zeros(shape))
    weight.grad = torch.ones(shape)
    Apollo([("w", weight)], lr=1.0, **group).step()
    return -weight.mean().item()


def drift(weight: Tensor, group: dict[str, Any], rounding: str) -> float:
    options = {**group, "weight_rounding": rounding, "update_gap": 2 * STEPS}
    layer, optimizer = linear(weight, lr=UPDATE / first_step(group, tuple(weight.shape)), **options)
    layer.weight.grad = torch.ones(weight.shape)
    before = layer.weight.dequantize()
    for _ in range(STEPS):
        optimizer.step()
    return (before - layer.weight.dequantize()).mean().item()


@pytest.mark.parametrize(("name", "shape"), [("apollo", (40, 32)), ("sparse", (40, 32)), ("mini", (20, 100))])
def test_two_thousand_updates_of_a_ten_thousandth_move_a_weight_by_a_fifth(name: str, shape: tuple[int, int]) -> None:
    """A step of these grids is some 0.02. The mean of 1280 walks of it has a spread of 0.002."""
    assert drift(randn(*shape), GROUPS[name], "stochastic") == pytest.approx(DRIFT, abs=DRIFT_TOLERANCE)


def test_a_constant_group_follows_too() -> None:
    assert drift(torch.ones(32, 32), GROUPS["apollo"], "stochastic") == pytest.approx(DRIFT, abs=DRIFT_TOLERANCE)


@pytest.mark.filterwarnings("ignore:weights of 8 bits")
@pytest.mark.parametrize("name", ["apollo"])
def test_rounded_to_the_nearest_the_weight_does_not_move_at_all(name: str) -> None:
    assert drift(randn(32, 32), GROUPS[name], "nearest") == 0.0


def test_rows_without_a_gradient_stay_to_the_bit() -> None:
    layer, optimizer = linear(randn(64, 200), lr=1e-2, rank=4, weight_rounding="stochastic")
    before = layer.weight.dequantize()
    for step in range(60):
        layer.weight.grad = randn(64, 200, seed=step)
        layer.weight.grad[::2] = 0.0
        optimizer.step()
    moved = (layer.weight.dequantize() != before).float().mean(1)
    assert moved[::2].max() == 0.0 and moved[1::2].min() > 0.5


def test_one_step_is_that_of_plain_weights_on_average() -> None:
    """Over many seeds of the rounding, for tall and wide matrices, with weight decay."""
    options: dict[str, Any] = {"lr": 1e-2, "rank": 4, "weight_decay": 0.5, "weight_rounding": "stochastic"}
    for shape in ((48, 20), (20, 300)):
        grad, count = randn(*shape, seed=1), 150
        total = torch.zeros(shape)
        for seed in range(count):
            layer, optimizer = linear(randn(*shape), seed=seed, **options)
            start = layer.weight.dequantize()
            plain = nn.Parameter(start.clone())
            expected = Apollo([("w", plain)], seed=seed, **{**options, "weight_rounding": "nearest"})
            layer.weight.grad = plain.grad = grad.clone()
            optimizer.step()
            expected.step()
            total += (layer.weight.dequantize() - plain.detach()) / layer.weight.scale.float().repeat_interleave(
                128, dim=1
            )[:, : shape[1]]
        # A walk of two values one step apart has a spread of at most a half; five of them for the largest of 6000.
        assert (total / count).abs().max() < 5 * 0.5 / math.sqrt(count)
        assert abs((total / count).mean().item()) < 4 * 0.5 / math.sqrt(count * total.numel())


def small_model(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    torch.manual_seed(0)
    layers = (nn.Embedding(50, 96), nn.Linear(96, 200), nn.SiLU(), nn.Linear(200, 96, bias=False), nn.Linear(96, 50))
    return nn.Sequential(*layers).to(dtype)


def loss_of(model: nn.Module, seed: int = 0) -> Tensor:
    tokens = torch.randint(50, (4, 8), generator=Generator().manual_seed(seed))
    return F.cross_entropy(model(tokens).flatten(0, 1).float(), tokens.flatten().roll(1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_losses_and_gradients_are_those_of_the_plain_numbers(dtype: torch.dtype) -> None:
    quantised, plain = quantize_weights(small_model(dtype)), small_model(dtype)
    plain.load_state_dict(dequantize_weights(quantize_weights(small_model(dtype))).state_dict())
    losses = [loss_of(quantised), loss_of(plain)]
    for loss in losses:
        loss.backward()
    assert torch.equal(*losses)
    for one, other in zip(quantised.parameters(), plain.parameters(), strict=True):
        assert type(one.grad) is Tensor and one.grad.dtype == dtype
        torch.testing.assert_close(
            one.grad, other.grad, rtol=1e-2 if dtype == torch.bfloat16 else SUM_ROUNDING, atol=1e-7
        )


def test_backward_keeps_no_plain_weight() -> None:
    model = quantize_weights(nn.Linear(256, 512, bias=False))
    kept: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model(torch.ones(1, 256)).sum().backward()
    assert sum(tensor.nbytes for tensor in kept if type(tensor) is Tensor) < 256 * 512
    assert sum(type(tensor) is not Tensor for tensor in kept) == 1


def optimizer_of(model: nn.Module, **options: Any) -> Apollo:
    return Apollo(param_groups(model, rank=4), lr=1e-2, weight_rounding="stochastic", update_gap=5, **options)


def numbers(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("mini", [False, True])
def test_layer_by_layer_the_weights_are_the_same_to_the_bit(mini: bool) -> None:
    whole, fused = quantize_weights(small_model()), quantize_weights(small_model())
    options = {"granularity": "tensor", "rank": 1} if mini else {}
    optimizer = optimizer_of(whole, **options)
    handle = fuse_backward(fused, optimizer_of(fused, **options))
    for step in range(12):
        loss_of(whole, step).backward()
        optimizer.step()
        optimizer.zero_grad()
        loss_of(fused, step).backward()
    assert handle.step_count == 12
    assert same(numbers(whole), numbers(fused))


def test_to_the_nearest_is_to_the_nearest() -> None:
    found = QuantizedTensor.of(randn(4, 128))
    target = found.dequantize() + 0.4 * found.scale.float()
    before = found.dequantize()
    write_codes(target, *found.parts().values(), found.group, to_nearest)
    assert torch.equal(found.dequantize(), before)
