"""What Apollo keeps, saves, loads and groups."""

from __future__ import annotations

import copy
import io
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from lightloop.optim import Apollo, param_groups
from lightloop.optim.precision import strips
from lightloop.optim.projections.counter import Stream
from lightloop.optim.projections.draws import projection_key
from lightloop.optim.projections.projection import PROJECTIONS

Make = Callable[[list[nn.Parameter]], Apollo]

MAKERS: dict[str, Make] = {
    "channel": lambda weights: Apollo(weights, rank=4, update_gap=60, weight_decay=0.1),
    "rademacher": lambda weights: Apollo(weights, rank=4, update_gap=60, projection="rademacher"),
    "mini": lambda weights: Apollo.mini(weights, update_gap=60),
    "compat": lambda weights: Apollo(weights, rank=4, update_gap=60, compat="apollo-torch"),
}
SHAPES = [(24, 32), (32, 24), (16, 16), (16,), (8, 3, 3, 3), (4, 16, 20)]


def weights_of(dtype: torch.dtype = torch.float32) -> list[nn.Parameter]:
    generator = Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in SHAPES]


def train(optimizer: torch.optim.Optimizer, weights: list[nn.Parameter], steps: range) -> None:
    for step in steps:
        generator = Generator().manual_seed(step)
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=generator).to(weight.dtype)
        optimizer.step()


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def numbers_in(state: dict[str, Any]) -> int:
    return sum(value.numel() if isinstance(value, Tensor) else 1 for value in state.values())


@pytest.mark.parametrize("shape", [(48, 80), (80, 48), (64, 64), (32, 3, 5, 5)])
@pytest.mark.parametrize("rank", [1, 4, 16])
def test_state_is_2nr_plus_2_numbers(shape: tuple[int, ...], rank: int) -> None:
    weight = nn.Parameter(torch.zeros(shape))
    weight.grad = torch.ones(shape)
    optimizer = Apollo([weight], rank=rank)
    optimizer.step()
    n = max(shape[0], math.prod(shape[1:]))
    assert numbers_in(optimizer.state_dict()["state"][0]) == 2 * n * rank + 2


def test_state_of_mini_is_2n_plus_2_numbers() -> None:
    weight = nn.Parameter(torch.zeros(48, 80))
    weight.grad = torch.ones(48, 80)
    optimizer = Apollo.mini([weight])
    optimizer.step()
    assert numbers_in(optimizer.state_dict()["state"][0]) == 2 * 80 + 2


def test_llama_60m_keeps_the_bytes_of_the_memory_formula() -> None:
    """2 n r numbers of float32 for the 56 matrices: 50.6 MB at r = 128, 0.396 MB for APOLLO-Mini."""
    shapes = ([(512, 512)] * 4 + [(1376, 512)] * 2 + [(512, 1376)]) * 8
    for rank, bytes_allowed in ((128, 50.60e6), (1, 0.396e6)):
        weights = [nn.Parameter(torch.zeros(shape)) for shape in shapes[:7]]
        optimizer = Apollo(weights, rank=rank)
        train(optimizer, weights, range(1))
        one_layer = sum(4 * numbers_in(state) for state in optimizer.state.values())
        assert 0.99 * bytes_allowed <= 8 * one_layer <= bytes_allowed


class Allocations(TorchDispatchMode):
    """Bytes of the largest storage that an operation returns and that is not one of `known`."""

    def __init__(self, known: list[Tensor]) -> None:
        super().__init__()
        self.known = {tensor.untyped_storage().data_ptr() for tensor in known}
        self.largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in torch.utils._pytree.tree_leaves(result):
            if isinstance(tensor, Tensor) and tensor.untyped_storage().data_ptr() not in self.known:
                self.largest = max(self.largest, tensor.untyped_storage().nbytes())
        return result


