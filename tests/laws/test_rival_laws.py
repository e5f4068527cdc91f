"""Adam-mini and SCALE step as their papers write; joined optimizers are the optimizers they join."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor, nn

from lightloop.errors import InputError
from lightloop.optim import AdamMini, Joined, Scale, adam_mini_groups, scale_groups
from lightloop.pretrain.model import build
from lightloop.pretrain.shapes import ModelShape

# Float32 against float64 over ten steps.
ORACLE = 1e-5
TINY = ModelShape(vocab=24, hidden=16, intermediate=24, heads=4, layers=2, context=8)


def draw(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=Generator().manual_seed(seed))


def run(optimizer: torch.optim.Optimizer, weights: list[nn.Parameter], steps: int = 10) -> None:
    for step in range(steps):
        for place, weight in enumerate(weights):
            weight.grad = draw(tuple(weight.shape), 100 * step + place)
        optimizer.step()


@pytest.mark.parametrize(("shape", "blocks"), [((8, 6), None), ((8, 6), 4), ((8, 6), 1), ((9,), None), ((4, 3, 2), 2)])
def test_adam_mini_has_one_rate_for_each_block(shape: tuple[int, ...], blocks: int | None) -> None:
    weight = nn.Parameter(draw(shape, 7))
    rows = blocks or (shape[0] if len(shape) > 1 else 1)
    w, m, v = weight.detach().double().reshape(rows, -1), 0.0, 0.0
    optimizer = AdamMini([{"params": [weight], "blocks": blocks}], lr=1e-2, weight_decay=0.1)
    for t in range(1, 11):
        weight.grad = draw(shape, t)
        optimizer.step()
        g = weight.grad.double().reshape(rows, -1)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g.square().mean(1, keepdim=True)
        w = w * (1 - 1e-3) - 1e-2 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
    torch.testing.assert_close(weight.detach().double().reshape(rows, -1), w, rtol=ORACLE, atol=ORACLE)


def test_adam_mini_finds_the_heads_of_a_decoder() -> None:
    model = build(TINY)
    optimizer = AdamMini(adam_mini_groups(model, heads=4))
    run(optimizer, list(model.parameters()), steps=1)
    found = {name: optimizer.state[weight]["exp_avg_sq"].numel() for name, weight in model.named_parameters()}
    layer = "model.layers.1."
    assert found[f"{layer}self_attn.q_proj.weight"] == found[f"{layer}self_attn.k_proj.weight"] == 4
    assert found[f"{layer}self_attn.v_proj.weight"] == found[f"{layer}self_attn.o_proj.weight"] == 16
    assert found["model.embed_tokens.weight"] == found["lm_head.weight"] == 24
    assert found["model.norm.weight"] == 1


def test_rows_must_divide_into_blocks() -> None:
    with pytest.raises(InputError, match="8 rows do not divide"):
        AdamMini([{"params": [nn.Parameter(torch.zeros(8, 2))], "blocks": 3}])


@pytest.mark.parametrize(("neurons", "across"), [("rows", 1), ("columns", 0)])
def test_scale_moves_each_neuron_by_the_learning_rate(neurons: str, across: int) -> None:
    weight = nn.Parameter(torch.zeros(8, 6))
    optimizer = Scale([{"params": [weight], "neurons": neurons}], lr=1e-2)
    run(optimizer, [weight], steps=1)
    rms = weight.detach().square().mean(across).sqrt()
    torch.testing.assert_close(rms, torch.full_like(rms, 1e-2), rtol=ORACLE, atol=0.0)
    assert not optimizer.state[weight]


def test_scale_has_momentum_in_the_last_layer_only() -> None:
    model = build(TINY)
    groups = scale_groups(model)
    kinds = {name: (group["neurons"], group["momentum"]) for group in groups for name in group["param_names"]}
    assert kinds["model.embed_tokens.weight"] == ("columns", 0.0)
    assert kinds["lm_head.weight"] == ("rows", 0.9)
    assert {kind for name, kind in kinds.items() if "proj" in name} == {("rows", 0.0)}
    optimizer = Scale(groups, lr=1e-2)
    head, m = model.lm_head.weight, torch.zeros(24, 16)
    for step in range(3):
        before = head.detach().clone()
        run_one(model, step)
        optimizer.step()
        assert head.grad is not None
        m = 0.9 * m + 0.1 * head.grad
        expected = before - 1e-2 * m / m.square().mean(1, keepdim=True).sqrt()
        torch.testing.assert_close(head.detach(), expected, rtol=ORACLE, atol=ORACLE)


def run_one(model: nn.Module, step: int) -> None:
    for place, weight in enumerate(model.parameters()):
        weight.grad = draw(tuple(weight.shape), 100 * step + place)


def test_vectors_of_scale_are_adamw() -> None:
    ours, theirs = nn.Parameter(draw((9,), 0)), nn.Parameter(draw((9,), 0))
    run(Scale([ours], lr=1e-2, weight_decay=0.1), [ours])
    run(torch.optim.AdamW([theirs], lr=1e-2, weight_decay=0.1, fused=True), [theirs])
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("make", [AdamMini, Scale], ids=["adam-mini", "scale"])
def test_a_gradient_that_is_not_finite_is_skipped(make: Callable[..., torch.optim.Optimizer]) -> None:
    weight = nn.Parameter(draw((8, 6), 0))
    before, optimizer = weight.detach().clone(), make([weight])
    weight.grad = torch.full_like(weight, torch.nan)
    optimizer.step()
    assert torch.equal(weight, before)
    weight.grad = torch.zeros_like(weight)
    optimizer.step()
    assert torch.isfinite(weight).all()


def test_joined_optimizers_step_as_they_would_apart() -> None:
    together, apart = [[nn.Parameter(draw((6, 4), 0)), nn.Parameter(draw((5,), 1))] for _ in range(2)]

    def members(weights: list[nn.Parameter]) -> tuple[torch.optim.Optimizer, ...]:
        return torch.optim.SGD(weights[:1], lr=0.1, momentum=0.9), torch.optim.AdamW(weights[1:], lr=0.01)

    joined, (sgd, adamw) = Joined(*members(together)), members(apart)
    for step in range(6):
        if step == 3:
            joined = _reloaded(Joined(*members(together)), joined)
            for group in (*joined.param_groups, *sgd.param_groups, *adamw.param_groups):
                group["lr"] *= 0.5
        for place in range(2):
            together[place].grad = apart[place].grad = draw(tuple(apart[place].shape), 10 * step + place)
        joined.step()
        sgd.step()
        adamw.step()
    assert all(torch.equal(a, b) for a, b in zip(together, apart, strict=True))


def _reloaded(fresh: Joined, old: Joined) -> Joined:
    fresh.load_state_dict(old.state_dict())
    return fresh


def test_only_new_optimizers_can_be_joined() -> None:
    weight = nn.Parameter(torch.zeros(3))
    sgd = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    run(sgd, [weight], steps=1)
    with pytest.raises(InputError, match="stepped before"):
        Joined(sgd)
    with pytest.raises(InputError, match="needs an optimizer"):
        Joined()
