"""A run folder: what is in it, and that it survives being killed."""

from __future__ import annotations

import json
import math
import multiprocessing
import random
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lightloop.errors import InputError
from lightloop.pretrain.checkpoint import load_checkpoint
from lightloop.pretrain.data import tile
from lightloop.pretrain.evaluation import evaluate, held_out_windows, load_run
from lightloop.pretrain.result import TrainResult
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.tokenizer import byte_tokenizer
from lightloop.pretrain.trainer import train

PROSE = "The quick brown fox jumps over the lazy dog, and the dog does not mind at all.\n" * 40
# One process imports torch; the children that are killed are its forks, and so begin at once.
CHILDREN = multiprocessing.get_context("forkserver")
CHILDREN.set_forkserver_preload(["torch._dynamo", "lightloop.pretrain.trainer"])
FILES = {
    "run.toml",
    "text.json",
    "held_out.txt",
    "tokenizer.json",
    "config.json",
    "checkpoint.safetensors",
    "history.json",
    "model.safetensors",
    "result.json",
}


def run_of(folder: Path, **changes: object) -> PretrainSettings:
    (folder / "prose.txt").write_text(PROSE)
    chosen = {"steps": 12, "batch": 4, "eval_every": 5, "eval_tokens": 64, "checkpoint_every": 4, **changes}
    return PretrainSettings.model_validate(
        {
            "model": {"hidden": 16, "intermediate": 24, "heads": 2, "layers": 1, "context": 16},
            "text": {"files": [str(folder / "prose.txt")], "vocab": 270, "held_out": 0.1},
            "train": chosen,
        }
    )


def test_a_run_folder_holds_all_that_is_needed_to_use_the_model(tmp_path: Path) -> None:
    settings = run_of(tmp_path)
    result = train(settings, tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    assert [row.step for row in result.history] == [5, 10, 12]
    assert result.tokens_seen == 12 * 4 * 16
    assert TrainResult.from_dict(json.loads((tmp_path / "run/result.json").read_text()), "file") == result
    model, tokenizer, held = load_run(tmp_path / "run")
    assert held == settings
    measured = evaluate(model, held_out_windows(tmp_path / "run"))
    assert measured.loss == result.final_val_loss and measured.tokens == result.val_tokens
    assert tokenizer.decode(tokenizer.encode("fox")) == "fox"
    assert result.parameters == sum(w.numel() for w in load_file(tmp_path / "run/model.safetensors").values())
    assert len(result.plot().axes[0].lines) == 2


def test_the_tokenizer_and_the_batches_never_see_held_out_text(tmp_path: Path) -> None:
    """Words that only the end of the text has must not become tokens."""
    settings = run_of(tmp_path)
    (tmp_path / "prose.txt").write_text(PROSE + "wxwxw " * 30)
    train(settings, tmp_path / "run")
    held_out = (tmp_path / "run/held_out.txt").read_text()
    assert "wxwxw" in held_out
    words = json.loads((tmp_path / "run/tokenizer.json").read_text())["model"]["vocab"]
    assert not any("wx" in word for word in words)


def test_a_hopeless_model_has_infinite_perplexity_and_still_a_json() -> None:
    class Wrong(nn.Module):
        def forward(self, tokens_bt: Tensor) -> Tensor:
            logits = torch.zeros(*tokens_bt.shape, 256)
            logits[..., 0] = 1e4  # sure of a byte that never comes
            return logits

    measured = evaluate(Wrong(), tile("some text", byte_tokenizer(), 4))
    assert measured.loss == pytest.approx(1e4) and measured.perplexity == math.inf
    assert json.loads(json.dumps(measured.to_dict(), allow_nan=False))["perplexity"] is None


def test_a_finished_run_gives_its_result_at_once(tmp_path: Path) -> None:
    first = train(run_of(tmp_path), tmp_path / "run")
    steps: list[int] = []
    again = train(run_of(tmp_path), tmp_path / "run", resume=True, on_step=lambda step, loss: steps.append(step))
    assert again == first and steps == []


def test_progress_is_reported_once_for_each_step(tmp_path: Path) -> None:
    steps: list[tuple[int, float]] = []
    result = train(run_of(tmp_path), tmp_path / "run", on_step=lambda step, loss: steps.append((step, loss)))
    assert [step for step, _ in steps] == list(range(1, 13))
    mean = sum(loss for _, loss in steps[:5]) / 5
    assert result.history[0].train_loss == pytest.approx(mean)


def test_measuring_more_often_does_not_change_the_training(tmp_path: Path) -> None:
    rare = train(run_of(tmp_path, eval_every=12), tmp_path / "a")
    often = train(run_of(tmp_path, eval_every=1), tmp_path / "b")
    assert rare.final_val_loss == often.final_val_loss


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    """SIGKILL at moments drawn by chance, again and again."""
    settings = run_of(tmp_path, steps=300, checkpoint_every=1, eval_every=50)
    whole = train(settings, tmp_path / "whole")
    killed, steps = tmp_path / "killed", []
    moments = random.Random(0)
    while len(steps) < 6 and not (killed / "result.json").exists():
        child = CHILDREN.Process(target=train, args=(settings, killed), kwargs={"resume": True})
        child.start()
        _wait_for(killed / "history.json" if steps else killed / "checkpoint.safetensors", child)
        time.sleep(moments.uniform(0.0, 0.3))
        child.kill()
        child.join()
        steps.append(load_checkpoint(killed / "checkpoint.safetensors").progress["step"])
    assert 0 < steps[0] < 300 and steps == sorted(steps)
    resumed = train(settings, killed, resume=True)
    assert resumed.final_val_loss == whole.final_val_loss
    assert [row.train_loss for row in resumed.history] == [row.train_loss for row in whole.history]
    assert (killed / "model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()


def _wait_for(path: Path, child: BaseProcess) -> None:
    while not path.exists() and child.is_alive():
        time.sleep(0.001)


def test_a_changed_text_is_noticed_on_resume(tmp_path: Path) -> None:
    settings = run_of(tmp_path)

    def stop(step: int, loss: float) -> None:
        if step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path / "run", on_step=stop)
    (tmp_path / "prose.txt").write_text(PROSE.replace("fox", "cat"))
    with pytest.raises(InputError, match="has changed since"):
        train(settings, tmp_path / "run", resume=True)
