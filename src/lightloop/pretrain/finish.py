"""What a run is measured by, and how it ends: the model and its result are written, the result last of all."""

from __future__ import annotations

import math
import time
from contextlib import nullcontext

from safetensors.torch import save_file

from lightloop.optim.quantized.model import plain_state_dict
from lightloop.pretrain.checkpoint import state_bytes
from lightloop.pretrain.compiling import eager
from lightloop.pretrain.data import Windows, tile
from lightloop.pretrain.evaluation import Evaluation, evaluate
from lightloop.pretrain.lora import merge_adapters
from lightloop.pretrain.model_folder import FolderModel, save_folder
from lightloop.pretrain.noise import noisy_loss
from lightloop.pretrain.preparation import Run
from lightloop.pretrain.result import DivergedError, Progress, TrainResult
from lightloop.pretrain.settings import TrainSettings
from lightloop.runs import RunFolder, write_file, write_json


def measure(run: Run, windows: Windows, step: int) -> Evaluation:
    """The digital model on held-out text, in the precision of its weights.

    Raises:
        DivergedError: The loss is not a finite number.
    """
    with eager() if run.settings.compile else nullcontext():
        measured = evaluate(run.scorer, windows)
    checked(measured.perplexity, step, run.settings)
    return measured


def checked(value: float, step: int, chosen: TrainSettings) -> float:
    """`value`, if it is a finite number; else the training has diverged.

    Raises:
        DivergedError: It is none.
    """
    if not math.isfinite(value):
        raise DivergedError(
            f"the training diverged: the loss is not a finite number at step {step}",
            hint=f"lower train.lr (now {chosen.lr:g}), warm up longer, or set train.grad_clip",
        )
    return value


def finish(run: Run, progress: Progress, folder: RunFolder) -> TrainResult:
    """Measure on the whole held-out text, write the model and, last, the result."""
    began = time.perf_counter()
    measured = measure(run, run.all_windows, progress.step)
    under_noise = _loss_under_noise(run)
    _save_model(run, folder)
    result = TrainResult(
        optimizer=run.settings.optimizer,
        history=tuple(progress.history),
        final_val_loss=measured.loss,
        nats_per_byte=measured.nats_per_byte,
        perplexity=measured.perplexity,
        val_tokens=measured.tokens,
        bytes_per_token=run.all_windows.bytes / run.all_windows.tokens,
        optimizer_bytes=state_bytes(run.optimizer),
        optimizer_low_rank_bytes=state_bytes(run.optimizer, run.scorer.projected_matrices()),
        parameters=run.parameters,
        tokens_seen=run.settings.steps * run.settings.batch * run.context,
        seconds=progress.seconds + time.perf_counter() - began,
        text_sha256=run.text.sha256,
        noisy_loss=under_noise,
    )
    write_json(folder / "result.json", result.to_dict())
    return result


def _loss_under_noise(run: Run) -> float | None:
    if run.noisy is None or run.noise is None:
        return None
    windows = tile(run.text.held_out, run.text.tokenizer, run.context, at_least=run.noise.tokens)
    return noisy_loss(run.noisy, windows, run.noise)


def _save_model(run: Run, folder: RunFolder) -> None:
    """The weights as they would be published; those of a model folder as such a folder."""
    plain = merge_adapters(run.model, plain_state_dict(run.model))
    if isinstance(run.scorer, FolderModel):
        save_folder(run.scorer, plain, folder.path)
        return
    weights = {name: value.detach().cpu().contiguous() for name, value in plain.items()}
    write_file(folder / "model.safetensors", lambda path: save_file(weights, path, metadata={"format": "pt"}))
