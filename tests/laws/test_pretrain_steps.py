"""However a step is taken, in parts, inside backward, with blocks computed twice, it is the same step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from alive import Alive
from lightloop.errors import InputError, MissingProgramError
from lightloop.pretrain import compiling
from lightloop.pretrain.evaluation import load_run
from lightloop.pretrain.model import build, next_token_loss
from lightloop.pretrain.plan import plan_training
from lightloop.pretrain.preparation import Run, prepare
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.shapes import ModelShape
from lightloop.pretrain.stepping import gradients_of
from lightloop.pretrain.trainer import train
from lightloop.runs import RunFolder

PROSE = "It was the best of times, it was the worst of times; it was the age of wisdom.\n" * 12
ROUNDING = 1e-5  # relative, of sums of float32 in another order
COMPILED = 1e-3  # nats; kernels of another order of operations, over the steps of a short run
PLAN_ERROR = 0.05  # the planner's bar


def run_of(folder: Path, **changes: object) -> PretrainSettings:
    (folder / "prose.txt").write_text(PROSE)
    return PretrainSettings.model_validate(
        {
            "model": {"hidden": 16, "intermediate": 24, "heads": 2, "layers": 2, "context": 12},
            "text": {"files": [str(folder / "prose.txt")], "vocab": 280, "held_out": 0.2},
            "train": {
                "optimizer": "apollo",
                "steps": 9,
                "batch": 6,
                "update_gap": 4,
                "lr": 1e-2,
                "eval_every": 4,
                "eval_tokens": 30,
                "checkpoint_every": 2,
                **changes,
            },
        }
    )


def prepared(settings: PretrainSettings, folder: Path) -> Run:
    return prepare(settings, RunFolder.open(folder, settings, resume=True))


def gradients(run: Run) -> dict[str, Tensor]:
    gradients_of(run, step=3)
    return {name: weight.grad for name, weight in run.model.named_parameters() if weight.grad is not None}


def bits(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def interrupted(settings: PretrainSettings, folder: Path, *stops: int) -> None:
    """Train, broken off after each of some steps and gone on with."""
    for stop in stops:

        def interrupt(step: int, loss: float, last: int = stop) -> None:
            if step >= last:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(settings, folder, resume=True, on_step=interrupt)
    train(settings, folder, resume=True)


def test_a_batch_in_parts_has_the_gradient_of_the_batch(tmp_path: Path) -> None:
    whole = prepared(run_of(tmp_path), tmp_path / "whole")
    loss, expected = gradients_of(whole, 3), gradients(prepared(run_of(tmp_path), tmp_path / "again"))
    for parts in (2, 3, 6):
        run = prepared(run_of(tmp_path, accumulate=parts), tmp_path / str(parts))
        torch.testing.assert_close(gradients_of(run, 3), loss, rtol=ROUNDING, atol=0)
        for name, weight in run.model.named_parameters():
            assert weight.grad is not None
            scale = expected[name].abs().max().item()
            torch.testing.assert_close(weight.grad, expected[name], rtol=0, atol=ROUNDING * scale, msg=name)


@pytest.mark.parametrize("optimizer", ["adamw", "apollo", "apollo-mini", "sgd"])
@pytest.mark.parametrize("how", [{}, {"accumulate": 3}, {"grad_clip": 0.5}, {"accumulate": 2, "grad_clip": 0.5}])
def test_steps_inside_backward_are_those_after_it_to_the_bit(
    tmp_path: Path, optimizer: str, how: dict[str, object]
) -> None:
    train(run_of(tmp_path, optimizer=optimizer, **how), tmp_path / "after")
    inside = run_of(tmp_path, optimizer=optimizer, layerwise=True, **how)
    interrupted(inside, tmp_path / "inside", 3, 7)
    assert bits(tmp_path / "inside") == bits(tmp_path / "after")


def test_inside_backward_there_is_never_more_than_a_gradient_at_a_time(tmp_path: Path) -> None:
    """Apart from the one that is being stepped, no parameter holds a gradient when the next one gets its own."""
    settings = run_of(tmp_path, layerwise=True, steps=1)
    seen: list[int] = []

    def watch(run: Run) -> None:
        weights = list(run.model.parameters())
        for weight in weights:
            weight.register_hook(lambda grad: seen.append(sum(w.grad is not None for w in weights)))

    from lightloop.pretrain.stepping import stepper

    run = prepared(settings, tmp_path / "run")
    step = stepper(run)
    watch(run)
    step(0)
    assert len(seen) == len(list(run.model.parameters())) and max(seen) == 0


def test_blocks_computed_again_give_the_same_gradient_to_the_bit(tmp_path: Path) -> None:
    plain = gradients(prepared(run_of(tmp_path), tmp_path / "plain"))
    again = gradients(prepared(run_of(tmp_path, gradient_checkpointing=True), tmp_path / "again"))
    assert plain.keys() == again.keys()
    assert all(torch.equal(plain[name], again[name]) for name in plain)
    for name, changes in {"a": {}, "b": {"gradient_checkpointing": True, "layerwise": True}}.items():
        train(run_of(tmp_path, **changes), tmp_path / name)
    assert bits(tmp_path / "a") == bits(tmp_path / "b")


def test_blocks_computed_again_need_the_planned_memory() -> None:
    shape, batch, tokens = ModelShape(300, 128, 352, 4, 6, 128), 1, 100
    model = build(shape)
    model.model.checkpointing = True
    planned = plan_training(shape, "sgd", weights="fp32", batch=batch, tokens=tokens, checkpointing=True)
    plain = plan_training(shape, "sgd", weights="fp32", batch=batch, tokens=tokens)
    text = torch.zeros(2, batch, tokens, dtype=torch.int64)
    measured = peak_bytes(model, lambda: next_token_loss(model(text[0]), text[1]).backward())
    assert measured == pytest.approx(planned.peak_bytes, rel=PLAN_ERROR)
    assert measured < plain.peak_bytes / (1 + PLAN_ERROR)
    assert planned.activations.saved_bytes < 0.25 * plain.activations.saved_bytes


def test_compiled_blocks_train_alike_and_keep_their_names(tmp_path: Path) -> None:
    eager = train(run_of(tmp_path), tmp_path / "eager")
    compiled = train(run_of(tmp_path, compile=True), tmp_path / "compiled")
    assert compiled.final_val_loss == pytest.approx(eager.final_val_loss, abs=COMPILED)
    names = []
    for run in ("eager", "compiled"):
        with safe_open(tmp_path / run / "checkpoint.safetensors", framework="pt") as file:
            names.append(set(file.keys()))
    assert names[0] == names[1] and not any("_orig_mod" in name for name in names[1])
    interrupted(run_of(tmp_path, compile=True), tmp_path / "broken", 5)
    assert bits(tmp_path / "broken") == bits(tmp_path / "compiled")
    assert load_run(tmp_path / "compiled")[0] is not None


def test_a_missing_compiler_is_said_before_the_first_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Callable[..., Any]:
        def call(*_: Any) -> Any:
            raise RuntimeError("\nFailed to find C compiler. Please specify via CC environment variable.")

        return call

    monkeypatch.setattr(compiling.torch, "compile", broken)
    with pytest.raises(MissingProgramError, match=r"Failed to find C compiler[\s\S]*apt install g\+\+"):
        train(run_of(tmp_path, compile=True), tmp_path / "run")


def test_what_cannot_be_stepped_inside_backward_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lightloop.pretrain.optimizers import OPTIMIZERS, Entry

    class Coupled(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            super().step()

    monkeypatch.setitem(OPTIMIZERS, "sgd", Entry(lambda model, train: Coupled(model.parameters(), lr=train.lr)))
    with pytest.raises(InputError, match="not known whether Coupled can step one tensor"):
        train(run_of(tmp_path, optimizer="sgd", layerwise=True), tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"accumulate": 4}, "batch of 6 does not divide into accumulate = 4"),
        ({"weight_rounding": "stochastic"}, "precision = 'bf16'"),
        ({"precision": "fp16"}, "'fp32', 'bf16' or 'bf16-mixed'"),
    ],
)
def test_settings_that_do_not_fit_are_named(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        run_of(tmp_path, **changes)


def peak_bytes(model: torch.nn.Module, work: Callable[[], None]) -> int:
    """Bytes of all tensors alive at the fullest moment of the second of two calls of `work`, weights included."""
    with Alive(model.parameters()) as alive:
        for _ in range(2):
            work()
            model.zero_grad()
    return alive.peak
