"""Stage 1: train the same model with every contender at every learning rate, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightloop.loop.progress import Report, StepFile, watching
from lightloop.loop.settings import LoopSettings
from lightloop.parallel import run_jobs
from lightloop.pretrain.settings import PretrainSettings
from lightloop.runs import RunFolder

STAGE = "training"


@dataclass(frozen=True)
class TrainingJob:
    """One training, as it is sent to a worker."""

    name: str
    settings: PretrainSettings
    folder: Path


def train_contenders(
    settings: LoopSettings, folder: RunFolder, _earlier: dict[str, Any], report: Report
) -> dict[str, Any]:
    """Train all contenders.

    Returns:
        `runs`: name -> result of `pretrain.train` with its optimizer, learning rate and folder;
        `best`: optimizer -> name of its run with the lowest held-out loss.
    """
    jobs = [
        TrainingJob(name, settings.training(contender, lr), folder / f"train/{name}")
        for contender in settings.contenders
        for lr in contender.lr
        for name in [f"{contender.optimizer}-lr{lr:g}"]
    ]
    with watching([job.folder for job in jobs], settings.train.steps * len(jobs), STAGE, report):
        results = run_jobs(train_one, jobs)
    runs = {
        job.name: result
        | {
            "optimizer": job.settings.train.optimizer,
            "lr": job.settings.train.lr,
            "folder": f"train/{job.name}",
        }
        for job, result in zip(jobs, results, strict=True)
    }
    best = {
        contender.optimizer: min(
            (name for name, run in runs.items() if run["optimizer"] == contender.optimizer),
            key=lambda name: float(runs[name]["nats_per_byte"]),
        )
        for contender in settings.contenders
    }
    return {"runs": runs, "best": best}


def train_one(job: TrainingJob) -> dict[str, Any]:
    """Train in a worker process."""
    from lightloop.pretrain.trainer import train

    note = StepFile(job.folder)
    result = train(job.settings, job.folder, resume=True, on_step=lambda step, _loss: note(step))
    return _without_times(result.to_dict())


def _without_times(result: dict[str, Any]) -> dict[str, Any]:
    """Seconds differ from run to run; they stay in the training's own `result.json`."""
    history = [{key: value for key, value in row.items() if key != "seconds"} for row in result["history"]]
    return {key: value for key, value in result.items() if key != "seconds"} | {"history": history}
