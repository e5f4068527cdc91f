"""What is kept in bfloat16, in 8 bits, or by rows and columns: bytes, files, layouts, and steps inside backward."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from lightloop.optim import Apollo, fuse_backward, param_groups, plan_memory
from lightloop.optim.plan.states import SMALL_TENSOR
from lightloop.optim.precision import strips
from lightloop.pretrain.checkpoint import state_bytes

FORMATS = ["fp32", "bf16", "int8"]
RESTS = ["adamw", "adamw-8bit", "factored"]
# Tall, wide, a stack of matrices, a kernel; then what is not projected: a table, a long and a short vector.
SHAPES = {"tall": (80, 60), "wide": (60, 80), "stack": (3, 40, 64), "kernel": (32, 16, 3, 3)}
REST_SHAPES = {"embed": (150, 33), "long": (5000,), "short": (8,)}


class Tensors(nn.Module):
    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        generator = Generator().manual_seed(0)
        for name, shape in {**SHAPES, **REST_SHAPES}.items():
            self.register_parameter(name, nn.Parameter(torch.randn(shape, generator=generator).to(dtype)))


def made(model: nn.Module, **options: Any) -> Apollo:
    rest = options.pop("rest", None)
    return Apollo(param_groups(model, rank=6, rest=rest), lr=1e-2, update_gap=7, **options)


def train(optimizer: torch.optim.Optimizer, model: nn.Module, steps: range) -> None:
    for step in steps:
        generator = Generator().manual_seed(step)
        for weight in model.parameters():
            weight.grad = torch.randn(weight.shape, generator=generator).to(weight.dtype)
        optimizer.step()


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.parametrize("rest", RESTS)
@pytest.mark.parametrize("states", FORMATS)
def test_bytes_are_those_of_the_plan(states: str, rest: str) -> None:
    model = Tensors()
    optimizer = made(model, state_dtype=states, rest=rest)
    train(optimizer, model, range(1))
    planned = plan_memory(model, "apollo", rank=6, states=states, rest=rest)
    assert state_bytes(optimizer) == planned.optimizer_bytes
    assert state_bytes(optimizer, [getattr(model, name) for name in SHAPES]) == planned.optimizer_low_rank_bytes


def test_adamw_in_8_bits_and_apollo_with_singular_vectors_hold_what_is_planned() -> None:
    model = Tensors()
    optimizer = Apollo([{"params": list(model.parameters())}], state_dtype="int8")
    train(optimizer, model, range(1))
    assert state_bytes(optimizer) == plan_memory(model, "adamw-8bit").optimizer_bytes
    optimizer = made(model, projection="svd")
    train(optimizer, model, range(1))
    assert state_bytes(optimizer) == plan_memory(model, "apollo-svd", rank=6, states="fp32").optimizer_bytes


@pytest.mark.parametrize(("rest", "gigabytes"), [(None, 1.056), ("adamw-8bit", 0.539), ("factored", 0.274)])
def test_embedding_and_head_of_7b_need_not_hold_a_gigabyte(rest: str | None, gigabytes: float) -> None:
    """APOLLO-Mini on LLaMA-7B in bfloat16: 1.056 GB is the paper's, of which 1.05 are Adam's for two tables."""
    with torch.device("meta"):
        layer = [nn.Linear(4096, 4096, bias=False) for _ in range(4)]
        gated = [nn.Linear(4096, 11008, bias=False) for _ in range(2)] + [nn.Linear(11008, 4096, bias=False)]
        blocks = [module for _ in range(32) for module in [*layer, *gated]]
        model = nn.ModuleDict(
            {"embed_tokens": nn.Embedding(32000, 4096), "lm_head": nn.Linear(4096, 32000, bias=False)}
        )
        model["blocks"] = nn.ModuleList(nn.Linear(m.in_features, m.out_features, bias=False) for m in blocks)
    planned = plan_memory(model, "apollo-mini", weights="bf16", rest=rest)
    assert planned.optimizer_bytes / 1e9 == pytest.approx(gigabytes, abs=2e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "options",
    [{"state_dtype": "bf16"}, {"state_dtype": "int8"}, {"rest": "factored"}, {"projection": "svd", "scale": "auto"}],
    ids=str,
)
def test_a_run_saved_in_the_middle_goes_on_to_the_bit(options: dict[str, Any], dtype: torch.dtype) -> None:
    straight, first, resumed = (Tensors(dtype) for _ in range(3))
    train(made(straight, weight_rounding="stochastic", **options), straight, range(20))
    optimizer = made(first, weight_rounding="stochastic", **options)
    train(optimizer, first, range(10))
    saved = through_a_file({"model": first.state_dict(), "optimizer": optimizer.state_dict()})
    resumed.load_state_dict(saved["model"])
    optimizer = made(resumed, weight_rounding="stochastic", **options)
    optimizer.load_state_dict(saved["optimizer"])
    train(optimizer, resumed, range(10, 20))
    assert same(straight, resumed)


def test_a_file_that_has_lost_the_layout_of_the_codes_is_read_alike() -> None:
    straight, resumed = Tensors(), Tensors()
    optimizer = made(straight, state_dtype="int8")
    train(optimizer, straight, range(5))
    saved = optimizer.state_dict()
    saved["state"] = {
        index: {key: value.clone(memory_format=torch.contiguous_format) for key, value in entry.items()}
        for index, entry in saved["state"].items()
    }
    resumed.load_state_dict(straight.state_dict())
    other = made(resumed, state_dtype="int8")
    other.load_state_dict(saved)
    train(optimizer, straight, range(5, 8))
    train(other, resumed, range(5, 8))
    assert same(straight, resumed)


@pytest.mark.parametrize("options", [{"state_dtype": "bf16"}, {"state_dtype": "int8"}, {"rest": "factored"}], ids=str)
def test_steps_inside_backward_are_the_same_to_the_bit(options: dict[str, Any]) -> None:
    def model_of() -> nn.Sequential:
        torch.manual_seed(0)
        return nn.Sequential(nn.Embedding(200, 48), nn.Linear(48, 96), nn.Tanh(), nn.Linear(96, 200, bias=False))

    def loss_of(model: nn.Module, number: int) -> Tensor:
        return model(torch.randint(200, (16,), generator=Generator().manual_seed(number))).square().sum()

    plain, fused = model_of(), model_of()
    optimizer = made(plain, **options)
    fuse_backward(fused, made(fused, **options))
    for number in range(6):
        optimizer.zero_grad()
        loss_of(plain, number).backward()
        optimizer.step()
        loss_of(fused, number).backward()
    assert same(plain, fused) and not same(plain, model_of())


def test_small_tensors_stay_float32_and_large_ones_are_codes() -> None:
    below, above = nn.Parameter(torch.zeros(SMALL_TENSOR - 1)), nn.Parameter(torch.zeros(SMALL_TENSOR))
    optimizer = Apollo([{"params": [below, above]}], state_dtype=torch.uint8)
    for weight in (below, above):
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    assert optimizer.param_groups[0]["state_dtype"] == "int8"
    kinds = [(optimizer.state[w]["exp_avg"].dtype, optimizer.state[w]["exp_avg_sq"].dtype) for w in (below, above)]
    assert kinds == [(torch.float32, torch.float32), (torch.int8, torch.uint8)]


@pytest.mark.parametrize("rest", ["adamw-8bit", "factored"])
def test_the_length_of_strips_changes_nothing_but_the_chances(rest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table is stepped a strip at a time; the sketches of its parts are those of the whole, to rounding."""

    def end() -> Tensor:
        weight = nn.Parameter(torch.ones(150, 33))
        optimizer = Apollo([{"params": [("w", weight)]}], rest=rest, lr=1e-2)
        for step in range(5):
            weight.grad = torch.randn(150, 33, generator=Generator().manual_seed(step))
            optimizer.step()
        return weight.detach()

    whole = end()
    monkeypatch.setattr(strips, "STRIP_ELEMENTS", 1024)
    assert (end() - whole).norm() <= 0.05 * (whole - 1.0).norm()


