"""A sweep: all its runs, the comparison of its cases, and that it survives being killed."""

from __future__ import annotations

import json
import shutil
import signal
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lightloop.cli.pretrain_tables import print_sweep
from lightloop.errors import InputError
from lightloop.loop.pretrain_folder import rebuild_training_page, sweep_with_page
from lightloop.parallel import WATCH_PERIOD_S
from lightloop.pretrain import sweep_run
from lightloop.pretrain.result import HistoryRow
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.sweep import SweepSettings
from lightloop.pretrain.sweep_result import SweepOutcome, best_of, curve, paired_difference, rate_of
from lightloop.pretrain.sweep_run import compared, run_sweep
from lightloop.pretrain.trainer import train
from lightloop.settings import parse_settings
from tiny_run import MODEL_AND_TEXT, write_prose

Cli = Callable[..., subprocess.CompletedProcess[str]]

SWEEP = f"""
{MODEL_AND_TEXT}
[train]
steps = 12
batch = 4
eval_every = 6
eval_tokens = 64
checkpoint_every = 2
[sweep]
seeds = [0, 1]
[[sweep.case]]
optimizer = "adamw"
lr = [1e-3, 1e-2, 1e6]
[[sweep.case]]
name = "sparse"
optimizer = "apollo"
projection = "sparse"
lr = 1e-2
[[sweep.case]]
optimizer = "sgd"
lr = [1e30]
"""
RUNS = ["adamw-lr0.001-s", "adamw-lr0.01-s", "adamw-lr1e+06-s", "sparse-lr0.01-s", "sgd-lr1e+30-s"]
ROUNDING = 1e-12  # sums of a few floats in another order


