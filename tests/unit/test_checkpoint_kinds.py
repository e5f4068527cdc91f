"""Saved states that fit, of kernels with factored moments, load; those of another rule are refused before a step."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, nn

from lightloop.errors import InputError
from lightloop.optim import Apollo, Fira, GaLore
from lightloop.optim.low_rank import LowRank


def stepped(optimizer: LowRank) -> LowRank:
    generator = Generator().manual_seed(0)
    for group in optimizer.param_groups:
        for weight in group["params"]:
            weight.grad = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    optimizer.step()
    return optimizer


def test_the_factored_state_of_a_kernel_loads() -> None:
    kernel = nn.Parameter(torch.zeros(8, 3, 3, 3))
    saved = stepped(Apollo([{"params": [kernel], "rest": "factored"}])).state_dict()
    resumed = Apollo([{"params": [kernel], "rest": "factored"}])
    resumed.load_state_dict(saved)
    assert torch.equal(resumed.state[kernel]["exp_avg"], saved["state"][0]["exp_avg"])
    stepped(resumed)


@pytest.mark.parametrize(("saving", "loading"), [(Apollo, GaLore), (Apollo, Fira), (GaLore, Fira), (GaLore, Apollo)])
def test_a_state_of_another_rule_is_refused(saving: type[LowRank], loading: type[LowRank]) -> None:
    weight = nn.Parameter(torch.zeros(16, 8))
    saved = stepped(saving([weight], rank=2)).state_dict()  # type: ignore[call-arg, arg-type]
    optimizer = loading([weight], rank=2)  # type: ignore[call-arg, arg-type]
    with pytest.raises(InputError, match="lacks"):
        optimizer.load_state_dict(saved)
    assert not optimizer.state


@pytest.mark.parametrize("implementation", ["reference", "on-device"])
def test_float64_weights_keep_their_digits_beside_float32_moments(implementation: str) -> None:
    """A learning rate of 1e-12 moves them by less than float32 could show."""
    weight = nn.Parameter(torch.ones(16, 8, dtype=torch.float64))
    stepped(Apollo([weight], lr=1e-12, rank=2, state_dtype="fp32", implementation=implementation))
    assert 0.0 < float((weight.detach() - 1.0).abs().max()) < torch.finfo(torch.float32).eps
