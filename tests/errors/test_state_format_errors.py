"""Formats of states that cannot be had, and tensors that lie on different devices."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lightloop.errors import InputError
from lightloop.optim import Apollo, param_groups, plan_memory


def stepped(**options: object) -> tuple[Apollo, nn.Parameter]:
    weight = nn.Parameter(torch.ones(64, 80))
    optimizer = Apollo([("blocks.0.weight", weight)], rank=4, **options)
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    return optimizer, weight


@pytest.mark.parametrize("state_dtype", ["bf16", "int8", torch.bfloat16])
def test_apollo_torch_has_no_formats_of_its_own(state_dtype: object) -> None:
    with pytest.raises(InputError, match="apollo-torch") as caught:
        Apollo([nn.Parameter(torch.ones(8, 8))], rank=2, compat="apollo-torch", state_dtype=state_dtype)
    assert caught.value.hint
    with pytest.raises(InputError, match="rest='factored'"):
        Apollo([nn.Parameter(torch.ones(8, 8))], rank=2, compat="apollo-torch", rest="factored")


def test_an_unknown_rest_is_answered_with_the_names() -> None:
    model = nn.Linear(8, 16)
    with pytest.raises(InputError, match="did you mean 'adamw-8bit'"):
        param_groups(model, rank=2, rest="adam-8bit")
    with pytest.raises(InputError, match="factored"):
        plan_memory(model, "apollo", rank=2, rest="adafactor")


def test_an_optimizer_that_treats_all_tensors_alike_has_no_rest() -> None:
    with pytest.raises(InputError, match="treats all tensors alike") as caught:
        plan_memory(nn.Linear(8, 16), "adamw", rest="factored")
    assert "apollo" in str(caught.value)


class Elsewhere(nn.Parameter):
    """A parameter that says it lies on another device, as on a machine with an accelerator."""

    device = torch.device("cuda:0")  # type: ignore[assignment]


def test_a_gradient_on_another_device_is_named() -> None:
    weight = Elsewhere(torch.ones(64, 80))
    weight.grad = torch.ones(64, 80)
    optimizer = Apollo([("blocks.0.weight", weight)], rank=4)
    with pytest.raises(InputError, match=r"gradient of blocks.0.weight is on cpu, the weight on cuda:0") as caught:
        optimizer.step()
    assert "backward" in str(caught.value.hint)


@pytest.mark.parametrize("state_dtype", [None, "int8"])
def test_a_state_on_another_device_is_named_and_loading_puts_it_right(state_dtype: str | None) -> None:
    optimizer, weight = stepped(state_dtype=state_dtype)
    state = optimizer.state[weight]
    # What a checkpoint mapped to another device, or a model moved under its optimizer, leaves behind.
    saved = optimizer.state_dict()
    state["exp_avg"] = state["exp_avg"].to("meta")
    with pytest.raises(InputError, match=r"state of blocks.0.weight is on meta, the weight on cpu") as caught:
        optimizer.step()
    assert "state_dict" in str(caught.value.hint)
    state["exp_avg"] = torch.zeros(4, 80) if state_dtype is None else torch.zeros(4, 80, dtype=torch.int8)
    other, twin = stepped(state_dtype=state_dtype)
    other.load_state_dict(saved)
    assert all(value.device == weight.device for value in other.state[twin].values())
    other.step()