@pytest.mark.parametrize("shape", [(256, 512), (512, 256)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_a_step_allocates_nothing_as_large_as_the_weight(
    granularity: str, dtype: torch.dtype, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "STRIP_ELEMENTS", 2**13)
    weight = nn.Parameter(torch.ones(shape, dtype=dtype))
    weight.grad = torch.ones_like(weight)
    optimizer = Apollo([weight], rank=16, granularity=granularity, weight_decay=0.1)
    optimizer.step()
    with Allocations([weight, weight.grad]) as allocations:
        optimizer.step()
    assert 0 < allocations.largest <= weight.untyped_storage().nbytes() // 4


def test_rank_is_held_to_the_smaller_side() -> None:
    weight = nn.Parameter(torch.zeros(6, 40))
    optimizer = Apollo([weight], rank=256)
    train(optimizer, [weight], range(2))
    assert optimizer.state[weight]["exp_avg"].shape == (6, 40)


def test_state_is_made_at_the_first_gradient() -> None:
    weights = weights_of()
    optimizer = Apollo(weights, rank=4)
    assert not optimizer.state_dict()["state"]
    weights[0].grad = torch.ones_like(weights[0])
    optimizer.step()
    assert list(optimizer.state_dict()["state"]) == [0]


@pytest.mark.parametrize(("name", "dtype"), [*((name, torch.float32) for name in MAKERS), ("channel", torch.bfloat16)])
def test_a_run_saved_at_150_and_resumed_to_450_is_the_same_to_the_bit(name: str, dtype: torch.dtype) -> None:
    straight, first = weights_of(dtype), weights_of(dtype)
    train(MAKERS[name](straight), straight, range(450))
    optimizer = MAKERS[name](first)
    train(optimizer, first, range(150))
    saved = through_a_file({"optimizer": optimizer.state_dict(), "weights": first})

    resumed = [nn.Parameter(w.detach().clone()) for w in saved["weights"]]
    optimizer = MAKERS[name](resumed)
    optimizer.load_state_dict(saved["optimizer"])
    train(optimizer, resumed, range(150, 450))
    assert all(torch.equal(a, b) for a, b in zip(straight, resumed, strict=True))


@pytest.mark.parametrize("name", MAKERS)
def test_the_default_dtype_of_torch_does_not_matter(name: str) -> None:
    plain, other = weights_of(), weights_of()
    train(MAKERS[name](plain), plain, range(3))
    optimizer = MAKERS[name](other)
    for step in range(3):
        grads = [torch.empty(w.shape) for w in other]
        generator = Generator().manual_seed(step)
        for weight, grad in zip(other, grads, strict=True):
            weight.grad = grad.normal_(generator=generator)
        torch.set_default_dtype(torch.float64)
        try:
            optimizer.step()
        finally:
            torch.set_default_dtype(torch.float32)
    assert all(torch.equal(a, b) for a, b in zip(plain, other, strict=True))


def test_options_come_back_from_the_file() -> None:
    weights = weights_of()
    saved = through_a_file(Apollo(weights, rank=4, scale="auto", projection="rademacher", seed=7).state_dict())
    other = Apollo(weights)
    other.load_state_dict(saved)
    group = other.param_groups[0]
    assert (group["rank"], group["scale"], group["projection"], group["seed"]) == (4, "auto", "rademacher", 7)


def plain_values(value: Any) -> bool:
    if isinstance(value, dict):
        return all(plain_values(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(plain_values(item) for item in value)
    return value is None or isinstance(value, Tensor | int | float | str | bool)


@pytest.mark.parametrize("name", MAKERS)
def test_the_saved_state_is_tensors_and_plain_values_without_a_projection(name: str) -> None:
    weights = weights_of()
    optimizer = MAKERS[name](weights)
    train(optimizer, weights, range(2))
    saved = optimizer.state_dict()
    assert plain_values(saved)
    shapes = {tuple(value.shape) for value in saved["state"][0].values()}
    assert shapes <= {(), (4, 32), (1, 32)}


def test_named_tensors_are_found_again_in_another_order_and_choice() -> None:
    straight = dict(zip("abcdef", weights_of(), strict=True))
    train(Apollo(straight.items(), rank=4), list(straight.values()), range(20))
    first = dict(zip("abcdef", weights_of(), strict=True))
    optimizer = Apollo(first.items(), rank=4)
    train(optimizer, list(first.values()), range(10))

    kept = dict(reversed([item for item in first.items() if item[0] != "b"]))
    resumed = Apollo(kept.items(), rank=4)
    resumed.load_state_dict(through_a_file(optimizer.state_dict()))
    train(resumed, list(first.values()), range(10, 20))
    assert all(torch.equal(weight, straight[name]) for name, weight in kept.items())
    assert list(resumed.param_groups[0]["param_names"]) == list(kept)


def test_a_layer_unfrozen_after_the_save_begins_without_state() -> None:
    a, b = nn.Parameter(torch.zeros(8, 8)), nn.Parameter(torch.zeros(8, 8))
    optimizer = Apollo([("a", a)], rank=2)
    train(optimizer, [a], range(3))
    both = Apollo([("b", b), ("a", a)], rank=2)
    both.load_state_dict(optimizer.state_dict())
    assert b not in both.state and both.state[a]["step"].item() == 3
    train(both, [a, b], range(3, 4))
    assert both.state[b]["step"].item() == 1


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))])
def test_a_copied_optimizer_goes_on_alike(copied: Callable[[Apollo], Apollo]) -> None:
    weights = weights_of()
    optimizer = Apollo(weights, rank=4)
    train(optimizer, weights, range(3))
    twin = copied(optimizer)
    twins = twin.param_groups[0]["params"]
    train(optimizer, weights, range(3, 6))
    train(twin, twins, range(3, 6))
    assert all(torch.equal(a, b) for a, b in zip(weights, twins, strict=True))


