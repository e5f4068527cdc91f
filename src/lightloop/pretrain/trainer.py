"""Train a decoder on a text, in a run folder that can be killed and resumed at any instant.

The folder holds `run.toml`, `text.json`, `held_out.txt`, `tokenizer.json`, `config.json` and, of a text that comes by
documents, `tokens.npy`; then `checkpoint.safetensors` and `history.json`, and at its end `model.safetensors` and, last
of all, `result.json`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from shutil import rmtree

from lightloop.errors import LightloopError
from lightloop.pretrain.checkpoint import restore, save_checkpoint
from lightloop.pretrain.finish import checked, finish, measure
from lightloop.pretrain.model_folder import TEMPORARY_FOLDER
from lightloop.pretrain.preparation import Run, check_sources, prepare
from lightloop.pretrain.result import HistoryRow, Progress, TrainResult
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.stepping import stepper
from lightloop.runs import RunFolder, read_json, write_json

LARGE_FILES = ("checkpoint.safetensors", "model.safetensors", "tokens.npy")

OnStep = Callable[[int, float], None]


def train(
    settings: PretrainSettings, out: str | Path, *, resume: bool = False, on_step: OnStep | None = None
) -> TrainResult:
    """Train as `settings` say and write the run to `out`.

    Args:
        settings: Model, text, optimizer, seed.
        out: The run folder.
        resume: Go on in a folder that holds this run; a finished one gives its result at once.
        on_step: Called after each step with the number of steps taken and the loss of its batch.

    Returns:
        The curve, the loss on the held-out text and the memory of the optimizer. The same settings give the
        same result, except for the seconds, on the same machine with the same number of threads, however
        often the run was interrupted.

    Raises:
        InputError: The settings do not fit the text, the folder holds another run, a file is broken, or the
            loss is no longer a number.
        MissingProgramError: The package of the corpus, or one that reads text or model, is not installed; or there is
            no compiler for train.compile.
    """
    new = not Path(out).exists()
    if not (Path(out) / "run.toml").exists():
        check_sources(settings)  # what cannot be read must not leave a folder behind
    folder = RunFolder.open(out, settings, resume=resume)
    finished = folder / "result.json"
    if finished.exists():
        return TrainResult.from_dict(read_json(finished), str(finished))
    _remove_half_written(folder.path)
    try:
        run = prepare(settings, folder)
    except LightloopError:
        if new:  # the name is free for the settings put right
            rmtree(folder.path)
        raise
    checkpoint = folder / "checkpoint.safetensors"
    progress = Progress()
    if checkpoint.exists():
        progress = Progress.from_dict(restore(checkpoint, run.model, run.optimizer))
    _take_steps(run, progress, folder, checkpoint, on_step)
    return finish(run, progress, folder)


def _take_steps(run: Run, progress: Progress, folder: RunFolder, checkpoint: Path, on_step: OnStep | None) -> None:
    """Train from where the run stands to its last step."""
    chosen, take_step = run.settings, stepper(run)
    began = time.perf_counter() - progress.seconds
    while progress.step < chosen.steps:
        loss = checked(take_step(progress.step), progress.step + 1, chosen)
        progress.step += 1
        progress.loss_sum += loss
        progress.loss_count += 1
        if on_step is not None:
            on_step(progress.step, loss)
        last = progress.step == chosen.steps
        if last or progress.step % chosen.eval_every == 0:
            _add_row(run, progress, began)
            write_json(folder / "history.json", [asdict(row) for row in progress.history])
        progress.seconds = time.perf_counter() - began
        if last or progress.step % chosen.checkpoint_every == 0:
            save_checkpoint(checkpoint, run.model, run.optimizer, asdict(progress))


def _add_row(run: Run, progress: Progress, began: float) -> None:
    progress.history.append(
        HistoryRow(
            step=progress.step,
            train_loss=progress.loss_sum / progress.loss_count,
            val_loss=measure(run, run.few_windows, progress.step).loss,
            lr=run.optimizer.param_groups[0]["lr"],
            seconds=time.perf_counter() - began,
        )
    )
    progress.loss_sum, progress.loss_count = 0.0, 0


def _remove_half_written(folder: Path) -> None:
    """A killed process leaves the large file it was writing; no other process writes in this folder."""
    for name in LARGE_FILES:
        for left in folder.glob(f".{name}.*"):
            left.unlink(missing_ok=True)
    for left in folder.glob(f"{TEMPORARY_FOLDER}*"):
        rmtree(left, ignore_errors=True)
