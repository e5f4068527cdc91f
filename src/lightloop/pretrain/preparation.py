"""A run before its first step: text, tokenizer, windows, model and optimizer, from the settings alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim import Optimizer

from lightloop.errors import InputError
from lightloop.pretrain.corpus import Corpus, load_corpus, read_files
from lightloop.pretrain.data import Windows, tile
from lightloop.pretrain.model import Decoder, build
from lightloop.pretrain.optimizers import build_optimizer
from lightloop.pretrain.settings import PretrainSettings, TextSettings, TrainSettings
from lightloop.pretrain.tokenizer import Tokenizer, byte_tokenizer, train_bpe
from lightloop.runs import RunFolder, read_json, write_json, write_text


@dataclass(frozen=True)
class Run:
    """A run in memory. Steps change the insides of `model` and `optimizer`, and nothing else.

    Attributes:
        settings: How to train.
        corpus: The whole text.
        tokens: The training split, shape (tokens,).
        few_windows: Part of the held-out text, for the rows of the history.
        all_windows: The whole held-out text.
        model: The decoder, on `device`.
        optimizer: Over its parameters.
        peak_lrs: Highest learning rate of each of the optimizer's groups.
        device: Where the model is.
    """

    settings: TrainSettings
    corpus: Corpus
    tokens: NDArray[np.int32]
    few_windows: Windows
    all_windows: Windows
    model: Decoder
    optimizer: Optimizer
    peak_lrs: tuple[float, ...]
    device: torch.device


def prepare(settings: PretrainSettings, folder: RunFolder) -> Run:
    """The run as it is before its first step; also writes what describes it into the folder.

    Raises:
        InputError: The settings do not fit the text, or the text is not the one that this folder was begun with.
        MissingProgramError: The package of the corpus is not installed.
    """
    corpus = read_text(settings.text)
    _record_text(corpus, folder / "text.json")
    training_text, held_out_text = corpus.split(settings.text.held_out)
    tokenizer = _tokenizer(settings.text, training_text, folder / "tokenizer.json")
    context, chosen = settings.model.context, settings.train
    device = _device(chosen.device)
    model = build(settings.model.shape(tokenizer.vocab), seed=chosen.seed, device=device)
    optimizer = build_optimizer(model, chosen)
    write_text(folder / "held_out.txt", held_out_text)
    write_json(folder / "config.json", model.shape.config())
    return Run(
        settings=chosen,
        corpus=corpus,
        tokens=tokenizer.encode(training_text),
        few_windows=tile(held_out_text, tokenizer, context, at_least=chosen.eval_tokens),
        all_windows=tile(held_out_text, tokenizer, context),
        model=model,
        optimizer=optimizer,
        peak_lrs=tuple(group["lr"] for group in optimizer.param_groups),
        device=device,
    )


def read_text(text: TextSettings) -> Corpus:
    """The corpus or the files that the settings name. Raises as `load_corpus` and `read_files` do."""
    return read_files(text.files) if text.corpus is None else load_corpus(text.corpus)


def _record_text(corpus: Corpus, path: Path) -> None:
    """Write down which text the run reads, or hold it against what was written when the run began."""
    record = {"name": corpus.name, "bytes": corpus.bytes, "sha256": corpus.sha256}
    if path.exists() and read_json(path) != record:
        raise InputError(
            f"the text of {corpus.name} has changed since {path} was written",
            hint="bring the old text back, or begin a new run in another --out",
        )
    write_json(path, record)


def _tokenizer(text: TextSettings, training_text: str, path: Path) -> Tokenizer:
    """The tokenizer of the run: read back where it is already written, so that it never changes within a run."""
    if not path.exists():
        fresh = byte_tokenizer() if text.tokenizer == "bytes" else train_bpe(training_text, text.bpe_vocab)
        fresh.save(path)
    return Tokenizer.load(path)


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("train.device = 'cuda', and torch finds no CUDA device", allowed=["auto", "cpu"])
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
