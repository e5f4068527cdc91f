"""What a count sketch promises (Charikar et al. 2002; Dasgupta, Kumar and Sarlós 2010), and what APOLLO makes of it."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Generator, Tensor, nn

from lightloop.optim import Apollo
from lightloop.optim.projections import sketch
from lightloop.optim.projections.counter import Stream
from lightloop.optim.projections.draws import projection_key
from lightloop.optim.projections.sketch import dense, sum_signed_rows

# Means over DRAWS independent draws are allowed this many of their standard errors.
STANDARD_ERRORS = 4.0
DRAWS = 4000
# The theorem is for r → ∞; at r = 32 the mean of 1/χ² alone lifts the channel-wise ratio by 2.7 %.
NORM_LAW_TOLERANCE = 0.03
# One rounding of each of the m/r additions that make an element of R of size 1.
SUM_TOLERANCE = 1e-5


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=Generator().manual_seed(seed))


def stream(seed: int = 5, turn: int = 0) -> Stream:
    return Stream(projection_key(seed, "w"), turn)


@pytest.mark.parametrize(("m", "r"), [(64, 16), (70, 16), (40, 40), (23, 7)])
def test_every_row_goes_to_one_bucket_and_no_bucket_gets_more_than_its_share(m: int, r: int) -> None:
    p_rm = dense(r, m, stream())
    assert torch.equal(p_rm.abs().sum(0), torch.ones(m)) and torch.equal(p_rm.square().sum(0), torch.ones(m))
    share = p_rm.abs().sum(1)
    assert m // r <= share.min() and share.max() <= -(-m // r)


@pytest.mark.parametrize("tall", [False, True])
@pytest.mark.parametrize("width", [2**19, 100])
@pytest.mark.parametrize(("m", "r"), [(64, 16), (70, 16), (40, 40), (23, 7)])
def test_the_sum_of_signed_rows_is_the_product_with_the_dense_matrix(
    m: int, r: int, width: int, tall: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sketch, "CACHED_ELEMENTS", width)
    grad_mn = noise(90, m).T if tall else noise(m, 90)
    r_rn = sum_signed_rows(torch.full((r, 90), math.nan), grad_mn, stream())
    torch.testing.assert_close(r_rn, dense(r, m, stream()) @ grad_mn, rtol=0.0, atol=SUM_TOLERANCE)


@pytest.mark.parametrize("kind", ["noise", "a few neighbours", "a comb of one row per block"])
def test_lengths_are_kept_on_average_and_spread_no_more_than_under_a_random_hash(kind: str) -> None:
    """E‖P g‖² = ‖g‖² and Var ‖P g‖² ≤ 2/r ‖g‖⁴, whatever g is."""
    m, r = 120, 16
    vectors = {
        "noise": noise(m),
        "a few neighbours": torch.where(torch.arange(m) < 20, noise(m, seed=1), 0.0),
        "a comb of one row per block": torch.where(torch.arange(m) % r == 3, noise(m, seed=2), 0.0),
    }
    g_m = vectors[kind] / vectors[kind].norm()
    stretch = torch.stack([(dense(r, m, stream(turn=k)) @ g_m).square().sum() for k in range(DRAWS)])
    standard_error = math.sqrt(2.0 / r / DRAWS)
    assert stretch.mean().item() == pytest.approx(1.0, abs=STANDARD_ERRORS * standard_error)
    # The variance of a sample variance grows with the fourth moment: heavy tails, so a fifth is left to chance.
    assert stretch.var().item() <= 1.2 * 2.0 / r


def test_two_rows_meet_with_the_chance_of_a_random_hash_or_never() -> None:
    m, r = 50, 8
    meetings = sum(abs_p.T @ abs_p for abs_p in (dense(r, m, stream(turn=k)).abs() for k in range(DRAWS))) / DRAWS
    block = torch.arange(m) // r
    same_block = block[:, None] == block[None, :]
    assert torch.equal(meetings[same_block], torch.eye(m)[same_block])
    # 4.5 standard errors: a thousand pairs of blocks and shifts are looked at.
    spread = 4.5 * math.sqrt((1 / r) * (1 - 1 / r) / DRAWS)
    assert (meetings[~same_block] - 1 / r).abs().max().item() <= spread


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
@pytest.mark.parametrize(("m", "n", "r"), [(256, 512, 64), (256, 512, 32), (1024, 1100, 128)])
def test_update_norm_is_that_of_adamw_times_the_root_of_r_over_m(m: int, n: int, r: int, granularity: str) -> None:
    warm_up, steps = 20, 40
    ours, theirs = nn.Parameter(torch.zeros(m, n)), nn.Parameter(torch.zeros(m, n))
    apollo = Apollo([ours], lr=1.0, rank=r, granularity=granularity, projection="sparse")
    adamw = torch.optim.AdamW([theirs], lr=1.0, weight_decay=0.0)
    paths: list[list[Tensor]] = [[], []]
    for step in range(steps):
        ours.grad = theirs.grad = noise(m, n, seed=step)
        for weight, optimizer, path in ((ours, apollo, paths[0]), (theirs, adamw, paths[1])):
            optimizer.step()
            path.append(weight.detach().clone())
    norms = [torch.stack([(b - a).norm() for a, b in pairwise(path)]) for path in paths]
    assert (norms[0] / norms[1])[warm_up:].mean().item() == pytest.approx(math.sqrt(r / m), rel=NORM_LAW_TOLERANCE)


@pytest.mark.parametrize("tall", [False, True])
def test_a_shard_of_the_channels_gets_its_columns_of_the_sketch_to_the_bit(tall: bool) -> None:
    m, n, r = 70, 300, 16
    grad_mn = noise(n, m).T if tall else noise(m, n)
    whole = sum_signed_rows(torch.empty(r, n), grad_mn, stream())
    for cuts in ((0, 150, 300), (0, 1, 37, 290, 300), tuple(range(0, 301, 20))):
        parts = [sum_signed_rows(torch.empty(r, b - a), grad_mn[:, a:b], stream()) for a, b in pairwise(cuts)]
        assert torch.equal(torch.cat(parts, dim=1), whole)


def trained(names: str, steps: range, start: Apollo | None = None, weights: dict | None = None) -> tuple[dict, Apollo]:
    """Matrices of both orientations, each with gradients of its own; `names` in the order for the optimizer."""
    shapes = {"a": (40, 60), "b": (60, 40), "c": (2, 20, 36), "d": (36, 36)}
    weights = weights or {name: nn.Parameter(noise(*shapes[name], seed=ord(name))) for name in names}
    optimizer = Apollo(weights.items(), rank=16, projection="sparse", update_gap=7)
    if start is not None:
        optimizer.load_state_dict(start.state_dict())
    for step in steps:
        for name, weight in weights.items():
            weight.grad = noise(*weight.shape, seed=1000 * ord(name) + step)
        optimizer.step()
    return weights, optimizer


def test_neither_order_nor_freezing_nor_resuming_changes_the_sketch() -> None:
    straight, _ = trained("abcd", range(20))
    turned, _ = trained("dcba", range(20))
    fewer, _ = trained("ca", range(20))
    half, optimizer = trained("abcd", range(10))
    resumed, _ = trained("abcd", range(10, 20), optimizer, half)
    for other in (turned, fewer, resumed):
        assert all(torch.equal(weight, straight[name]) for name, weight in other.items())


def test_a_renewal_changes_the_sketch() -> None:
    before, after = (dense(16, 64, stream(seed)) for seed in (1, 2))
    assert not torch.equal(before, after)


def test_a_bfloat16_gradient_is_summed_in_float32() -> None:
    m, n, r = 64, 96, 16
    grad_mn = noise(m, n).bfloat16()
    r_rn = sum_signed_rows(torch.empty(r, n), grad_mn, stream())
    torch.testing.assert_close(r_rn, dense(r, m, stream()) @ grad_mn.float(), rtol=0.0, atol=SUM_TOLERANCE)


@pytest.mark.parametrize("at", [0, 300])
def test_one_zero_gradient_does_not_freeze_a_matrix(at: int) -> None:
    shape, steps = (48, 64), 300

    def moved(spoil: bool) -> float:
        weight = nn.Parameter(torch.zeros(shape))
        optimizer = Apollo([weight], lr=1e-3, rank=16, projection="sparse")
        before = weight.detach().clone()
        for step in range(at + steps):
            weight.grad = torch.zeros(shape) if spoil and step == at else noise(*shape, seed=step)
            before = weight.detach().clone() if step == at else before
            optimizer.step()
        return (weight.detach() - before).norm().item()

    assert moved(spoil=True) >= 0.8 * moved(spoil=False)


def test_one_nan_is_skipped() -> None:
    weight = nn.Parameter(torch.ones(40, 60))
    optimizer = Apollo([weight], rank=16, projection="sparse")
    weight.grad = noise(40, 60)
    optimizer.step()
    before = weight.detach().clone()
    weight.grad = noise(40, 60).index_fill(1, torch.tensor([3]), math.nan)
    optimizer.step()
    assert torch.equal(weight, before) and optimizer.state[weight]["step"] == 1