def test_a_group_can_be_added_later() -> None:
    first, later = nn.Parameter(torch.ones(8, 12)), nn.Parameter(torch.ones(12, 8))
    optimizer = Apollo([first], rank=2)
    train(optimizer, [first], range(2))
    optimizer.add_param_group({"params": [later], "rank": 3, "lr": 0.5})
    train(optimizer, [first, later], range(2, 4))
    assert optimizer.state[later]["exp_avg"].shape == (3, 12)
    assert optimizer.param_groups[1]["lr"] == 0.5


def test_the_closure_sees_gradients_and_its_loss_comes_back() -> None:
    weight = nn.Parameter(torch.ones(6, 8))
    optimizer = Apollo([weight], rank=2, lr=0.1)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(5)]
    assert losses[0] == 48.0 and losses[-1] < losses[0]


def test_a_schedule_moves_the_learning_rate() -> None:
    weight = nn.Parameter(torch.zeros(6, 8))
    optimizer = Apollo([weight], rank=2, lr=1.0, limiter=None)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0 if step == 1 else 1.0)
    train(optimizer, [weight], range(1))
    schedule.step()
    before = weight.detach().clone()
    train(optimizer, [weight], range(1, 2))
    assert torch.equal(before, weight)


def test_a_kernel_in_channels_last_memory_takes_the_same_step() -> None:
    plain = nn.Parameter(torch.ones(8, 4, 3, 3))
    strided = nn.Parameter(torch.ones(8, 4, 3, 3).to(memory_format=torch.channels_last))
    for weight in (plain, strided):
        train(Apollo([("w", weight)], rank=2), [weight], range(3))
    torch.testing.assert_close(plain, strided)
    assert not torch.equal(strided, torch.ones_like(strided))


def test_the_projection_goes_by_seed_name_and_renewal() -> None:
    keys = [projection_key(seed, name) for seed in (0, 1) for name in ("a", "b", "a/1")]
    drawn = {tuple(Stream(key, turn).words(4).tolist()) for key in keys for turn in (0, 1, 11)}
    assert len(drawn) == 18
    # Saved runs go on with the same projections only as long as this stays what it is.
    assert Stream(projection_key(0, "layers.0.weight"), 3).words(2).tolist() == [-1582690208, 123105585]
    assert set(PROJECTIONS) == {"gaussian", "rademacher", "sparse", "svd"}


class TinyLanguageModel(nn.Module):
    def __init__(self, vocabulary: int, width: int, tied: bool) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.attention = nn.Linear(width, width, bias=False)
        self.mlp = nn.Linear(width, 3 * width)
        self.norm = nn.LayerNorm(width)
        self.unembed = nn.Linear(width, vocabulary, bias=False)
        if tied:
            self.unembed.weight = self.tokens.weight


@pytest.mark.parametrize("vocabulary", [50, 16])
@pytest.mark.parametrize("tied", [False, True])
def test_embedding_head_norms_and_biases_are_left_to_adamw(vocabulary: int, tied: bool) -> None:
    model = TinyLanguageModel(vocabulary, 16, tied)
    projected, rest = param_groups(model, rank=4, scale="auto", exclude=())
    assert projected["param_names"] == ["attention.weight", "mlp.weight"]
    assert (projected["rank"], projected["scale"]) == (4, "auto")
    head = [] if tied else ["unembed.weight"]
    assert rest["param_names"] == ["tokens.weight", "mlp.bias", "norm.weight", "norm.bias", *head]
    assert "rank" not in rest
    Apollo([projected, rest])


def test_groups_can_leave_out_by_name_and_by_size_and_skip_what_is_frozen() -> None:
    model = nn.Sequential(nn.Linear(8, 16, bias=False), nn.Linear(16, 1, bias=False), nn.Linear(8, 8, bias=False))
    model[2].weight.requires_grad_(False)
    (projected, rest) = param_groups(model, rank=2)
    assert (projected["param_names"], rest["param_names"]) == (["0.weight"], ["1.weight"])
    (rest,) = param_groups(model, rank=2, exclude=["0.*"])
    assert rest["param_names"] == ["0.weight", "1.weight"] and "rank" not in rest


def test_wrappers_do_not_change_the_names() -> None:
    class Compiled(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self._orig_mod = inner

    class Parallel(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.module = inner

    inner = nn.Sequential(nn.Linear(8, 16))
    names = [group["param_names"] for group in param_groups(inner, rank=2)]
    assert [group["param_names"] for group in param_groups(Parallel(Compiled(inner)), rank=2)] == names


def test_mini_overrides_the_rank_of_projected_groups_only() -> None:
    model = nn.Linear(16, 32)
    optimizer = Apollo.mini(param_groups(model, rank=8), lr=0.1)
    projected, rest = optimizer.param_groups
    assert (projected["rank"], projected["granularity"]) == (1, "tensor")
    assert projected["scale"] == pytest.approx(math.sqrt(128))
    assert rest["rank"] is None and rest["lr"] == 0.1