def test_a_weight_in_channels_last_memory_takes_the_same_step() -> None:
    ends = []
    for layout in (torch.contiguous_format, torch.channels_last):
        weight = nn.Parameter(torch.ones(32, 16, 3, 4).to(memory_format=layout))
        optimizer = Apollo([{"params": [("w", weight)]}], state_dtype="int8", lr=1e-2)
        for step in range(3):
            weight.grad = torch.randn(32, 16, 3, 4, generator=Generator().manual_seed(step))
            optimizer.step()
        ends.append(weight.detach() - 1.0)
    assert (ends[0] - ends[1]).norm() <= 0.05 * ends[0].norm()


@pytest.mark.parametrize("options", [{"state_dtype": "int8"}, {"state_dtype": "bf16"}, {"rest": "factored"}], ids=str)
def test_a_gradient_that_is_not_finite_leaves_weight_and_state(options: dict[str, Any]) -> None:
    model = Tensors()
    optimizer = made(model, **options)
    train(optimizer, model, range(3))
    before = through_a_file({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    for weight in model.parameters():
        weight.grad = torch.full_like(weight, float("nan"))
    optimizer.step()
    after = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    for index, entry in after["optimizer"]["state"].items():
        assert all(torch.equal(value, before["optimizer"]["state"][index][key]) for key, value in entry.items())
    assert all(torch.equal(value, before["model"][name]) for name, value in after["model"].items())


def test_each_group_keeps_its_state_as_it_says() -> None:
    model = Tensors()
    projected, rest = param_groups(model, rank=6, rest="factored", state_dtype="bf16")
    optimizer = Apollo([projected, rest])
    train(optimizer, model, range(1))
    assert optimizer.state[model.tall]["exp_avg"].dtype == torch.bfloat16
    assert set(optimizer.state[model.embed]) == {"step", "exp_avg", "exp_avg_scale", "row_sq", "column_sq"}
    assert optimizer.state[model.short]["exp_avg_sq"].shape == (8,)


@pytest.mark.parametrize("wanted", ["bf16", "int8"])
def test_float64_weights_and_steps_without_a_gradient(wanted: str) -> None:
    model = Tensors(torch.float64)
    optimizer = made(model, state_dtype=wanted)
    before: Callable[[], Tensor] = lambda: model.embed.detach().clone()  # noqa: E731
    train(optimizer, model, range(2))
    held = before()
    model.embed.grad = None
    optimizer.step()
    assert torch.equal(model.embed, held) and torch.isfinite(model.tall).all()
