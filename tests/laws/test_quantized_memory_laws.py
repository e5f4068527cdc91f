"""Memory of a training with weights of 8 bits, against the plan, and what a step allocates beside it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from alive import Alive
from lightloop.optim import Apollo, fuse_backward, param_groups, plan_memory, quantize_weights
from lightloop.optim.precision.strips import STRIP_ELEMENTS
from lightloop.optim.quantized.weight import QuantizedTensor
from lightloop.pretrain.checkpoint import state_bytes
from lightloop.pretrain.model import Decoder, build, next_token_loss, rotary_table
from lightloop.pretrain.plan import plan_training
from lightloop.pretrain.shapes import ModelShape

PLAN_ERROR = 0.05  # the planner's bar; temporaries inside kernels are not planned
HELD_ERROR = 0.01
# A step has at most this many strips at once: the weights, the gradient, whole parts, chances, and their comparison.
STRIPS = 6
SMALL_STRIP = 2**9
SHAPES = {
    "heavy matrices": (ModelShape(256, 256, 688, 4, 4, 64), 1, 64),
    "short rows": (ModelShape(1000, 64, 176, 4, 4, 64), 4, 64),
    "wide head": (ModelShape(4000, 128, 352, 4, 1, 64), 1, 64),
}


def weight_bytes(model: nn.Module) -> int:
    parts = [
        part
        for weight in model.parameters()
        for part in (weight.parts().values() if isinstance(weight, QuantizedTensor) else [weight])
    ]
    return sum(part.untyped_storage().nbytes() for part in parts)


def q_apollo_mini(model: Decoder) -> Apollo:
    groups = param_groups(quantize_weights(model.bfloat16()), rank=1)
    return Apollo.mini(groups, weight_rounding="stochastic", state_dtype="bf16", rest="adamw-8bit")


def forward_and_back(model: Decoder, batch: int, tokens: int) -> None:
    text = torch.zeros(2, batch, tokens, dtype=torch.int64)
    inputs_bt, targets_bt = text[0].clone(), text[1].clone()
    del text
    next_token_loss(model(inputs_bt), targets_bt).backward()


@pytest.mark.parametrize("case", SHAPES)
def test_weights_and_states_are_as_planned(case: str) -> None:
    model = build(SHAPES[case][0])
    optimizer = q_apollo_mini(model)
    for weight in model.parameters():
        weight.grad = torch.zeros(weight.shape, dtype=weight.dtype)
    optimizer.step()
    planned = plan_memory(model, "q-apollo-mini")
    assert planned.weights_bytes == weight_bytes(model)
    assert planned.optimizer_bytes == pytest.approx(state_bytes(optimizer), rel=HELD_ERROR)


@pytest.mark.parametrize("columns", [1, 100, 128, 200, 1000])
def test_rows_of_any_length_take_what_is_planned(columns: int) -> None:
    model = nn.Linear(columns, 24, bias=False, dtype=torch.bfloat16)
    planned = plan_memory(model, "q-apollo", rank=1, exclude=()).weights_bytes
    parts = QuantizedTensor.of(model.weight.detach()).parts().values()
    assert planned == (sum(part.nbytes for part in parts) if columns > 1 else 2 * 24)


@pytest.mark.parametrize("case", ["heavy matrices", "short rows"])
def test_the_peak_of_a_layer_wise_step_is_as_planned(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In bfloat16 throughout, as a model is whose rotary tables do not widen q and k."""

    def low_precision_table(*given: Any) -> tuple[Tensor, Tensor]:
        cos_te, sin_te = rotary_table(*given)
        return cos_te.bfloat16(), sin_te.bfloat16()

    monkeypatch.setattr("lightloop.pretrain.model.rotary_table", low_precision_table)
    # Strips are made for matrices of millions of numbers; beside these they would be as large as the matrix.
    monkeypatch.setattr("lightloop.optim.precision.strips.STRIP_ELEMENTS", SMALL_STRIP)
    shape, batch, tokens = SHAPES[case]
    model = build(shape)
    fuse_backward(model, q_apollo_mini(model))
    with Alive(model.parameters()) as alive:
        for _ in range(2):
            forward_and_back(model, batch, tokens)
    planned = plan_training(shape, "q-apollo-mini", batch=batch, tokens=tokens, layerwise=True)
    assert planned.peak_bytes == pytest.approx(alive.peak, rel=PLAN_ERROR)


def test_a_step_makes_nothing_as_large_as_the_weight() -> None:
    model = quantize_weights(nn.Linear(1024, 4096, bias=False))
    optimizer = Apollo.mini(param_groups(model, rank=1), weight_rounding="stochastic")
    model.weight.grad = torch.ones(model.weight.shape)
    optimizer.step()
    with Alive([*model.parameters(), model.weight.grad]) as alive:
        held = alive.now
        optimizer.step()
    strip = 4 * STRIP_ELEMENTS
    assert STRIPS * strip < 4 * model.weight.numel() / 2
    assert alive.peak - held < STRIPS * strip
