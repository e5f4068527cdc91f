"""`lightloop pretrain run` and `eval`, as a user types them."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from lightloop.onn import convert
from lightloop.optics import Noise
from lightloop.pretrain.evaluation import evaluate, evaluate_under, held_out_windows, load_run
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.trainer import train
from lightloop.settings import parse_settings
from tiny_run import MODEL_AND_TEXT, write_prose

Cli = Callable[..., subprocess.CompletedProcess[str]]

RUN = f"""
{MODEL_AND_TEXT}
[train]
steps = 10
batch = 4
eval_every = 5
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text(RUN)
    write_prose(tmp_path)
    return tmp_path


def test_run_writes_a_folder_and_prints_its_result(cli: Cli, folder: Path) -> None:
    first = cli("pretrain", "run", "run.toml", "--out", "out", "--seed", "3", "--json")
    assert first.returncode == 0, first.stderr
    result = json.loads(first.stdout)
    assert [row["step"] for row in result["history"]] == [5, 10]
    assert "seed = 3" in (folder / "out/run.toml").read_text()
    loss = evaluate(load_run(folder / "out")[0], held_out_windows(folder / "out")).loss
    assert loss == pytest.approx(result["final_val_loss"])


def test_keys_that_the_optimizer_does_not_read_are_noted(cli: Cli, folder: Path) -> None:
    (folder / "run.toml").write_text(f"{RUN}rank = 4\nupdate_gap = 200\n")
    (folder / "prose.txt").unlink()  # the notes come before anything is read
    refused = cli("pretrain", "run", "run.toml", "--out", "out")
    assert refused.returncode == 2
    assert [line.split(",")[0] for line in refused.stderr.splitlines() if line.startswith("note")] == [
        "note: rank is not read by adamw",
        "note: update_gap is not read by adamw",
    ]


def test_eval_on_photonic_hardware_draws_its_noise_by_seed(cli: Cli, folder: Path) -> None:
    train(parse_settings(PretrainSettings, tomllib.loads(RUN), "RUN"), folder / "out")
    measured = cli("pretrain", "eval", "out", "--bits", "8", "--seeds", "2", "--seed", "5", "--tokens", "64", "--json")
    assert measured.returncode == 0, measured.stderr
    table = json.loads(measured.stdout)
    assert table["tokens"] == 64
    draws = table["photonic"]["draws"]
    assert len(draws) == 2 and draws[0]["loss"] != draws[1]["loss"] != table["loss"]
    model = convert(load_run(folder / "out")[0], core="dot", bits=8)
    windows = held_out_windows(folder / "out", tokens=64)
    assert [draw.loss for draw in evaluate_under(model, windows, [Noise().sample(5), Noise().sample(6)])] == [
        draw["loss"] for draw in draws
    ]


@pytest.mark.parametrize(("verb", "tables"), [("run", "[model], [text], [train]"), ("sweep", "[sweep]")])
def test_the_help_names_the_tables_of_a_file(cli: Cli, verb: str, tables: str) -> None:
    assert tables in cli("pretrain", verb, "--help").stdout


def test_a_table_of_text_that_is_missing_is_named_with_a_hint(cli: Cli, folder: Path) -> None:
    (folder / "run.toml").write_text(RUN.replace("prose.txt", "none.jsonl"))
    refused = cli("pretrain", "run", "run.toml", "--out", "out")
    assert refused.returncode == 2 and not (folder / "out").exists()
    assert "file not found" in refused.stderr and "working directory" in refused.stderr


@pytest.mark.parametrize(
    "line", [("run", "run.toml", "--out", "out", "--seed", "-3"), ("eval", "out", "--noise", "-1")]
)
def test_a_number_below_zero_is_refused_before_anything_is_read(cli: Cli, folder: Path, line: tuple[str, ...]) -> None:
    refused = cli("pretrain", *line)
    assert refused.returncode == 2 and not (folder / "out").exists()
    assert line[-2] in refused.stderr and "internal error" not in refused.stderr
