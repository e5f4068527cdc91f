"""How well a model predicts text that it has never seen, as it is or under disturbances."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lightloop.errors import InputError
from lightloop.pretrain.data import Windows, tile
from lightloop.pretrain.model import WEIGHT_DTYPES, Decoder, build, next_token_loss
from lightloop.pretrain.model_folder import FolderModel, load_folder
from lightloop.pretrain.settings import PretrainSettings
from lightloop.pretrain.shapes import ModelShape
from lightloop.pretrain.tokenizer import Tokenizer
from lightloop.runs import read_json
from lightloop.settings import parse_settings, read_table

EVAL_BATCH = 16


@dataclass(frozen=True)
class Evaluation:
    """A model's prediction of a text.

    Attributes:
        loss: Mean −ln p of the tokens, in nats per token.
        perplexity: exp(loss); infinite where that has no floating-point number.
        tokens: How many tokens were predicted.
        nats_per_byte: The same loss, summed over the tokens, per UTF-8 byte they stand for.
    """

    loss: float
    perplexity: float
    tokens: int
    nats_per_byte: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values; None for a figure that is not a finite number, which JSON does not have."""
        return {name: value if math.isfinite(value) else None for name, value in asdict(self).items()}


def evaluate(model: nn.Module, windows: Windows, batch: int = EVAL_BATCH) -> Evaluation:
    """Predict every token of `windows` once.

    The loss is the sum over tokens divided by their number, so it does not depend on how they are batched.

    Args:
        model: Any module that turns tokens (batch, time) into logits (batch, time, vocab).
        windows: Held-out text.
        batch: Windows predicted together.

    Raises:
        InputError: `batch` is less than one.
    """
    if batch < 1:
        raise InputError(f"batch = {batch} windows", allowed=["a whole number from 1 up"])
    device = next((weight.device for weight in model.parameters()), torch.device("cpu"))
    was_training = model.training
    model.eval()
    total = 0.0
    try:
        with torch.no_grad():
            for start in range(0, len(windows.inputs_wt), batch):
                part = slice(start, start + batch)
                logits_btv = model(windows.inputs_wt[part].to(device))
                total += next_token_loss(logits_btv, windows.targets_wt[part].to(device), reduction="sum").item()
    finally:
        model.train(was_training)
    loss = total / windows.tokens
    return Evaluation(loss, _exp(loss), windows.tokens, total / windows.bytes)


def evaluate_under(
    model: nn.Module,
    windows: Windows,
    disturbances: Iterable[AbstractContextManager[Any]],
    batch: int = EVAL_BATCH,
) -> list[Evaluation]:
    """`evaluate` inside each of several contexts, for instance samples of a noise."""
    found = []
    for disturbance in disturbances:
        with disturbance:
            found.append(evaluate(model, windows, batch))
    return found


def load_run(run_dir: str | Path) -> tuple[Decoder | FolderModel, Tokenizer, PretrainSettings]:
    """The trained model of a finished run, its tokenizer and its settings.

    Raises:
        InputError: The folder holds no finished run, or a file of it is broken.
        MissingProgramError: The model came from a Hugging Face folder, and `transformers` is not installed.
    """
    folder = Path(run_dir)
    settings = _settings_of(folder)
    if not (folder / "model.safetensors").exists():
        raise InputError(f"{folder} is not finished: it has no model.safetensors", hint="go on with it: --resume")
    if settings.model.folder is None:
        model: Decoder | FolderModel = _decoder(folder)
    else:
        model = load_folder(folder, WEIGHT_DTYPES[settings.train.precision])
    return model, Tokenizer.load(folder / "tokenizer.json"), settings


def _decoder(folder: Path) -> Decoder:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    config, weights = folder / "config.json", folder / "model.safetensors"
    model = build(ModelShape.from_config(read_json(config), str(config)), device="meta")
    try:
        model.load_state_dict(load_file(weights), assign=True)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise InputError(
            f"{weights} does not hold this model: {error}",
            hint="delete it and result.json, then resume the run",
        ) from None
    return model


def held_out_windows(run_dir: str | Path, *, tokens: int | None = None) -> Windows:
    """The text that a run held out, as windows of its context.

    Args:
        run_dir: The folder of the run.
        tokens: Measure on evenly spaced windows of at least this many tokens; on the whole text if None.

    Raises:
        InputError: The folder holds no run.
    """
    folder = Path(run_dir)
    settings = _settings_of(folder)
    try:
        text = (folder / "held_out.txt").read_bytes().decode()  # bytes: line ends stay as they are
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the held-out text: {error}", hint="resume the run to write it again") from None
    return tile(text, Tokenizer.load(folder / "tokenizer.json"), settings.model.context, at_least=tokens)


def _settings_of(folder: Path) -> PretrainSettings:
    record = folder / "run.toml"
    if not record.exists():
        raise InputError(f"{folder} holds no run", hint="give the --out folder of 'lightloop pretrain run'")
    return parse_settings(PretrainSettings, read_table(record).get("settings", {}), str(record))


def _exp(loss: float) -> float:
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf
