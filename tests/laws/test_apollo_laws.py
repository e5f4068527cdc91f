"""What the APOLLO paper (arXiv 2412.05270) derives, and what its limiter and a broken gradient must not do."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Generator, Tensor, nn

from lightloop.optim import Apollo, param_groups
from lightloop.optim.precision import strips
from lightloop.optim.projections.counter import Stream
from lightloop.optim.projections.draws import Draw, gaussian, projection_key, rademacher
from lightloop.optim.rules.limiter import norm_floor

# The theorem is for r → ∞; at r = 32 the mean of 1/χ² alone lifts the channel-wise ratio by 2.7 %.
NORM_LAW_TOLERANCE = 0.03
# float32 has 6e-8 per operation, some tens of operations and 200 steps whose errors add at random.
ORACLE_TOLERANCE = 1e-5
# Of float32 norms of some 10^4 entries, taken from differences of weights.
LIMITER_TOLERANCE = 1e-4
# The share of the undisturbed run's movement that must be left after a zero gradient.
MOVEMENT_KEPT = 0.8
# An entry within float32's error of the middle between two bfloat16 numbers may be rounded to the other one.
SAME_ROUNDING = 0.998

Gradient = Callable[[int], Tensor]


def noise(shape: tuple[int, ...], seed: int = 0) -> Gradient:
    """White noise, the same for the same step."""
    return lambda step: torch.randn(shape, generator=Generator().manual_seed(1000 * seed + step))


def descend(optimizer: torch.optim.Optimizer, weight: Tensor, gradient: Gradient, steps: range) -> list[Tensor]:
    """The weight after every step."""
    path = []
    for step in steps:
        weight.grad = gradient(step).to(weight.dtype)
        optimizer.step()
        path.append(weight.detach().clone())
    return path


def update_norms(path: list[Tensor]) -> Tensor:
    return torch.stack([(after - before).norm() for before, after in pairwise(path)])


def scheduled(step: int) -> float:
    """A size of the gradient that rises, falls and spikes."""
    return 0.1 * (1.0 + 0.5 * math.sin(step / 7.0)) * (20.0 if step % 37 == 36 else 1.0)


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
@pytest.mark.parametrize(("m", "n", "r"), [(256, 512, 64), (256, 512, 32), (1024, 1100, 128)])
def test_update_norm_is_that_of_adamw_times_the_root_of_r_over_m(m: int, n: int, r: int, granularity: str) -> None:
    """On average over projections: one of them is 0.5 % off at r = 32, where the mean of 1/χ² is 2.6 % off itself."""
    warm_up, steps = 20, 40
    shape = (8, m, n) if r == 32 else (m, n)  # a stack of matrices, each with a projection of its own
    ours, theirs = nn.Parameter(torch.zeros(shape)), nn.Parameter(torch.zeros(shape))
    apollo = Apollo([ours], lr=1.0, rank=r, granularity=granularity)
    adamw = torch.optim.AdamW([theirs], lr=1.0, weight_decay=0.0)
    ratio = update_norms(descend(apollo, ours, noise(shape), range(steps)))
    ratio /= update_norms(descend(adamw, theirs, noise(shape), range(steps)))
    assert ratio[warm_up:].mean().item() == pytest.approx(math.sqrt(r / m), rel=NORM_LAW_TOLERANCE)


def test_scale_auto_gives_the_update_norm_of_adamw() -> None:
    m, n, r, warm_up, steps = 128, 192, 32, 20, 40
    ours, theirs = nn.Parameter(torch.zeros(m, n)), nn.Parameter(torch.zeros(m, n))
    apollo = Apollo([ours], lr=1.0, rank=r, granularity="tensor", scale="auto")
    adamw = torch.optim.AdamW([theirs], lr=1.0, weight_decay=0.0)
    ratio = update_norms(descend(apollo, ours, noise((m, n)), range(steps)))
    ratio /= update_norms(descend(adamw, theirs, noise((m, n)), range(steps)))
    assert ratio[warm_up:].mean().item() == pytest.approx(1.0, rel=NORM_LAW_TOLERANCE)


@pytest.mark.parametrize("draw", [gaussian, rademacher])
def test_a_projection_keeps_lengths_on_average(draw: Draw) -> None:
    m, r, vectors = 512, 128, 400
    p = draw(r, m, Stream(projection_key(3, "w"), 0))
    x = torch.randn(m, vectors, generator=Generator().manual_seed(4))
    stretch = (p @ x).square().sum(0) / x.square().sum(0)
    # One vector's stretch varies by √(2/r) = 12 %; the mean of 400, by a twentieth of it, and by P's own 0.5 %.
    assert stretch.mean().item() == pytest.approx(1.0, abs=0.02)
    assert stretch.std().item() == pytest.approx(math.sqrt(2.0 / r), rel=0.2)
    assert p.square().sum().item() == pytest.approx(m, rel=1e-5)


class Oracle:
    """Algorithm 1 in float64, written from the paper: P in the orientation G needs, one loop over the channels."""

    def __init__(self, weight: Tensor, name: str, rank: int, granularity: str, alpha: float, decay: float) -> None:
        self.w = weight.double()
        self.rows_are_channels = weight.shape[0] >= weight.shape[1]
        self.name, self.rank, self.granularity, self.alpha, self.decay = name, rank, granularity, alpha, decay
        self.m = self.v = torch.zeros(1, dtype=torch.float64)
        self.last = 0.0

    def step(self, t: int, grad: Tensor, lr: float, gap: int) -> None:
        g = grad.double().T if self.rows_are_channels else grad.double()
        stream = Stream(projection_key(0, self.name), (t - 1) // gap)
        r = gaussian(self.rank, g.shape[0], stream).double() @ g
        self.m = 0.9 * self.m + 0.1 * r
        self.v = 0.999 * self.v + 0.001 * r**2
        r_adam = (self.m / (1 - 0.9**t)) / ((self.v / (1 - 0.999**t)).sqrt() + 1e-8)
        if self.granularity == "channel":
            s = torch.stack([r_adam[:, j].norm() / r[:, j].norm() for j in range(g.shape[1])])
        else:
            s = r_adam.norm() / r.norm()
        u = self.alpha * g * s
        ceiling = 1.01 * max(self.last, 0.1 * self.alpha * math.sqrt(g.shape[1] * self.rank))
        if self.last > 0 and u.norm() > ceiling:
            u = u / u.norm() * ceiling
        self.last = u.norm().item()
        self.w = self.w - lr * (u.T if self.rows_are_channels else u) - lr * self.decay * self.w


@pytest.mark.parametrize("size", [1.0, 1e-7])  # far above ε, and where ε tells
@pytest.mark.parametrize("granularity", ["channel", "tensor"])
@pytest.mark.parametrize("shape", [(24, 40), (40, 24), (32, 32)])
def test_float32_follows_the_paper_in_float64(shape: tuple[int, int], granularity: str, size: float) -> None:
    steps, lr, gap, rank, decay = 200, 1e-2, 60, 8, 0.1
    start = 0.1 * noise(shape, seed=9)(0)
    weight = nn.Parameter(start.clone())
    options = {"rank": rank, "granularity": granularity, "scale": 1.5, "update_gap": gap, "weight_decay": decay}
    optimizer = Apollo([("w", weight)], lr, **options)
    oracle = Oracle(start, "w", rank, granularity, 1.5, decay)
    direction = noise(shape, seed=5)(0)
    for t in range(1, steps + 1):
        weight.grad = size * scheduled(t) * (noise(shape)(t) + 0.5 * direction)
        optimizer.step()
        oracle.step(t, weight.grad, lr, gap)
    moved = (oracle.w - start.double()).norm()
    assert ((weight.double() - oracle.w).norm() / moved).item() <= ORACLE_TOLERANCE


def test_the_first_step_is_adams_sign_step_on_a_full_rank_sketch() -> None:
    """At t = 1 R̃ = R/(|R| + ε), so ‖R̃_j‖ = √r and every channel moves by α √r ‖G_j‖/‖R_j‖."""
    m, n, r = 16, 48, 4
    weight, grad = nn.Parameter(torch.zeros(m, n)), noise((m, n))(0)
    optimizer = Apollo([("w", weight)], lr=1.0, rank=r)
    descend(optimizer, weight, lambda _: grad, range(1))
    sketch = gaussian(r, m, Stream(projection_key(0, "w"), 0)) @ grad
    expected = math.sqrt(r) * grad.norm(dim=0) / sketch.norm(dim=0)
    torch.testing.assert_close(weight.detach().norm(dim=0), expected, rtol=1e-4, atol=0.0)


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
@pytest.mark.parametrize("at", [0, 300])
def test_one_zero_gradient_does_not_freeze_a_matrix(at: int, granularity: str) -> None:
    shape, steps = (48, 64), 300
    direction = noise(shape, seed=7)(0)
    for drift in (0.0, 1.0):  # pure noise, and a signal with noise

        def gradient(step: int, drift: float = drift) -> Tensor:
            return noise(shape)(step) + drift * direction

        def moved(spoil: bool, gradient: Gradient = gradient) -> float:
            weight = nn.Parameter(torch.zeros(shape))
            optimizer = Apollo([weight], lr=1e-3, rank=8, granularity=granularity)
            descend(optimizer, weight, gradient, range(at))
            before = weight.detach().clone()
            if spoil:
                descend(optimizer, weight, lambda _: torch.zeros(shape), range(at, at + 1))
            descend(optimizer, weight, gradient, range(at + spoil, at + steps))
            return (weight.detach() - before).norm().item()

        assert moved(spoil=True) >= MOVEMENT_KEPT * moved(spoil=False)


def test_a_start_far_below_eps_does_not_freeze_a_matrix() -> None:
    """Its short update is forgotten at once: from the floor, and not from its own norm, the limiter counts."""
    shape, steps = (48, 64), 300
    moved = []
    for first in (1.0, 1e-14):
        weight = nn.Parameter(torch.zeros(shape))
        optimizer = Apollo([weight], lr=1e-3, rank=8)
        descend(
            optimizer, weight, lambda step, first=first: noise(shape)(step) * (first if step == 0 else 1.0), range(1)
        )
        before = weight.detach().clone()
        descend(optimizer, weight, noise(shape), range(1, steps))
        moved.append((weight.detach() - before).norm().item())
    assert moved[1] >= MOVEMENT_KEPT * moved[0]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("options", [{"rank": 4}, {"rank": 4, "weight_decay": 0.1}, {"rank": None}])
def test_a_gradient_that_is_not_finite_leaves_no_trace(options: dict[str, object], bad: float) -> None:
    shape, steps = (24, 32), 12

    def spoiled(_: int) -> Tensor:
        grad = noise(shape)(0)
        grad[3, 5] = bad
        return grad

    clean, disturbed = nn.Parameter(torch.ones(shape)), nn.Parameter(torch.ones(shape))
    one, other = Apollo([clean], **options), Apollo([disturbed], **options)  # type: ignore[arg-type]
    descend(one, clean, noise(shape), range(steps))
    descend(other, disturbed, spoiled, range(1))
    descend(other, disturbed, noise(shape), range(5))
    descend(other, disturbed, spoiled, range(1))
    descend(other, disturbed, noise(shape), range(5, steps))
    assert torch.isfinite(disturbed).all()
    assert torch.equal(clean, disturbed)


def small_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(24, 32), nn.Tanh(), nn.Linear(32, 16), nn.LayerNorm(16), nn.Linear(16, 8))


def trajectories(arrange: Callable[[list[tuple[str, nn.Parameter]]], list[tuple[str, nn.Parameter]]]) -> dict:
    model = small_model()
    named = arrange(list(model.named_parameters()))
    optimizer = Apollo(named, rank=4, update_gap=5)
    for step in range(12):
        for place, (name, weight) in enumerate(model.named_parameters()):
            weight.grad = noise(tuple(weight.shape), seed=place)(step) if name in dict(named) else None
        optimizer.step()
    return {name: weight.detach() for name, weight in named}


def test_the_order_of_the_tensors_does_not_matter() -> None:
    straight, reversed_order = trajectories(list), trajectories(lambda named: named[::-1])
    assert all(torch.equal(weight, reversed_order[name]) for name, weight in straight.items())


def test_freezing_one_layer_leaves_the_others_alone() -> None:
    whole = trajectories(list)
    frozen = trajectories(lambda named: [pair for pair in named if not pair[0].startswith("0.")])
    assert 0 < len(frozen) < len(whole)
    assert all(torch.equal(weight, whole[name]) for name, weight in frozen.items())


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_updates_grow_by_at_most_one_percent_a_step(granularity: str) -> None:
    shape, rank, growth = (64, 96), 8, 1.01
    weight = nn.Parameter(torch.zeros(shape))
    optimizer = Apollo([weight], lr=1.0, rank=rank, granularity=granularity, limiter=growth, betas=(0.5, 0.999))
    spiky = [noise(shape)(step) * (50.0 if step % 20 == 19 else 1.0) for step in range(100)]
    norms = []
    for grad in spiky:
        with torch.no_grad():
            weight.zero_()
        descend(optimizer, weight, lambda _, grad=grad: grad, range(1))
        norms.append(weight.detach().norm().item())
    floor = norm_floor(1.0, max(shape), rank)
    ratios = [after / max(before, floor) for before, after in pairwise(norms)]
    assert max(ratios) <= growth * (1.0 + LIMITER_TOLERANCE)
    assert sum(ratio > growth * (1.0 - LIMITER_TOLERANCE) for ratio in ratios) >= 10  # it did something


def test_a_stack_of_matrices_is_as_many_matrices() -> None:
    """Experts of a mixture, (experts, m, n): each moves as it would alone, and an idle one stays."""
    experts, shape, rank = 3, (20, 28), 4
    stack = nn.Parameter(torch.ones(experts, *shape))
    optimizer = Apollo([("experts", stack)], rank=rank)
    alone = [nn.Parameter(torch.ones(shape)) for _ in range(experts)]
    singles = [Apollo([(f"experts[{i}]", weight)], rank=rank) for i, weight in enumerate(alone)]
    for step in range(6):
        grads = noise((experts, *shape))(step)
        grads[1] = 0.0
        descend(optimizer, stack, lambda _, grads=grads: grads, range(1))
        for i in range(experts):
            descend(singles[i], alone[i], lambda _, i=i, grads=grads: grads[i], range(1))
    assert torch.equal(stack.detach(), torch.stack([weight.detach() for weight in alone]))
    assert torch.equal(stack[1], torch.ones(shape))


@pytest.mark.parametrize("strip", [strips.STRIP_ELEMENTS, 100])
@pytest.mark.parametrize("granularity", ["channel", "tensor"])
@pytest.mark.parametrize("shape", [(24, 40), (40, 24)])
def test_a_bfloat16_weight_is_rounded_once_in_a_step(
    shape: tuple[int, int], granularity: str, strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moments, ratio and update are float32, so the step is that of float64 but for the weight's own rounding.

    It is so whether the matrix is widened at once or, as a large one, in strips.
    """
    monkeypatch.setattr(strips, "STRIP_ELEMENTS", strip)
    start = noise(shape, seed=9)(0).bfloat16()
    weight = nn.Parameter(start.clone())
    optimizer = Apollo([("w", weight)], 1e-2, rank=8, granularity=granularity)
    oracle = Oracle(start, "w", 8, granularity, 1.0, 0.0)
    for t in range(1, 21):
        weight.grad = noise(shape)(t).bfloat16()
        oracle.w = weight.detach().double()
        optimizer.step()
        oracle.step(t, weight.grad, 1e-2, 200)
        same = (weight.detach() == oracle.w.bfloat16()).float().mean().item()
        assert same >= SAME_ROUNDING


def test_a_model_learns() -> None:
    torch.manual_seed(0)
    x, teacher = torch.randn(256, 16), nn.Linear(16, 16)
    y = teacher(x).detach()
    for optimizer_of in (
        lambda model: Apollo(param_groups(model, rank=4), lr=1e-2),
        lambda model: Apollo.mini(param_groups(model), lr=1e-2, scale=2.0),
    ):
        model = nn.Sequential(nn.Linear(16, 64), nn.Tanh(), nn.Linear(64, 16))
        optimizer = optimizer_of(model)
        losses = []
        for _ in range(150):
            optimizer.zero_grad()
            loss = (model(x) - y).square().mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < 0.2 * losses[0]
