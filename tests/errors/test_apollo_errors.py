"""Bad input to Apollo names what was given, what is allowed, and what to do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lightloop.errors import InputError
from lightloop.optim import Apollo, param_groups


def weight() -> nn.Parameter:
    return nn.Parameter(torch.zeros(8, 12))


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("rank", 0, "an integer >= 1"),
        ("rank", 2.5, "an integer >= 1"),
        ("rank", True, "an integer >= 1"),
        ("lr", -1e-3, "a number >= 0"),
        ("lr", float("nan"), "a number >= 0"),
        ("granularity", "row", "channel, tensor"),
        ("projection", "fourier", "gaussian, rademacher, sparse, svd"),
        ("projection", 3, "gaussian, rademacher, sparse, svd"),
        ("weight_rounding", "up", "nearest, stochastic"),
        ("implementation", "turbo", "auto, on-device, reference, triton"),
        ("state_dtype", "fp16", "bf16, fp32, int8"),
        ("state_dtype", torch.float16, "bf16, fp32, int8"),
        ("compat", "galore", "apollo-torch"),
        ("rest", "adafactor", "adamw, adamw-8bit, factored"),
        ("scale", 0.0, "'auto'"),
        ("scale", "max", "'auto'"),
        ("update_gap", 0, "an integer >= 1"),
        ("betas", (0.9, 1.0), "two numbers"),
        ("betas", 0.9, "two numbers"),
        ("eps", 0.0, "a number > 0"),
        ("weight_decay", -0.1, "a number >= 0"),
        ("limiter", 0.9, "a number >= 1, or None"),
        ("seed", 1.5, "an integer"),
    ],
)
def test_a_bad_option_is_named_with_what_is_allowed(option: str, value: Any, allowed: str) -> None:
    with pytest.raises(InputError) as caught:
        Apollo([weight()], **{option: value})
    message = str(caught.value)
    assert option in message and allowed in message
    assert str(value) in message


@pytest.mark.parametrize("option", ["rank", "lr", "granularity", "scale"])
def test_a_bad_option_of_one_group_is_found(option: str) -> None:
    with pytest.raises(InputError, match=option):
        Apollo([{"params": [weight()], "rank": 2}, {"params": [weight()], "rank": 2, option: -1}])


def test_a_near_miss_is_answered_with_the_name_meant() -> None:
    with pytest.raises(InputError, match="did you mean 'gaussian'"):
        Apollo([weight()], projection="gausian")
    with pytest.raises(InputError, match="did you mean 'granularity'"):
        Apollo([{"params": [weight()], "rank": 2, "granularty": "tensor"}])


@pytest.mark.parametrize("key", ["update_proj_gap", "scale_type", "proj", "scale_front"])
def test_keys_of_apollo_torch_are_not_silently_ignored(key: str) -> None:
    with pytest.raises(InputError, match=key) as caught:
        Apollo([{"params": [weight()], "rank": 2, key: 1}])
    assert caught.value.hint is not None


def test_keys_of_schedulers_and_users_pass() -> None:
    Apollo([{"params": [weight()], "rank": 2, "initial_lr": 1.0, "max_lr": 2.0, "lr_scale": 0.5, "name": "x"}])


@pytest.mark.parametrize("params", [[], iter([]), weight(), nn.Linear(2, 2), {"params": [weight()]}, "weights"])
def test_params_that_hold_nothing_to_train_are_refused(params: Any) -> None:
    with pytest.raises(InputError) as caught:
        Apollo(params)
    assert "model.parameters()" in str(caught.value)


@pytest.mark.parametrize("group", [{"rank": 2}, {"params": {weight()}}, {"params": []}])
def test_a_group_without_ordered_tensors_is_refused(group: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Apollo([group])


def test_compat_refuses_what_the_package_does_not_have() -> None:
    for option, value in (("projection", "rademacher"), ("seed", 3)):
        with pytest.raises(InputError, match="apollo-torch"):
            Apollo([weight()], compat="apollo-torch", **{option: value})


def test_mini_refuses_another_rank() -> None:
    with pytest.raises(InputError, match="rank 1"):
        Apollo.mini([weight()], rank=4)


def test_complex_matrices_and_sparse_gradients_are_refused() -> None:
    with pytest.raises(InputError, match="complex"):
        Apollo([nn.Parameter(torch.zeros(4, 4, dtype=torch.complex64))])
    table = nn.Embedding(5, 3, sparse=True)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(InputError, match="sparse"):
        Apollo(table.parameters(), rank=2).step()


def test_param_groups_refuses_unknown_options_and_frozen_models() -> None:
    model = nn.Linear(4, 4)
    with pytest.raises(InputError, match="unknown option"):
        param_groups(model, rank=2, granularty="tensor")
    with pytest.raises(InputError, match="rank"):
        param_groups(model, rank=0)
    with pytest.raises(InputError, match="no trainable"):
        param_groups(model.requires_grad_(False))


@pytest.mark.parametrize("rank", [2, None])
def test_stochastic_rounding_refuses_float16_and_compat(rank: int | None) -> None:
    half = nn.Parameter(torch.zeros(4, 4, dtype=torch.float16))
    with pytest.raises(InputError, match="float16"):
        Apollo([half], rank=rank, weight_rounding="stochastic")
    with pytest.raises(InputError, match="weight_rounding"):
        Apollo([weight()], rank=rank, weight_rounding="stochastic", compat="apollo-torch")
