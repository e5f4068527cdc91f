"""A step that asks the host for nothing is the same step: its trajectory, its guards, and its chances."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from lightloop.optim import Apollo
from lightloop.optim.projections.counter import Stream, unsigned
from lightloop.optim.projections.draws import projection_key

# float32 has 6e-8 per operation, and the orders of some sums differ; 50 steps add up.
TRAJECTORY_TOLERANCE = 1e-5
STEPS = 50
# Five standard deviations of a mean over independent draws.
SIGMAS = 5.0
DRAWS = 2**18

SHAPES = [(33, 64), (64, 33), (40, 40), (3, 24, 20), (7,)]
MINI = {"rank": 1, "granularity": "tensor", "scale": math.sqrt(128.0)}
KINDS = {
    "mini": MINI,
    "channel": {"rank": 8},
    "rademacher": {"rank": 8, "projection": "rademacher"},
    "sparse": {"rank": 16, "projection": "sparse"},
    "sparse, small": {"rank": 4, "projection": "sparse"},
    "tensor": {"rank": 8, "granularity": "tensor", "scale": "auto", "weight_decay": 0.1, "limiter": None},
}


def trained(
    implementation: str, options: dict[str, Any], dtype: torch.dtype = torch.float32, steps: int = STEPS
) -> list[Tensor]:
    """Weights after steps with gradients that vary in size, one zero, one NaN, and renewals of P."""
    generator = Generator().manual_seed(0)
    weights = [nn.Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in SHAPES]
    optimizer = Apollo(weights, 1e-2, update_gap=7, implementation=implementation, **options)
    for step in range(steps):
        for place, weight in enumerate(weights):
            weight.grad = (torch.randn(weight.shape, generator=generator) * (1 + step % 5)).to(dtype)
            if step in (0, 20):
                weight.grad.zero_()
            if step == 30 + place:
                weight.grad.view(-1)[3] = math.nan if place % 2 else math.inf
        optimizer.step()
    return [weight.detach() for weight in weights]


@pytest.mark.parametrize("kind", KINDS)
def test_the_trajectory_is_that_of_the_reference(kind: str) -> None:
    expected, found = (trained(implementation, KINDS[kind]) for implementation in ("reference", "on-device"))
    for theirs, ours in zip(expected, found, strict=True):
        assert (ours - theirs).norm() <= TRAJECTORY_TOLERANCE * theirs.norm()


class HostIsDeaf(TorchDispatchMode):
    """Raises where the host would wait for a number from the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func.overloadpacket not in {
            torch.ops.aten._local_scalar_dense,
            torch.ops.aten.is_nonzero,
            torch.ops.aten.nonzero,
            torch.ops.aten.equal,
        }, f"{func} waits for the device"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_read_back(kind: str) -> None:
    with HostIsDeaf():
        trained("on-device", KINDS[kind], steps=2)
    with pytest.raises(AssertionError, match="waits"), HostIsDeaf():
        trained("reference", KINDS[kind], steps=2)


@pytest.mark.parametrize("kind", ["mini", "channel"])
def test_bfloat16_weights_are_rounded_to_the_mean(kind: str) -> None:
    options = {**KINDS[kind], "weight_rounding": "stochastic"}
    wide, narrow = trained("on-device", options), trained("on-device", options, torch.bfloat16)
    for theirs, ours in zip(wide[:4], narrow[:4], strict=True):
        # Half a last place of bfloat16 at the size of each weight, walking at random over the steps.
        walk = 2.0**-8 * theirs.abs().clamp(min=0.1).norm() * math.sqrt(STEPS)
        assert (ours.float() - theirs).norm() < walk
        assert ours.dtype == torch.bfloat16


