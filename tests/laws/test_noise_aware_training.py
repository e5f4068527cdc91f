"""Training under photonic noise: fresh draws at each step, the same after a resume, over the weights of the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lightloop.pretrain.data import tile
from lightloop.pretrain.evaluation import held_out_windows, load_run
from lightloop.pretrain.model import build
from lightloop.pretrain.noise import noisy_copy, noisy_loss, sample_of_step
from lightloop.pretrain.noise_settings import NoiseSettings
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.shapes import ModelShape
from lightloop.pretrain.tokenizer import byte_tokenizer
from lightloop.pretrain.trainer import train

SHAPE = ModelShape(vocab=256, hidden=16, intermediate=24, heads=2, layers=1, context=12)
PROSE = "It was the best of times, it was the worst of times; it was the age of wisdom.\n" * 12
TOKENS_BT = torch.arange(12).unsqueeze(0)


def run_of(folder: Path, noise: dict[str, Any] | None, **changes: object) -> PretrainSettings:
    (folder / "prose.txt").write_text(PROSE)
    return PretrainSettings.model_validate(
        {
            "model": {"hidden": 16, "intermediate": 24, "heads": 2, "layers": 1, "context": 12},
            "text": {"files": [str(folder / "prose.txt")], "tokenizer": "bytes", "held_out": 0.2},
            "train": {"steps": 10, "batch": 2, "eval_every": 5, "eval_tokens": 30, "checkpoint_every": 3, **changes},
            "noise": noise,
        }
    )


def bits(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_model_and_noisy_twin_have_the_same_weights() -> None:
    model = build(SHAPE, seed=0)
    noisy = noisy_copy(model, NoiseSettings(bits=8))
    assert [id(weight) for weight in model.parameters()] == [id(weight) for weight in noisy.parameters()]
    with torch.no_grad():
        before = noisy(TOKENS_BT)
        model.lm_head.weight.mul_(2)
        torch.testing.assert_close(noisy(TOKENS_BT), 2 * before, rtol=0.1, atol=0.01)
    assert type(model.lm_head) is torch.nn.Linear


def test_each_step_has_a_sample_of_its_own() -> None:
    noise = NoiseSettings()
    noisy = noisy_copy(build(SHAPE, seed=0), noise)

    def scores(seed: int, step: int) -> torch.Tensor:
        with torch.no_grad(), sample_of_step(noise, seed, step):
            return noisy(TOKENS_BT)

    assert torch.equal(scores(0, 5), scores(0, 5))
    assert not torch.equal(scores(0, 5), scores(0, 6))
    assert not torch.equal(scores(0, 5), scores(1, 5))


def test_an_interrupted_run_under_noise_ends_in_the_same_bits(tmp_path: Path) -> None:
    settings = run_of(tmp_path, {"bits": 4})
    whole = train(settings, tmp_path / "whole")

    def stop(step: int, loss: float) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path / "broken", on_step=stop)
    resumed = train(settings, tmp_path / "broken", resume=True)
    assert bits(tmp_path / "whole") == bits(tmp_path / "broken")
    assert resumed.noisy_loss == whole.noisy_loss and whole.noisy_loss is not None


def test_the_norm_of_a_noisy_gradient_is_that_of_the_step(tmp_path: Path) -> None:
    """Inside backward a clipped batch is computed twice, and must draw the same noise both times."""
    for name, layerwise in {"after": False, "inside": True}.items():
        train(run_of(tmp_path, {"bits": 6}, grad_clip=0.5, accumulate=2, layerwise=layerwise), tmp_path / name)
    assert bits(tmp_path / "after") == bits(tmp_path / "inside")


def test_a_noise_that_is_only_measured_does_not_change_the_training(tmp_path: Path) -> None:
    plain = train(run_of(tmp_path, None), tmp_path / "plain")
    measured = train(run_of(tmp_path, {"train": False, "draws": 2}), tmp_path / "measured")
    assert bits(tmp_path / "plain") == bits(tmp_path / "measured")
    assert plain.noisy_loss is None and measured.noisy_loss is not None
    model, _, _ = load_run(tmp_path / "measured")
    again = NoiseSettings(train=False, draws=2)
    assert noisy_loss(noisy_copy(model, again), held_out_windows(tmp_path / "measured"), again) == measured.noisy_loss


def test_the_noisy_loss_is_the_mean_over_draws() -> None:
    model, windows = build(SHAPE, seed=0), tile(PROSE, byte_tokenizer(), 12)
    singles = []
    for draw in range(3):
        one = NoiseSettings(draws=1)
        noisy = noisy_copy(model, one)
        from lightloop.pretrain.evaluation import evaluate

        with one.noise().sample(seed=draw):
            singles.append(evaluate(noisy, windows).loss)
    three = NoiseSettings(draws=3)
    assert noisy_loss(noisy_copy(model, three), windows, three) == pytest.approx(sum(singles) / 3)
    assert len(set(singles)) == 3


@pytest.mark.parametrize(
    ("noise", "changes", "said"),
    [
        ({}, {"gradient_checkpointing": True}, "train.gradient_checkpointing"),
        ({}, {"compile": True}, "train.compile"),
        ({"thermal_electrons": 5.0}, {}, "give photons too"),
        ({"bits": 1}, {}, "greater than or equal to 2"),
        ({"magnitude": -0.1}, {}, "greater than or equal to 0"),
    ],
)
def test_noise_that_cannot_be_trained_under_is_named(
    tmp_path: Path, noise: dict[str, Any], changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        run_of(tmp_path, noise, **changes)
