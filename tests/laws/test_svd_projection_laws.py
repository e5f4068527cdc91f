"""APOLLO on the leading singular vectors of the gradient, kept between renewals."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor, nn

from lightloop.optim import Apollo
from lightloop.optim.projections import subspace

ROUNDING = 1e-5  # float32 sums over some hundred numbers
# Later gradients lie less in the subspace than the one it was taken from: noise by √(m/r) at most, 2 here.
AUTO_RATIO = {"noise": (1.0, 2.0), "rank 4": (0.7, 1.5)}


def stepped(grad: Tensor, rank: int = 8, **options: object) -> tuple[Apollo, nn.Parameter]:
    weight = nn.Parameter(torch.zeros_like(grad))
    optimizer = Apollo([("w", weight)], rank=rank, projection="svd", lr=1e-2, **options)
    weight.grad = grad.clone()
    optimizer.step()
    return optimizer, weight


def noise(number: int, rows: int = 64, columns: int = 96) -> Tensor:
    return torch.randn(rows, columns, generator=Generator().manual_seed(number))


@pytest.mark.parametrize("turned", [False, True])
def test_p_has_orthonormal_rows_that_catch_the_largest_singular_values(turned: bool) -> None:
    """Eckart and Young: ‖P G‖² is the sum of the r largest σ², whichever side is the smaller one."""
    grad = noise(0).T if turned else noise(0)
    optimizer, weight = stepped(grad)
    p_rm = optimizer.state[weight]["projector"]
    torch.testing.assert_close(p_rm @ p_rm.T, torch.eye(8), rtol=0, atol=ROUNDING)
    caught = (p_rm @ noise(0)).square().sum()
    torch.testing.assert_close(caught, torch.linalg.svdvals(noise(0))[:8].square().sum(), rtol=ROUNDING, atol=0)


def test_p_stays_until_its_renewal() -> None:
    optimizer, weight = stepped(noise(0), update_gap=3)
    kept = optimizer.state[weight]["projector"].clone()
    same = []
    for number in (1, 2, 3):
        weight.grad = noise(number)
        optimizer.step()
        same.append(torch.equal(kept, optimizer.state[weight]["projector"]))
    assert same == [True, True, False]


def test_a_zero_gradient_takes_no_singular_vectors_and_the_next_one_does() -> None:
    optimizer, weight = stepped(torch.zeros(64, 96), update_gap=100)
    assert not optimizer.state[weight]["projector"].any() and not weight.any()
    weight.grad = noise(0)
    optimizer.step()
    assert optimizer.state[weight]["projector"].any() and weight.any()


def test_what_does_not_converge_keeps_the_projection_from_before(monkeypatch: pytest.MonkeyPatch) -> None:
    optimizer, weight = stepped(noise(0), update_gap=1)
    kept, held = optimizer.state[weight]["projector"].clone(), weight.detach().clone()

    def fails(*_: object, **__: object) -> None:
        raise torch.linalg.LinAlgError("did not converge")

    with monkeypatch.context() as patched:
        patched.setattr(subspace.torch.linalg, "svd", fails)
        patched.setattr(subspace.torch.linalg, "eigh", fails)
        weight.grad = noise(1)
        optimizer.step()
    assert torch.equal(optimizer.state[weight]["projector"], kept)
    assert torch.isfinite(weight).all() and not torch.equal(weight, held)
    weight.grad = torch.full((64, 96), float("inf"))
    before = weight.detach().clone()
    optimizer.step()
    assert torch.equal(weight, before) and torch.equal(optimizer.state[weight]["projector"], kept)


@pytest.mark.parametrize("kind", AUTO_RATIO)
def test_auto_gives_updates_of_the_size_of_adamws(kind: str) -> None:
    ours, theirs = nn.Parameter(torch.zeros(64, 96)), nn.Parameter(torch.zeros(64, 96))
    apollo = Apollo([("w", ours)], rank=16, lr=1.0, projection="svd", scale="auto", limiter=None, update_gap=10)
    adamw = torch.optim.AdamW([theirs], lr=1.0, weight_decay=0.0)
    left, right = noise(1, 64, 4), noise(2, 4, 96)
    ratios = []
    for step in range(40):
        inner = torch.diag(noise(100 + step, 4, 1).flatten())
        grad = noise(1000 + step) if kind == "noise" else left @ inner @ right + 0.05 * noise(1000 + step)
        before = ours.detach().clone(), theirs.detach().clone()
        ours.grad, theirs.grad = grad.clone(), grad.clone()
        apollo.step()
        adamw.step()
        ratios.append(((ours - before[0]).norm() / (theirs - before[1]).norm()).item())
    low, high = AUTO_RATIO[kind]
    assert low < sum(ratios[10:]) / 30 < high