def test_chances_round_a_bfloat16_up_as_often_as_they_should() -> None:
    weight = nn.Parameter(torch.ones(64, 80, dtype=torch.bfloat16))
    optimizer = Apollo([weight], 1e-3, rank=4, limiter=None, weight_rounding="stochastic", implementation="on-device")
    reference = nn.Parameter(torch.ones(64, 80))
    exact = Apollo([reference], 1e-3, rank=4, limiter=None, implementation="on-device")
    grad = torch.randn(64, 80, generator=Generator().manual_seed(1)).bfloat16()
    for _ in range(40):
        weight.grad, reference.grad = grad.clone(), grad.float()
        optimizer.step()
        exact.step()
    moved, wanted = weight.detach().float() - 1.0, reference.detach() - 1.0
    spread = 2.0**-8 * math.sqrt(40 / 4) / math.sqrt(weight.numel())
    assert abs(float((moved - wanted).mean())) < SIGMAS * spread
    slope = float((moved * wanted).sum() / wanted.square().sum())
    assert slope == pytest.approx(1.0, abs=0.05)


@pytest.fixture
def streams() -> Iterator[Tensor]:
    keys = [projection_key(0, name) for name in ("a", "b")]
    yield torch.stack([Stream(key, turn).normals(DRAWS) for key in keys for turn in (0, 1)])


def test_normals_of_the_counter_are_normal_and_independent(streams: Tensor) -> None:
    error = SIGMAS / math.sqrt(DRAWS)
    for x in streams.double():
        assert abs(float(x.mean())) < error
        assert abs(float(x.square().mean()) - 1.0) < math.sqrt(2.0) * error
        assert abs(float(x.pow(4).mean()) - 3.0) < math.sqrt(96.0) * error
        for lag in (1, 2, 64, 4096):
            assert abs(float((x[:-lag] * x[lag:]).mean())) < error
    products = torch.corrcoef(streams.double())
    assert float((products - torch.eye(4)).abs().max()) < error


def test_a_part_of_a_stream_is_that_part_of_the_whole() -> None:
    stream = Stream(projection_key(0, "a"), torch.tensor(3))
    assert torch.equal(stream.words(1000)[100:200], stream.words(100, 100))
    assert torch.equal(stream.normals(1000)[:333], stream.normals(333))
    assert torch.equal(stream.signs(1000)[:333], stream.signs(333))
    assert torch.equal(stream.words(1000), Stream(stream.key, 3).words(1000))
    assert set(stream.signs(1000).tolist()) == {-1.0, 1.0}
    assert stream.words(1000).unique().numel() == 1000


def test_signs_are_even_and_independent() -> None:
    error = SIGMAS / math.sqrt(DRAWS)
    x = Stream(projection_key(0, "a"), 0).signs(DRAWS).double()
    assert abs(float(x.mean())) < error
    for lag in (1, 2, 31, 32, 33, 64, 4096):
        assert abs(float((x[:-lag] * x[lag:]).mean())) < error


@pytest.mark.parametrize("turn", [3, torch.tensor(3)], ids=["by NumPy", "by torch"])
def test_words_stay_what_they_are(turn: int | Tensor) -> None:
    assert unsigned(Stream((1, 2), turn).words(4)).tolist() == EXPECTED_WORDS


def word_in_plain_integers(index: int, key: tuple[int, int], turn: int) -> int:
    """The definition, in integers that cannot overflow."""

    def mixed(word: int) -> int:
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
            word = ((word ^ (word >> shift)) * factor) % 2**32
        return word ^ (word >> 16)

    return mixed(mixed((mixed(index ^ key[0]) + (turn + 1) * 0x9E3779B9) % 2**32) ^ key[1])


EXPECTED_WORDS = [word_in_plain_integers(index, (1, 2), 3) for index in range(4)]


def test_state_goes_from_one_implementation_to_the_other() -> None:
    weight = nn.Parameter(torch.randn(20, 30, generator=Generator().manual_seed(0)))
    there, here = (Apollo([weight], rank=4, implementation=name) for name in ("reference", "on-device"))
    weight.grad = torch.ones_like(weight)
    there.step()
    here.load_state_dict({**there.state_dict(), "param_groups": here.state_dict()["param_groups"]})
    here.step()
    assert float(here.state[weight]["step"]) == 2.0
    assert float(there.state[weight]["step"]) == 1.0