def sweep_of(text: str = SWEEP, **changes: Any) -> SweepSettings:
    table = tomllib.loads(text)
    return parse_settings(SweepSettings, {**table, **changes}, "sweep.toml")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.toml").write_text(SWEEP)
    write_prose(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep in `out`; tests that change it work on a copy."""
    there = tmp_path_factory.mktemp("sweep")
    write_prose(there)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(there)
        sweep_with_page(sweep_of(), "out", workers=1)
    return there


@pytest.fixture
def copy(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(finished, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_seconds(item) for key, item in value.items() if key != "seconds"}
    return [without_seconds(item) for item in value] if isinstance(value, list) else value


def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fills with the names of the runs that are trained from now on."""
    names: list[str] = []
    once = sweep_run.train_one

    def noted(job: sweep_run.SweepJob) -> None:
        names.append(job.run.name)
        once(job)

    monkeypatch.setattr(sweep_run, "train_one", noted)
    return names


def test_a_sweep_is_every_seed_at_every_rate_of_every_case(copy: Path) -> None:
    assert [run.name for run in sweep_of().runs()] == [
        f"{name}{seed}" for seed in (0, 1) for name in (RUNS[0], RUNS[3], RUNS[4], RUNS[1], RUNS[2])
    ]
    assert {path.name for path in (copy / "out/runs").iterdir()} == {
        f"{name}{seed}" for name in RUNS for seed in (0, 1)
    }


def test_keys_that_nothing_reads_are_named() -> None:
    """A key of [train] is for all cases: it is enough that one of them reads it."""
    assert sweep_of().unread() == []
    text = SWEEP.replace("[train]", "[train]\nrank = 4\nscale = 2").replace(
        'optimizer = "sgd"', 'optimizer = "sgd"\nscale = 3'
    )
    assert [line.split(",")[0] for line in sweep_of(text).unread()] == ["scale is not read by sgd"]
    alone = text.replace('optimizer = "apollo"\nprojection = "sparse"', 'optimizer = "muon"')
    assert [line.split(", only")[0] for line in sweep_of(alone).unread()] == [
        "scale is not read by sgd",
        "rank is not read by adamw, muon, sgd",
        "scale is not read by adamw, muon, sgd",
    ]


def test_its_runs_are_those_of_a_run_file(copy: Path) -> None:
    table = tomllib.loads(SWEEP)
    table.pop("sweep")
    table["train"] |= {"optimizer": "apollo", "projection": "sparse", "lr": 1e-2, "seed": 1}
    alone = train(PretrainSettings.model_validate(table), "alone")
    assert json.loads((copy / "out/runs/sparse-lr0.01-s1/result.json").read_text())["final_val_loss"] == (
        alone.final_val_loss
    )


def test_the_result_compares_the_cases_at_their_best_rates(copy: Path) -> None:
    result = json.loads((copy / "out/result.json").read_text())
    adamw, sparse, sgd = result["cases"]
    losses = {
        path.parent.name: json.loads(path.read_text())["final_val_loss"] for path in copy.glob("out/runs/*/result.json")
    }
    best = [losses["adamw-lr0.01-s0"], losses["adamw-lr0.01-s1"]]
    assert (adamw["best_lr"], adamw["edge"]) == (0.01, None)
    assert [adamw["mean"], adamw["lowest"], adamw["highest"]] == pytest.approx(
        [statistics.fmean(best), min(best), max(best)], rel=ROUNDING
    )
    assert adamw["standard_error"] == pytest.approx(abs(best[0] - best[1]) / 2, rel=ROUNDING)
    apart = [losses[f"sparse-lr0.01-s{seed}"] - best[seed] for seed in (0, 1)]
    assert sparse["difference"]["mean"] == pytest.approx(statistics.fmean(apart), rel=ROUNDING)
    assert adamw["difference"] is None and result["baseline"] == "adamw"
    assert sparse["optimizer_bytes"] < adamw["optimizer_bytes"]
    assert adamw["curve"]["step"] == [6, 12]
    assert sgd["best_lr"] is None and sgd["mean"] is None


def test_a_diverging_run_is_a_result_and_not_the_end(copy: Path) -> None:
    result = json.loads((copy / "out/result.json").read_text())
    sgd = result["cases"][2]["rates"][0]
    assert (sgd["diverged"], sgd["loss"]) == (2, None)
    assert all("diverged" in run["diverged"] for run in sgd["runs"])
    assert "sgd: every run diverged (1e+30); try smaller learning rates." in result["remarks"]


def test_a_best_rate_at_the_end_of_the_grid_is_remarked(copy: Path) -> None:
    table = tomllib.loads(SWEEP)
    table["sweep"]["case"] = [{"optimizer": "adamw", "lr": [1e-3, 1e-2]}, table["sweep"]["case"][1]]
    found = run_sweep(sweep_of(sweep=table["sweep"]), "out", resume=True, workers=1)
    assert [case.edge for case in found.cases] == ["highest", "only"]
    assert "0.01, is the highest of its grid (0.001, 0.01); try larger ones" in found.remarks()[0]
    assert "only one learning rate was tried" in found.remarks()[1]


def test_a_finished_sweep_is_read_and_a_growing_one_trains_what_is_new(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = trained(monkeypatch)
    before = json.loads((copy / "out/result.json").read_text())
    assert run_sweep(sweep_of(), "out", resume=True, workers=1).to_dict() == before
    assert names == []
    found = run_sweep(sweep_of(SWEEP.replace("lr = 1e-2", "lr = [1e-2, 3e-2]")), "out", resume=True, workers=1)
    assert names == ["sparse-lr0.03-s0", "sparse-lr0.03-s1"]
    assert [rate.lr for rate in found.cases[1].rates] == [0.01, 0.03]
    assert "0.03" in (copy / "out/run.toml").read_text()


def test_runs_trained_elsewhere_are_taken_in(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders of `pretrain run`, put where the sweep would have put them."""
    (copy / "out/runs").rename(copy / "kept")
    shutil.rmtree(copy / "out")
    (copy / "out").mkdir()
    (copy / "kept").rename(copy / "out/runs")
    names = trained(monkeypatch)
    assert run_sweep(sweep_of(), "out", resume=True, workers=1).cases[0].best is not None
    assert names == []


def test_a_run_from_before_a_setting_existed_is_the_same_run(copy: Path) -> None:
    """A setting that is missing in `run.toml` stands at its default, and is filled in."""
    record = copy / "out/runs/sparse-lr0.01-s0/run.toml"
    whole = record.read_text()
    for line in ("checkpoint_every = 2\n", "update_gap = 200\n", "min_lr_fraction = 0.1\n"):
        assert line in whole
    record.write_text(whole.replace("update_gap = 200\n", "").replace("min_lr_fraction = 0.1\n", ""))
    run_sweep(sweep_of(), "out", resume=True, workers=1)
    assert tomllib.loads(record.read_text()) == tomllib.loads(whole)
    record.write_text(whole.replace("checkpoint_every = 2\n", ""))  # not the default: another run
    with pytest.raises(InputError, match=r"other settings \(train.checkpoint_every\)"):
        run_sweep(sweep_of(), "out", resume=True, workers=1)


START = """
import sys, tomllib
from pathlib import Path
from lightloop.pretrain.sweep import SweepSettings
from lightloop.pretrain.sweep_run import run_sweep
run_sweep(SweepSettings.model_validate(tomllib.loads(Path("sweep.toml").read_text())), "killed", resume=True, workers=1)
"""


def test_a_killed_sweep_goes_on_to_the_same_result(folder: Path, finished: Path) -> None:
    runs, process = folder / "killed/runs", subprocess.Popen([sys.executable, "-c", START], cwd=folder)
    half = runs / "sparse-lr0.01-s0/checkpoint.safetensors"  # one run is finished, this one has begun
    while not half.exists() and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(WATCH_PERIOD_S)
    assert half.exists() and not (folder / "killed/result.json").exists()
    assert len(list(runs.glob("*/result.json"))) < 8
    done = (runs / "adamw-lr0.001-s0/result.json").read_bytes()
    run_sweep(sweep_of(), "killed", resume=True, workers=1)
    assert (runs / "adamw-lr0.001-s0/result.json").read_bytes() == done
    whole = json.loads((finished / "out/result.json").read_text())
    assert without_seconds(json.loads((folder / "killed/result.json").read_text())) == without_seconds(whole)


def test_an_unfinished_sweep_is_not_compared(copy: Path) -> None:
    (copy / "out/runs/adamw-lr0.01-s1/result.json").unlink()
    with pytest.raises(InputError, match=r"not finished: adamw-lr0.01-s1"):
        compared(sweep_of(), "out")


def test_runs_of_different_texts_are_not_compared(copy: Path) -> None:
    path = copy / "out/runs/adamw-lr0.01-s1/result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"text_sha256": "another"}))
    with pytest.raises(InputError, match="different texts"):
        compared(sweep_of(), "out")


def test_the_page_and_its_pictures_are_rebuilt_from_the_folder(copy: Path) -> None:
    shutil.rmtree(copy / "out/pictures")
    first = (copy / "out/report.html").read_text()
    (copy / "out/report.html").unlink()
    assert rebuild_training_page("out") == Path("out/report.html")
    assert (copy / "out/report.html").read_text() == first
    assert "sgd: every run diverged" in first
    names = {"learning_curves", "last_half", "learning_rates", "memory"}
    assert {path.name for path in (copy / "out/pictures").iterdir()} == {
        f"{n}.{s}" for n in names for s in ("png", "svg")
    }


def test_the_page_of_one_run_holds_plan_and_measured_state(copy: Path) -> None:
    run = copy / "out/runs/sparse-lr0.01-s0"
    assert rebuild_training_page(run) == run / "report.html"
    page, state = (run / "report.html").read_text(), json.loads((run / "result.json").read_text())["optimizer_bytes"]
    assert f"{state:,} bytes planned, {state:,} bytes counted" in page
    assert (run / "curve.png").exists() and (run / "curve.svg").exists()
    assert rebuild_training_page(copy) is None


def test_the_command_prints_one_json_object(cli: Cli, copy: Path) -> None:
    (copy / "sweep.toml").write_text(SWEEP)
    done = cli("pretrain", "sweep", "sweep.toml", "--out", "out", "--resume", "--json", cwd=copy)
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout)
    assert table.keys() == {"baseline", "seeds", "parameters", "tokens_seen", "remarks", "cases", "report"}
    keys = {"name", "optimizer", "options", "best_lr", "mean", "lowest", "highest", "standard_error", "seeds", "edge"}
    assert table["cases"][0].keys() == keys | {"difference", "optimizer_bytes", "seconds", "curve", "rates"}


def test_the_table_on_the_terminal_says_what_is_not_tuned(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_sweep(json.loads((copy / "out/result.json").read_text()))
    said = capsys.readouterr().out
    assert "against adamw" in said and "only one learning rate was tried" in said


def outcome(seed: int, loss: float | None, lr: float = 1.0) -> SweepOutcome:
    return SweepOutcome("case", lr, seed, "folder", diverged=None if loss is not None else "diverged", loss=loss)


def test_a_rate_at_which_seeds_diverge_is_not_the_best() -> None:
    lucky, sound = rate_of(2.0, [outcome(0, 1.0), outcome(1, None)]), rate_of(1.0, [outcome(0, 2.0), outcome(1, 2.2)])
    assert best_of([sound, lucky]) == (sound, "lowest")


def test_differences_are_of_pairs_of_equal_seed() -> None:
    """Seeds differ by 10, the cases by 1: a pair has no spread, the means would have."""
    base = [outcome(0, 10.0), outcome(1, 20.0), outcome(2, None)]
    found = paired_difference([outcome(1, 21.0), outcome(0, 11.0), outcome(2, 5.0)], base)
    assert found is not None and (found.mean, found.standard_error, found.seeds) == (1.0, 0.0, 2)


def test_a_curve_is_the_mean_and_the_range_of_the_seeds() -> None:
    rows = [(HistoryRow(5, 0.0, loss, 0.1, 1.0),) for loss in (1.0, 2.0, 6.0)]
    assert curve([])["mean"] == []
    assert curve(rows) == {"step": [5], "mean": [3], "lowest": [1], "highest": [6]}
