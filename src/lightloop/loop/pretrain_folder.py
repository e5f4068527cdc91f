"""Folders of trainings: each with its page and pictures, for a run and for a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightloop.loop.progress import Report, StepFile, silent, watching
from lightloop.pretrain.plan_run import plan_run
from lightloop.pretrain.result import TrainResult
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.shapes import ModelShape
from lightloop.pretrain.sweep import SweepSettings
from lightloop.pretrain.sweep_result import SweepResult
from lightloop.pretrain.sweep_run import run_folders, run_sweep
from lightloop.pretrain.trainer import OnStep, train
from lightloop.report.page import write_page
from lightloop.report.static import write_images
from lightloop.report.sweep_figures import sweep_figures
from lightloop.report.sweep_page import sweep_page
from lightloop.report.training_page import training_figures, training_page
from lightloop.runs import RunFolder, read_json
from lightloop.settings import parse_settings

PAGE, RESULT, PICTURES = "report.html", "result.json", "pictures"
STAGE = "training"


def train_with_page(
    settings: PretrainSettings, out: str | Path, *, resume: bool = False, on_step: OnStep | None = None
) -> tuple[TrainResult, Path]:
    """Train as `pretrain.train` does, and write the page and the curve. Returns the result and the page."""
    result = train(settings, out, resume=resume, on_step=on_step)
    return result, _run_page(Path(out))


def sweep_with_page(
    settings: SweepSettings,
    out: str | Path,
    *,
    resume: bool = False,
    workers: int | None = None,
    cluster: str | None = None,
    report: Report = silent,
) -> tuple[SweepResult, Path]:
    """Run a sweep as `run_sweep` does, and write its page and pictures.

    Args:
        settings: The sweep.
        out: The folder.
        resume: Go on with a sweep that was interrupted, or has grown.
        workers: Trainings at a time.
        cluster: Address of a Dask scheduler.
        report: Called with ("training", steps done, steps in all).

    Returns:
        The comparison, and the page.

    Raises:
        InputError: As `run_sweep`.
    """
    total = sum(run.settings.train.steps for run in settings.runs())
    with watching(run_folders(settings, out), total, STAGE, report):
        found = run_sweep(settings, out, resume=resume, workers=workers, cluster=cluster, watch=StepFile)
    return found, _sweep_page(Path(out))


def rebuild_training_page(folder: str | Path) -> Path | None:
    """Write the page of a finished training or sweep again; None where the folder holds neither."""
    path = Path(folder)
    if not (path / "run.toml").exists() or not (path / RESULT).exists():
        return None
    if "sweep" in RunFolder(path).settings():
        return _sweep_page(path)
    return _run_page(path) if "final_val_loss" in read_json(path / RESULT) else None


def _run_page(path: Path) -> Path:
    folder = RunFolder(path)
    result, table = read_json(folder / RESULT), folder.settings()
    planned = _planned(folder, table)
    figures = training_figures(result, planned)
    write_images({"curve": figures["curve"]}, path)
    text = read_json(folder / "text.json")
    return write_page(training_page(result, table, folder.provenance(), planned=planned, text=text), path / PAGE)


def _planned(folder: RunFolder, table: dict[str, Any]) -> dict[str, Any] | None:
    config = folder / "config.json"
    shape = ModelShape.from_config(read_json(config), str(config))
    found = plan_run(parse_settings(PretrainSettings, table, str(folder / "run.toml")), shape)
    return None if found is None else found.to_dict()


def _sweep_page(path: Path) -> Path:
    folder, result = RunFolder(path), read_json(path / RESULT)
    write_images(sweep_figures(result), path / PICTURES)
    return write_page(sweep_page(result, folder.settings(), folder.provenance()), path / PAGE)
