"""Bad input after the optimizer was made: a clear error, and weights and states are as they were before."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from lightloop.errors import InputError
from lightloop.optim import Apollo, param_groups

SHAPES = [(8, 12), (12, 8), (8,)]


def weights_of(shapes: list[tuple[int, ...]] | None = None) -> list[nn.Parameter]:
    generator = Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes or SHAPES]


def named(weights: list[nn.Parameter], names: str = "abc") -> list[tuple[str, nn.Parameter]]:
    return list(zip(names, weights, strict=False))


def stepped(optimizer: Any, steps: int = 2) -> Any:
    for step in range(steps):
        for group in optimizer.param_groups:
            for weight in group["params"]:
                weight.grad = torch.randn(weight.shape, generator=Generator().manual_seed(step))
        optimizer.step()
    return optimizer


def snapshot(optimizer: Apollo) -> tuple[list[Tensor], dict[str, Any]]:
    weights = [weight.detach().clone() for group in optimizer.param_groups for weight in group["params"]]
    return weights, copy.deepcopy(optimizer.state_dict())


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return isinstance(other, Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def refused_step(optimizer: Apollo, match: str) -> None:
    before = snapshot(optimizer)
    with pytest.raises(InputError, match=match):
        optimizer.step()
    assert same(before, snapshot(optimizer))


def adamw_state() -> dict[str, Any]:
    return stepped(torch.optim.AdamW(weights_of())).state_dict()


def sgd_state() -> dict[str, Any]:
    return torch.optim.SGD(weights_of()).state_dict()


def state_of(shapes: list[tuple[int, ...]] | None = None, **options: Any) -> dict[str, Any]:
    return stepped(Apollo(weights_of(shapes), **{"rank": 2, **options})).state_dict()


def without_second_moment() -> dict[str, Any]:
    state = state_of()
    del state["state"][0]["exp_avg_sq"]
    return state


def with_option(option: str, value: Any) -> dict[str, Any]:
    state = state_of()
    state["param_groups"][0][option] = value
    return state


def of_two_groups() -> dict[str, Any]:
    first, *others = weights_of()
    return stepped(Apollo([{"params": [first], "rank": 2}, {"params": others}])).state_dict()


WRONG = {
    "nothing": (dict, "no state of an optimizer"),
    "a model's state": (lambda: nn.Linear(2, 2).state_dict(), "no state of an optimizer"),
    "AdamW": (adamw_state, "another optimizer"),
    "SGD": (sgd_state, "another optimizer"),
    "other shapes": (lambda: state_of([(8, 16), (12, 8), (8,)]), r"\(2, 16\).*\(8, 12\)"),
    "a longer vector": (lambda: state_of([(8, 12), (12, 8), (9,)]), r"\(9,\).*\(8,\)"),
    "a matrix for a vector": (lambda: state_of([(8, 12), (12, 8), (8, 8)]), r"\(8,\)"),
    "fewer tensors": (lambda: state_of([(8, 12), (12, 8)]), r"\[2\].*\[3\]"),
    "more groups": (of_two_groups, r"\[1, 2\].*\[3\]"),
    "a moment lost": (without_second_moment, "lacks exp_avg_sq"),
    "a rank that is not that of the moments": (lambda: with_option("rank", 3), r"\(2, 12\).*\(3, 12\)"),
    "an unknown projection": (lambda: with_option("projection", "nonsense"), "nonsense"),
    "a negative rate": (lambda: with_option("lr", -1.0), "lr=-1.0"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_checkpoint_is_refused_and_nothing_is_lost(kind: str) -> None:
    make, match = WRONG[kind]
    optimizer = stepped(Apollo(weights_of(), rank=2))
    before = snapshot(optimizer)
    with pytest.raises(InputError, match=f"(?s){match}"):
        optimizer.load_state_dict(make())
    assert same(before, snapshot(optimizer))
    stepped(optimizer)


def test_a_state_with_none_of_the_names_is_refused_and_one_with_some_is_not() -> None:
    saved = stepped(Apollo(named(weights_of()), rank=2)).state_dict()
    strangers = stepped(Apollo(named(weights_of(), "xyz"), rank=2))
    before = snapshot(strangers)
    with pytest.raises(InputError, match="name"):
        strangers.load_state_dict(saved)
    assert same(before, snapshot(strangers))
    Apollo(named(weights_of(), "xbz"), rank=2).load_state_dict(saved)


def test_a_named_tensor_of_another_shape_is_refused_by_its_name() -> None:
    saved = stepped(Apollo(named(weights_of([(8, 12), (16, 8), (8,)])), rank=2)).state_dict()
    optimizer = stepped(Apollo(named(weights_of()), rank=2))
    with pytest.raises(InputError, match="state of b has"):
        optimizer.load_state_dict(saved)


def test_options_of_the_run_come_back_with_its_state() -> None:
    """Rank, projection and seed are those of the saved run, as every option of torch's optimizers is."""
    saved = state_of(rank=4, projection="rademacher", seed=3)
    optimizer = stepped(Apollo(weights_of(), rank=2))
    optimizer.load_state_dict(saved)
    stepped(optimizer)
    group = optimizer.param_groups[0]
    assert (group["rank"], group["projection"], group["seed"]) == (4, "rademacher", 3)


