"""What cannot be quantised, or cannot write quantised weights, says so and changes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightloop.errors import InputError
from lightloop.optim import Apollo, Fira, GaLore, param_groups, quantize_weights
from lightloop.optim.quantized.weight import QuantizedTensor


def quantised() -> nn.Linear:
    torch.manual_seed(0)
    return quantize_weights(nn.Linear(40, 20))


@pytest.mark.parametrize(
    ("weight", "group", "message"),
    [
        (torch.zeros(3), 128, "1-dimensional tensor of torch.float32"),
        (torch.zeros(3, 4, 5), 128, "3-dimensional"),
        (torch.zeros(3, 4, dtype=torch.float16), 128, "torch.float16"),
        (torch.full((3, 4), math.inf), 128, "NaN or infinity"),
        (torch.zeros(3, 4), 0, "group=0"),
        (torch.zeros(3, 4), True, "group=True"),
        (torch.zeros(3, 4), 2.5, "group=2.5"),
    ],
)
def test_what_has_no_grid(weight: Tensor, group: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        QuantizedTensor.of(weight, group)


def test_nothing_to_quantise() -> None:
    for model in (nn.Sequential(nn.Embedding(5, 8), nn.LayerNorm(8)), quantised()):
        with pytest.raises(InputError, match="no weights to quantise"):
            quantize_weights(model)


def test_a_model_that_cannot_be_quantised_is_as_before() -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 8))
    model[1].weight.data[0, 0] = math.nan
    with pytest.raises(InputError, match="NaN"):
        quantize_weights(model)
    assert all(type(weight) is nn.Parameter for weight in model.parameters())
    assert set(model.state_dict()) == {"0.weight", "0.bias", "1.weight", "1.bias"}


@pytest.mark.parametrize(
    "make",
    [
        lambda layer: torch.optim.SGD(layer.parameters(), lr=0.1),
        lambda layer: torch.optim.AdamW(layer.parameters(), fused=True),
        lambda layer: torch.optim.AdamW(layer.parameters(), foreach=True),
        lambda layer: Apollo([{"params": list(layer.parameters())}]),
        lambda layer: Apollo(param_groups(layer, rank=4), compat="apollo-torch"),
        lambda layer: GaLore(param_groups(layer, rank=4)),
        lambda layer: Fira(param_groups(layer, rank=4)),
    ],
)
def test_other_optimizers_cannot_write_them(make: Callable[[nn.Module], torch.optim.Optimizer]) -> None:
    layer = quantised()
    before = layer.weight.dequantize()
    layer(torch.ones(1, 40)).sum().backward()
    with pytest.raises(InputError, match="dequantize_weights"):
        make(layer).step()
    assert torch.equal(layer.weight.dequantize(), before)


def test_operations_in_place_are_refused_and_a_whole_copy_is_not() -> None:
    weight = quantised().weight
    with torch.no_grad():
        for change in (lambda: weight.mul_(2.0), lambda: weight.zero_(), lambda: torch.add(weight, 1.0, out=weight)):
            with pytest.raises(InputError, match="cannot write into weights of 8 bits"):
                change()
        weight.copy_(torch.zeros(20, 40))
    assert weight.dequantize().abs().max() == 0.0


def test_rounding_to_the_nearest_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="weight_rounding='stochastic'"):
        Apollo(param_groups(quantised(), rank=4))


def test_a_state_of_another_grouping_is_refused() -> None:
    layer, other = quantised(), quantize_weights(nn.Linear(40, 20), group=16)
    before = layer.weight.dequantize()
    with pytest.raises(InputError, match="same `group`"):
        layer.load_state_dict(other.state_dict())
    assert torch.equal(layer.weight.dequantize(), before)


def test_a_gradient_that_is_not_finite_changes_nothing() -> None:
    layer = quantised()
    optimizer = Apollo(param_groups(layer, rank=4), weight_rounding="stochastic")
    before = layer.weight.codes.clone()
    layer.weight.grad = torch.full((20, 40), math.nan)
    optimizer.step()
    assert torch.equal(layer.weight.codes, before)
