"""Training in bfloat16: what stays in float32, and that chance keeps what rounding to the nearest number loses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lightloop.errors import InputError
from lightloop.pretrain.evaluation import evaluate, held_out_windows, load_run
from lightloop.pretrain.model import build
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.shapes import ModelShape
from lightloop.pretrain.trainer import train

SHAPE = ModelShape(vocab=50, hidden=32, intermediate=48, heads=4, layers=2, context=24)
BFLOAT16 = 2.0**-8  # relative spacing of neighbours
SOURCE_LETTERS = "abcdefgh "


def run_of(folder: Path, **changes: object) -> PretrainSettings:
    if not (folder / "chain.txt").exists():
        (folder / "chain.txt").write_text(chain(20_000))
    return PretrainSettings.model_validate(
        {
            "model": {"hidden": 32, "intermediate": 64, "heads": 2, "layers": 2, "context": 32},
            "text": {"files": [str(folder / "chain.txt")], "tokenizer": "bytes", "held_out": 0.2},
            "train": {
                "optimizer": "apollo",
                "steps": 150,
                "batch": 8,
                "lr": 1e-3,
                "scale": "auto",
                "eval_every": 150,
                **changes,
            },
        }
    )


def chain(length: int) -> str:
    """Text of a random Markov chain, in which each letter says much about the next."""
    rng = np.random.default_rng(0)
    cumulative = rng.dirichlet(np.full(len(SOURCE_LETTERS), 0.2), size=len(SOURCE_LETTERS)).cumsum(axis=1)
    states = [0]
    for draw in rng.random(length - 1):
        states.append(min(int(np.searchsorted(cumulative[states[-1]], draw)), len(SOURCE_LETTERS) - 1))
    return "".join(SOURCE_LETTERS[state] for state in states)


def test_a_model_of_bfloat16_computes_in_it() -> None:
    """The rotary table must not widen the residual stream; scores agree with float32 to some bfloat16 spacings."""
    model = build(SHAPE, seed=1)
    tokens_bt = torch.arange(24).unsqueeze(0)
    with torch.no_grad():
        exact, rounded = model(tokens_bt), build(SHAPE, seed=1).bfloat16()(tokens_bt)
    assert rounded.dtype == torch.bfloat16
    assert (rounded.float() - exact).abs().max() < 8 * BFLOAT16 * exact.abs().max()


def test_norms_of_bfloat16_are_those_of_float32_rounded() -> None:
    norm = torch.nn.RMSNorm(512, eps=1e-6)
    x = torch.randn(64, 512, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert torch.equal(norm.bfloat16()(x), norm.float()(x.float()).bfloat16())


def test_chance_keeps_what_rounding_to_the_nearest_loses(tmp_path: Path) -> None:
    """At a low rate most updates are below half the spacing of bfloat16."""
    low = {"lr": 2e-4, "steps": 400, "eval_every": 400}
    exact = train(run_of(tmp_path, **low), tmp_path / "fp32").final_val_loss
    nearest = train(run_of(tmp_path, precision="bf16", **low), tmp_path / "nearest").final_val_loss
    kept = {"precision": "bf16", "weight_rounding": "stochastic", **low}
    stochastic = train(run_of(tmp_path, **kept), tmp_path / "stochastic").final_val_loss
    assert abs(stochastic - exact) < 0.25 * (nearest - exact)


def test_mixed_precision_keeps_float32_weights_and_trains_alike(tmp_path: Path) -> None:
    exact = train(run_of(tmp_path), tmp_path / "fp32").final_val_loss
    mixed = train(run_of(tmp_path, precision="bf16-mixed"), tmp_path / "mixed").final_val_loss
    model, _, _ = load_run(tmp_path / "mixed")
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert mixed != exact and mixed == pytest.approx(exact, abs=0.02)


def test_a_bfloat16_run_resumes_to_the_bit_and_is_loaded_as_it_was(tmp_path: Path) -> None:
    settings = run_of(tmp_path, precision="bf16", weight_rounding="stochastic", steps=12, checkpoint_every=4)
    whole = train(settings, tmp_path / "whole")

    def stop(step: int, loss: float) -> None:
        if step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path / "broken", on_step=stop)
    train(settings, tmp_path / "broken", resume=True)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]
    model, _, _ = load_run(tmp_path / "whole")
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    assert evaluate(model, held_out_windows(tmp_path / "whole")).loss == whole.final_val_loss
    assert json.loads((tmp_path / "whole/config.json").read_text())["torch_dtype"] == "bfloat16"


def test_an_optimizer_that_cannot_round_by_chance_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'adamw' rounds weights to the nearest[\s\S]*for adamw-8bit, apollo"):
        train(run_of(tmp_path, optimizer="adamw", precision="bf16", weight_rounding="stochastic"), tmp_path / "run")