def test_a_sparse_gradient_is_refused_before_any_tensor_is_stepped() -> None:
    optimizer = stepped(Apollo(named(weights_of()), rank=2))
    optimizer.param_groups[0]["params"][1].grad = torch.ones(12, 8).to_sparse()
    refused_step(optimizer, "gradient of b is sparse")


def test_a_state_on_another_device_is_refused_before_any_tensor_is_stepped() -> None:
    optimizer = stepped(Apollo(named(weights_of()), rank=2))
    second = optimizer.state[optimizer.param_groups[0]["params"][1]]
    kept = second["exp_avg"]
    second["exp_avg"] = kept.to("meta")
    before = [weight.detach().clone() for weight in optimizer.param_groups[0]["params"]]
    with pytest.raises(InputError, match="state of b is on meta, the weight on cpu"):
        optimizer.step()
    second["exp_avg"] = kept
    assert same(before, [weight.detach() for weight in optimizer.param_groups[0]["params"]])
    stepped(optimizer)


@pytest.mark.parametrize("rank", [2, None])
def test_a_weight_without_values_is_refused_before_any_tensor_is_stepped(rank: int | None) -> None:
    here, nowhere = nn.Parameter(torch.ones(8, 12)), nn.Parameter(torch.empty(8, 12, device="meta"))
    optimizer = Apollo([("here", here), ("nowhere", nowhere)], rank=rank)
    here.grad, nowhere.grad = torch.ones(8, 12), torch.empty(8, 12, device="meta")
    with pytest.raises(InputError, match="nowhere is on the meta device"):
        optimizer.step()
    assert torch.equal(here, torch.ones(8, 12)) and not optimizer.state_dict()["state"]


def test_a_rank_above_every_matrix_is_refused_and_one_above_some_is_held_to_them() -> None:
    small, large = nn.Parameter(torch.zeros(4, 12)), nn.Parameter(torch.zeros(12, 8))
    with pytest.raises(InputError, match="rank=9 is above") as caught:
        Apollo([{"params": [small, large], "rank": 9}])
    assert "1 to 8" in str(caught.value)
    optimizer = stepped(Apollo([{"params": [small, large], "rank": 8}]))
    assert [optimizer.state[w]["exp_avg"].shape for w in (small, large)] == [(4, 12), (8, 12)]
    Apollo([small])  # the default rank of 256 is for any model


def test_a_rank_that_no_group_would_take_is_refused() -> None:
    """As when it is passed to the Hugging Face Trainer beside the groups that Trainer makes."""
    groups = [{"params": weights_of(), "weight_decay": 0.1}]
    with pytest.raises(InputError, match=r"(?s)rank=16.*param_groups\(model, rank\)"):
        Apollo(groups, rank=16)
    Apollo(groups)
    Apollo(param_groups(nn.Linear(8, 12), rank=2), rank=4)
