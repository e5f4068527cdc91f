"""Steps in code that is compiled: they stay as they are written, and a compiled model in a closure stays compiled."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor, nn
from torch._dynamo.utils import counters
from torch.optim import Optimizer

from lightloop.optim import AdamMini, Apollo, param_groups

OPTIMIZERS: dict[str, Callable[[nn.Module], Optimizer]] = {
    "mini": lambda model: Apollo.mini(param_groups(model)),
    "sparse": lambda model: Apollo(param_groups(model, rank=16, projection="sparse")),
    "on-device": lambda model: Apollo(param_groups(model, rank=4, implementation="on-device")),
    "adam-mini": lambda model: AdamMini(model.named_parameters()),
}


def model_of() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(24, 40), nn.LayerNorm(40))


def trained(kind: str, wrap: Callable[[Callable[[], None]], Callable[[], None]]) -> list[Tensor]:
    model = model_of()
    step = wrap(OPTIMIZERS[kind](model).step)
    for turn in range(3):
        for weight in model.parameters():
            weight.grad = torch.randn(weight.shape, generator=Generator().manual_seed(turn))
        step()
    return [weight.detach() for weight in model.parameters()]


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_step_in_compiled_code_is_the_same_to_the_bit(kind: str) -> None:
    plain, compiled = trained(kind, lambda step: step), trained(kind, lambda step: torch.compile(step, backend="eager"))
    assert all(map(torch.equal, plain, compiled))


def test_a_compiled_model_in_a_closure_stays_compiled() -> None:
    model = model_of()
    optimizer, compiled = OPTIMIZERS["mini"](model), torch.compile(model, backend="eager")

    def closure() -> Tensor:
        loss = compiled(torch.ones(4, 24)).square().sum()
        loss.backward()
        return loss

    torch._dynamo.reset()
    counters.clear()
    optimizer.step(closure)
    assert counters["stats"]["unique_graphs"] == 1 and not counters["graph_break"]
