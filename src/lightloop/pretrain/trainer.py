"""Train a decoder on a text, in a run folder that can be killed and resumed at any instant.

The folder holds `run.toml`, `text.json`, `held_out.txt`, `tokenizer.json`, `config.json`, then
`checkpoint.safetensors` and `history.json`, and at its end `model.safetensors` and, last of all, `result.json`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch.nn.utils import clip_grad_norm_

from lightloop.errors import InputError
from lightloop.pretrain.checkpoint import restore, save_checkpoint, state_bytes
from lightloop.pretrain.data import Windows, draw_batch
from lightloop.pretrain.evaluation import Evaluation, evaluate
from lightloop.pretrain.model import next_token_loss
from lightloop.pretrain.preparation import Run, prepare, read_text
from lightloop.pretrain.result import HistoryRow, TrainResult
from lightloop.pretrain.schedule import rate_factor
from lightloop.pretrain.settings import PretrainSettings, TrainSettings
from lightloop.runs import RunFolder, read_json, write_file, write_json

OnStep = Callable[[int, float], None]


@dataclass
class Progress:
    """What a run has done so far; saved with each checkpoint."""

    step: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    loss_count: int = 0
    history: list[HistoryRow] = field(default_factory=list)

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Progress:
        """The progress that `dataclasses.asdict` wrote."""
        return cls(**{**table, "history": [HistoryRow(**row) for row in table["history"]]})


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
        MissingProgramError: The package of the corpus is not installed.
    """
    if not (Path(out) / "run.toml").exists():
        read_text(settings.text)  # a text that cannot be read must not leave a folder behind
    folder = RunFolder.open(out, settings.model_dump(mode="json"), resume=resume)
    finished = folder / "result.json"
    if finished.exists():
        return TrainResult.from_dict(read_json(finished), str(finished))
    run = prepare(settings, folder)
    checkpoint = folder / "checkpoint.safetensors"
    _remove_half_written(checkpoint)
    progress = Progress()
    if checkpoint.exists():
        progress = Progress.from_dict(restore(checkpoint, run.model, run.optimizer))
    _take_steps(run, progress, folder, checkpoint, on_step)
    return _finish(run, progress, folder)


def _take_steps(run: Run, progress: Progress, folder: RunFolder, checkpoint: Path, on_step: OnStep | None) -> None:
    """Train from where the run stands to its last step."""
    chosen = run.settings
    began = time.perf_counter() - progress.seconds
    while progress.step < chosen.steps:
        loss = _one_step(run, progress.step)
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


def _one_step(run: Run, step: int) -> float:
    """One batch forward and back, and one step of the optimizer. Returns the loss before that step."""
    chosen = run.settings
    inputs_bt, targets_bt = draw_batch(
        run.tokens, step, seed=chosen.seed, batch=chosen.batch, context=run.model.shape.context
    )
    factor = rate_factor(
        step,
        steps=chosen.steps,
        warmup_fraction=chosen.warmup_fraction,
        min_fraction=chosen.min_lr_fraction,
    )
    for group, peak in zip(run.optimizer.param_groups, run.peak_lrs, strict=True):
        group["lr"] = peak * factor
    loss = next_token_loss(run.model(inputs_bt.to(run.device)), targets_bt.to(run.device))
    loss.backward()
    if chosen.grad_clip is not None:
        clip_grad_norm_(run.model.parameters(), chosen.grad_clip)
    run.optimizer.step()
    run.optimizer.zero_grad(set_to_none=True)
    return _checked(loss.item(), step + 1, chosen)


def _add_row(run: Run, progress: Progress, began: float) -> None:
    progress.history.append(
        HistoryRow(
            step=progress.step,
            train_loss=progress.loss_sum / progress.loss_count,
            val_loss=_measure(run, run.few_windows, progress.step).loss,
            lr=run.optimizer.param_groups[0]["lr"],
            seconds=time.perf_counter() - began,
        )
    )
    progress.loss_sum, progress.loss_count = 0.0, 0


def _measure(run: Run, windows: Windows, step: int) -> Evaluation:
    measured = evaluate(run.model, windows)
    _checked(measured.perplexity, step, run.settings)
    return measured


def _checked(value: float, step: int, chosen: TrainSettings) -> float:
    if not math.isfinite(value):
        raise InputError(
            f"the training diverged: the loss is not a finite number at step {step}",
            hint=f"lower train.lr (now {chosen.lr:g}), warm up longer, or set train.grad_clip",
        )
    return value


def _finish(run: Run, progress: Progress, folder: RunFolder) -> TrainResult:
    """Measure on the whole held-out text and write the model and, last, the result."""
    began = time.perf_counter()
    measured = _measure(run, run.all_windows, progress.step)
    weights = {name: value.detach().cpu().contiguous() for name, value in run.model.state_dict().items()}
    write_file(folder / "model.safetensors", lambda path: save_file(weights, path, metadata={"format": "pt"}))
    result = TrainResult(
        optimizer=run.settings.optimizer,
        history=tuple(progress.history),
        final_val_loss=measured.loss,
        nats_per_byte=measured.nats_per_byte,
        perplexity=measured.perplexity,
        val_tokens=measured.tokens,
        bytes_per_token=run.all_windows.bytes / run.all_windows.tokens,
        optimizer_bytes=state_bytes(run.optimizer),
        optimizer_low_rank_bytes=state_bytes(run.optimizer, run.model.projected_matrices()),
        parameters=run.model.shape.parameters,
        tokens_seen=run.settings.steps * run.settings.batch * run.model.shape.context,
        seconds=progress.seconds + time.perf_counter() - began,
        text_sha256=run.corpus.sha256,
    )
    write_json(folder / "result.json", result.to_dict())
    return result


def _remove_half_written(path: Path) -> None:
    """A killed process leaves the file it was writing; no other process writes in this folder."""
    for left in path.parent.glob(f".{path.name}.*"):
        left.unlink(missing_ok=True)
