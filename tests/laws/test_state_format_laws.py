"""Moments in bfloat16 and in 8 bits: right on average, never zero where they were not, and close in what they steer."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Generator, Tensor, nn

from lightloop.optim import Apollo
from lightloop.optim.precision.block_codes import POSITIVE, SIGNED, BlockCode
from lightloop.optim.precision.state_formats import FORMATS

BETA2 = 0.999
# 4096 numbers that are rounded by chance each step scatter by up to 20 % each, so their mean by some 0.3 %.
MEAN_ERROR = 0.02
# Rounding v by chance is a walk against the pull of β2, with a spread of half the distance of codes, of 3 to 10 %.
DIRECTION_ERROR = {"bf16": 0.06, "int8": 0.15}


def decayed(kept: str, steps: int) -> float:
    """The mean of v after `steps` steps without gradient, relative to where it began."""
    began = torch.rand(4096, generator=Generator().manual_seed(0)).add_(0.5)
    state, every = FORMATS[kept].zeros(began), slice(0, began.numel())
    generator = Generator().manual_seed(1)
    FORMATS[kept].write(state, every, torch.zeros_like(began), began.clone(), generator)
    for _ in range(steps):
        m, v = FORMATS[kept].read(state, every)
        FORMATS[kept].write(state, every, m, v.mul(BETA2), generator)
    return float(FORMATS[kept].read(state, every)[1].mean() / began.mean())


@pytest.mark.parametrize("kept", FORMATS)
def test_the_second_moment_follows_beta2_in_every_format(kept: str) -> None:
    assert decayed(kept, 500) == pytest.approx(BETA2**500, rel=MEAN_ERROR)


def test_rounded_to_the_nearest_a_bfloat16_second_moment_never_decays() -> None:
    """What apollo-torch keeps: 0.999 v is nearer to v than to any other bfloat16."""
    v = torch.rand(4096, generator=Generator().manual_seed(0)).add_(0.5).bfloat16()
    later = v.clone()
    for _ in range(500):
        later.mul_(BETA2)
    assert torch.equal(later, v)


@pytest.mark.parametrize("code", [SIGNED, POSITIVE])
def test_codes_are_right_on_average(code: BlockCode) -> None:
    x = torch.randn(256, generator=Generator().manual_seed(0))
    x = x if code is SIGNED else x.square()
    generator = Generator().manual_seed(1)
    draws = torch.stack([code.decode(*code.encode(x, generator)) for _ in range(4000)])
    # Above the smallest step, where numbers are kept from becoming zero, all means lie within five standard errors.
    error = (draws.mean(0) - x).abs()
    assert torch.all(error <= 5 * draws.std(0) / math.sqrt(4000) + 1e-6 * x.abs().max())


@pytest.mark.parametrize("code", [SIGNED, POSITIVE])
def test_a_code_is_read_and_kept_without_change(code: BlockCode) -> None:
    codes = torch.arange(-127 if code is SIGNED else 0, code.levels + 1).to(code.dtype)
    x = code.decode(codes, torch.tensor([3.0]))
    again, scales = code.encode(x, Generator().manual_seed(0))
    assert torch.equal(again, codes) and scales.item() == pytest.approx(3.0)


def test_a_second_moment_becomes_zero_only_where_it_was() -> None:
    v = torch.logspace(0, -30, 256)
    v[7] = 0.0
    kept = POSITIVE.decode(*POSITIVE.encode(v, Generator().manual_seed(0)))
    assert torch.equal(kept == 0, v == 0)
    within = v > 1e-12
    assert torch.all((kept[within] / v[within]).log().abs() < math.log(2))


def test_zero_and_the_largest_number_are_exact() -> None:
    x = torch.zeros(300)
    x[3], x[290] = -7.0, 0.5
    assert torch.equal(SIGNED.decode(*SIGNED.encode(x, Generator().manual_seed(0))), x)
    nothing = torch.zeros(300)
    assert torch.equal(POSITIVE.decode(*POSITIVE.encode(nothing, Generator().manual_seed(0))), nothing)


def gradients(steps: int) -> list[Tensor]:
    """Noise whose size differs by orders of magnitude from row to row and from element to element."""
    generator = Generator().manual_seed(0)
    size = torch.exp(torch.randn(64, 1, generator=generator) + 0.5 * torch.randn(64, 96, generator=generator))
    return [size * torch.randn(64, 96, generator=generator) for _ in range(steps)]


def last_update(kept: str, steps: int) -> Tensor:
    weight = nn.Parameter(torch.zeros(64, 96))
    optimizer = Apollo([{"params": [("w", weight)]}], lr=1.0, state_dtype=kept)
    before = weight.detach().clone()
    for grad in gradients(steps):
        before.copy_(weight.detach())
        weight.grad = grad
        optimizer.step()
    return weight.detach() - before


@pytest.mark.parametrize("kept", ["bf16", "int8"])
def test_updates_are_those_of_float32_within_the_error_of_the_format(kept: str) -> None:
    exact, update = last_update("fp32", 400), last_update(kept, 400)
    assert (update - exact).norm() <= DIRECTION_ERROR[kept] * exact.norm()
    assert update.norm() == pytest.approx(float(exact.norm()), rel=0.05)
    assert update.abs().max() <= 1.5 * exact.abs().max()  # no small second moment blows up


@pytest.mark.parametrize("kept", ["bf16", "int8"])
@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_apollo_takes_the_same_way_in_every_format(granularity: str, kept: str) -> None:
    def end(state_dtype: str) -> Tensor:
        weight = nn.Parameter(torch.zeros(64, 96))
        options = {"granularity": granularity, "state_dtype": state_dtype, "update_gap": 50}
        optimizer = Apollo([("w", weight)], rank=8, lr=1e-2, **options)
        for grad in gradients(150):
            weight.grad = grad
            optimizer.step()
        return weight.detach()

    exact = end("fp32")
    assert (end(kept) - exact).norm() <= 0.03 * exact.norm()  # norms over 8 or more ratios average their errors


def test_where_squares_are_of_rank_one_the_factored_moment_is_adamws() -> None:
    """g_ij = ± a_i b_j has v_ij = a_i² b_j²; what is left is the rounding of the first moment."""
    generator = Generator().manual_seed(0)
    sizes = torch.outer(torch.rand(64, generator=generator) + 0.01, torch.rand(96, generator=generator) + 0.01)
    grads = [sizes * torch.randn(64, 96, generator=generator).sign() for _ in range(50)]

    def end(rest: str) -> Tensor:
        weight = nn.Parameter(torch.ones(64, 96))
        optimizer = Apollo([{"params": [("w", weight)]}], lr=1e-2, rest=rest, weight_decay=0.1)
        for grad in grads:
            weight.grad = grad.clone()
            optimizer.step()
        return weight.detach() - 1.0

    exact = end("adamw")
    assert (end("factored") - exact).norm() <= 0.03 * exact.norm()
