"""Every projection against the paper (arXiv 2412.05270) in float64, with α = √(m/r) and a limiter that is busy."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.linalg import vector_norm

from lightloop.optim import Apollo
from lightloop.optim.projections.counter import Stream
from lightloop.optim.projections.draws import DRAWS, projection_key

# float32 has 6e-8 per operation, some tens of operations and 200 steps whose errors add at random.
ORACLE_TOLERANCE = 1e-5
STEPS, GAP, RANK, DECAY, GROWTH, FLOOR = 200, 70, 16, 0.1, 1.01, 0.1
REFRESHES = 2  # at steps 70 and 140
SHAPES = {"wide": (40, 72), "tall": (72, 40), "square": (48, 48)}


def drawn(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=Generator().manual_seed(seed))


def gradient(shape: tuple[int, ...], step: int) -> Tensor:
    """A signal in noise that rises and falls, and is twenty times as large at every 37th step."""
    size = 0.1 * (1.0 + 0.5 * math.sin(step / 7.0)) * (20.0 if step % 37 == 36 else 1.0)
    return size * (drawn(shape, step) + 0.5 * drawn(shape, 10**6))


class Oracle:
    """The paper's lines on one matrix with channels as columns, in float64; counts the steps that were limited."""

    def __init__(self, start: Tensor, projection: str, granularity: str, lr: float) -> None:
        self.w, self.lr = start.double(), lr
        self.draw, self.dim = DRAWS[projection], 0 if granularity == "channel" else None
        self.first = self.second = torch.zeros((), dtype=torch.float64)
        self.last, self.limited = 0.0, 0

    def step(self, t: int, grad: Tensor) -> None:
        tall = self.w.shape[0] >= self.w.shape[1]
        g = grad.double().T if tall else grad.double()
        stream = Stream(projection_key(0, "w"), (t - 1) // GAP)
        r = self.draw(RANK, g.shape[0], stream).double() @ g
        self.first = 0.9 * self.first + 0.1 * r
        self.second = 0.999 * self.second + 0.001 * r**2
        r_adam = (self.first / (1 - 0.9**t)) / ((self.second / (1 - 0.999**t)).sqrt() + 1e-8)
        alpha = math.sqrt(g.shape[0] / RANK)
        u = alpha * g * (vector_norm(r_adam, dim=self.dim) / vector_norm(r, dim=self.dim))
        ceiling = GROWTH * max(self.last, FLOOR * alpha * math.sqrt(g.shape[1] * RANK))
        if t > 1 and u.norm() > ceiling:
            u, self.limited = u * (ceiling / u.norm()), self.limited + 1
        self.last = float(u.norm())
        self.w = (1 - self.lr * DECAY) * self.w - self.lr * (u.T if tall else u)


@pytest.mark.parametrize("lr", [1e-2, 1e-3])
@pytest.mark.parametrize("projection", DRAWS)
@pytest.mark.parametrize("granularity", ["channel", "tensor"])
@pytest.mark.parametrize("shape", SHAPES)
def test_float32_follows_the_paper_in_float64_over_two_refreshes(
    shape: str, granularity: str, projection: str, lr: float
) -> None:
    start = 0.1 * drawn(SHAPES[shape], 9)
    weight = nn.Parameter(start.clone())
    options = {"granularity": granularity, "projection": projection, "limiter": GROWTH, "weight_decay": DECAY}
    optimizer = Apollo([("w", weight)], lr, rank=RANK, scale="auto", update_gap=GAP, **options)
    oracle = Oracle(start, projection, granularity, lr)
    for t in range(1, STEPS + 1):
        weight.grad = gradient(SHAPES[shape], t)
        optimizer.step()
        oracle.step(t, weight.grad)
    assert (STEPS - 1) // GAP == REFRESHES
    assert oracle.limited >= STEPS // 37  # at the least, every spike was held down
    error = (weight.double() - oracle.w).norm() / (oracle.w - start.double()).norm()
    print(f"{projection} {granularity} {shape}: relative error {error:.1e}, {oracle.limited} steps limited")
    assert error.item() <= ORACLE_TOLERANCE
