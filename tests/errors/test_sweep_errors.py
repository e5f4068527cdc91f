"""What is wrong with a sweep is said before its first run starts."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from lightloop.errors import InputError
from lightloop.pretrain import sweep_run
from lightloop.pretrain.sweep import SweepSettings
from lightloop.pretrain.sweep_run import run_sweep
from lightloop.runs import RunFolder
from lightloop.settings import parse_settings

GOOD: dict[str, Any] = {
    "model": {"hidden": 16, "intermediate": 24, "heads": 2, "layers": 1, "context": 16},
    "text": {"files": ["prose.txt"], "tokenizer": "bytes", "held_out": 0.2},
    "train": {"steps": 4, "batch": 2, "checkpoint_every": 2, "eval_every": 2},
    "sweep": {
        "seeds": [0, 1],
        "case": [{"optimizer": "adamw", "lr": [1e-3, 1e-2]}, {"optimizer": "apollo", "lr": 1e-2, "rank": 4}],
    },
}


def sweep_with(place: str, value: Any) -> dict[str, Any]:
    """The good sweep with one value changed; the place is keys and numbers with dots between."""
    table = copy.deepcopy(GOOD)
    *way, last = (int(key) if key.isdigit() else key for key in place.split("."))
    part: Any = table
    for key in way:
        part = part[key]
    part[last] = value
    return table


def mistakes(table: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        parse_settings(SweepSettings, table, "sweep.toml")
    return str(caught.value)


@pytest.fixture
def no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a text, in which a training would fail the test."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prose.txt").write_text("Many words, and again many words.\n" * 40)

    def begun(job: sweep_run.SweepJob) -> None:
        pytest.fail(f"{job.run.name} was begun")

    monkeypatch.setattr(sweep_run, "train_one", begun)
    return tmp_path


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("sweep.cases", [], "did you mean 'case'"),
        ("sweep.seeds", [], "sweep.seeds"),
        ("sweep.seeds", [1, 1], "a seed is given twice"),
        ("sweep.seeds", [-1], "sweep.seeds"),
        ("sweep.baseline", "apolo", "did you mean 'apollo'"),
        ("sweep.case", [], "sweep.case"),
        ("sweep.case.0.lr", [], "lr"),
        ("sweep.case.0.lr", [1e-3, 0], "greater than 0"),
        ("sweep.case.0.lr", [1e-3, 1e-3], "a learning rate twice"),
        ("sweep.case.0.lr", [1e-3, 1.0000001e-3], "several runs would be called adamw-lr0.001-s0"),
        ("sweep.case.0.optimizer", "adamv", "did you mean 'adamw'"),
        ("sweep.case.0.name", "apollo", "several cases are called apollo"),
        ("sweep.case.0.name", "../adamw", "name"),
        ("sweep.case.0.seed", 3, "the seeds are those of [sweep]"),
        ("sweep.case.1.projction", "sparse", "case 'apollo': 1 mistake"),
        ("sweep.case.1.projction", "sparse", "did you mean 'projection'"),
        ("sweep.case.1.rank", -4, "rank"),
        ("train.lr", 1e-3, "[sweep] says lr; leave it out of [train]"),
        ("train.steps", 0, "train.steps"),
        ("model.heads", 3, "3 heads"),
    ],
)
def test_a_wrong_sweep_is_answered_in_words(place: str, value: Any, said: str) -> None:
    assert said in mistakes(sweep_with(place, value))


def test_all_mistakes_of_the_file_are_told_at_once() -> None:
    table = sweep_with("sweep.case.0.optimizer", "adamv")
    table["sweep"]["case"][1] |= {"rank": -1, "scale": "automatic"}
    table["train"]["steps"] = 0
    said = mistakes(table)
    assert all(word in said for word in ("adamv", "rank", "scale", "train.steps"))


def test_what_only_the_text_shows_is_found_before_the_first_run(no_training: Path) -> None:
    with pytest.raises(InputError, match=r"1 mistake\n  - adamw, apollo: file not found: .*none.txt"):
        run_sweep(parse_settings(SweepSettings, sweep_with("text.files", ["none.txt"]), "s"), "out")
    with pytest.raises(InputError, match=r"one sequence needs 100001[\s\S]*shorter model.context"):
        run_sweep(parse_settings(SweepSettings, sweep_with("model.context", 100_000), "s"), "out")
    assert not (no_training / "out").exists()


def test_a_run_of_other_settings_is_named_before_the_first_run(no_training: Path) -> None:
    sweep = parse_settings(SweepSettings, GOOD, "s")
    other = parse_settings(SweepSettings, sweep_with("train.steps", 5), "s")
    RunFolder.open("out/runs/apollo-lr0.01-s1", other.runs()[4].settings, resume=False)
    assert other.runs()[4].name == "apollo-lr0.01-s1"
    with pytest.raises(InputError, match=r"apollo-lr0.01-s1 was begun with other settings \(train.steps\)"):
        run_sweep(sweep, "out", resume=True)
    with pytest.raises(InputError, match=r"already holds a run; add --resume"):
        run_sweep(other, "out")
    assert not (no_training / "out/run.toml").exists()


def test_a_folder_of_something_else_is_refused(no_training: Path) -> None:
    RunFolder.open("out", {"title": "a loop"}, resume=False)
    sweep = parse_settings(SweepSettings, GOOD, "s")
    with pytest.raises(InputError, match="already holds a run"):
        run_sweep(sweep, "out")
    with pytest.raises(InputError, match="is no sweep"):
        run_sweep(sweep, "out", resume=True)


def test_only_settings_at_their_default_may_be_missing_in_a_held_run(tmp_path: Path) -> None:
    settings = parse_settings(SweepSettings, GOOD, "s").runs()[0].settings
    table = settings.model_dump(mode="json")
    held = {**table, "train": {key: value for key, value in table["train"].items() if key != "weight_decay"}}
    RunFolder.open(tmp_path / "run", held, resume=False)
    decayed = settings.model_copy(update={"train": settings.train.model_copy(update={"weight_decay": 0.1})})
    with pytest.raises(InputError, match=r"other settings \(train.weight_decay\)"):
        RunFolder.open(tmp_path / "run", decayed, resume=True)
    with pytest.raises(InputError, match=r"other settings \(train.weight_decay\)"):
        RunFolder.open(tmp_path / "run", table, resume=True)  # a plain table knows no defaults
    assert "weight_decay" not in RunFolder(tmp_path / "run").settings()["train"]
    made_by = RunFolder(tmp_path / "run").provenance()
    RunFolder.open(tmp_path / "run", settings, resume=True)
    assert RunFolder(tmp_path / "run").settings()["train"]["weight_decay"] == 0.0
    assert RunFolder(tmp_path / "run").provenance() == made_by
