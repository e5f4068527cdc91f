"""A run before its first step: text, tokenizer, windows, model and optimizer, from the settings alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.optim import Optimizer

from lightloop.errors import InputError
from lightloop.pretrain.compiling import compile_blocks
from lightloop.pretrain.data import Windows, tile
from lightloop.pretrain.model import WEIGHT_DTYPES, Decoder, build
from lightloop.pretrain.model_folder import FolderModel, check_fit, check_folder, folder_tokenizer, load_folder
from lightloop.pretrain.noise import noisy_copy
from lightloop.pretrain.noise_settings import NoiseSettings
from lightloop.pretrain.optimizers import build_optimizer
from lightloop.pretrain.settings import PretrainSettings, TrainSettings
from lightloop.pretrain.text import ReadyText, prepare_text, read_text
from lightloop.runs import RunFolder, write_json

__all__ = ["Run", "check_sources", "prepare", "read_text"]


@dataclass(frozen=True)
class Run:
    """A run in memory. Steps change the insides of `model` and `optimizer`, and nothing else.

    Attributes:
        settings: How to train.
        context: Length of the training sequences.
        text: Tokens to train on and their tokenizer.
        few_windows: Part of the held-out text, for the rows of the history.
        all_windows: The whole held-out text.
        scorer: Turns tokens into logits, on `device`.
        model: Holds the weights, under their own names: the scorer itself, or what is in it.
        learner: Turns tokens into logits as training sees them: the scorer, or its noisy twin.
        noisy: The scorer's twin under noise, over the same weights; None without noise.
        noise: The noise; None for none.
        optimizer: Over the parameters.
        peak_lrs: Highest learning rate of each of the optimizer's groups.
        device: Where the model is.
        parameters: Weights of the model, without adapters that the optimizer puts beside them.
    """

    settings: TrainSettings
    context: int
    text: ReadyText
    few_windows: Windows
    all_windows: Windows
    scorer: Decoder | FolderModel
    model: nn.Module
    learner: nn.Module
    noisy: nn.Module | None
    noise: NoiseSettings | None
    optimizer: Optimizer
    peak_lrs: tuple[float, ...]
    device: torch.device
    parameters: int

    @property
    def has_chance(self) -> bool:
        """Whether the model may draw random numbers of torch, as dropout does; our decoder has none."""
        return isinstance(self.scorer, FolderModel)


def check_sources(settings: PretrainSettings) -> None:
    """Raise as `prepare` does if text or model cannot be read; nothing is written."""
    if settings.model.folder is not None:
        check_folder(settings.model.folder)
    read_text(settings.text)


def prepare(settings: PretrainSettings, folder: RunFolder) -> Run:
    """The run as it is before its first step; also writes what describes it into the folder.

    Raises:
        InputError: The settings do not fit the text or the model, or the text is not the one that this folder was
            begun with.
        MissingProgramError: A package that holds or reads text or model is not installed.
    """
    chosen, noise = settings.train, settings.noise
    device = _device(chosen.device)
    given = (None, "") if settings.model.folder is None else folder_tokenizer(settings.model.folder)
    text = prepare_text(settings.text, folder, *given)
    scorer, config = _scorer(settings, text, device)
    model = scorer.model if isinstance(scorer, FolderModel) else scorer
    parameters = sum(weight.numel() for weight in model.parameters())
    optimizer = build_optimizer(model, chosen)
    write_json(folder / "config.json", config)
    noisy = None if noise is None else noisy_copy(scorer, noise)
    if chosen.compile:
        compile_blocks(scorer, device)
    context, tokenizer = settings.model.context, text.tokenizer
    return Run(
        settings=chosen,
        context=context,
        text=text,
        few_windows=tile(text.held_out, tokenizer, context, at_least=chosen.eval_tokens),
        all_windows=tile(text.held_out, tokenizer, context),
        scorer=scorer,
        model=model,
        learner=noisy if noisy is not None and noise is not None and noise.train else scorer,
        noisy=noisy,
        noise=noise,
        optimizer=optimizer,
        peak_lrs=tuple(group["lr"] for group in optimizer.param_groups),
        device=device,
        parameters=parameters,
    )


def _scorer(
    settings: PretrainSettings, text: ReadyText, device: torch.device
) -> tuple[Decoder | FolderModel, dict[str, object]]:
    """The model on its device, in its precision, and its `config.json`."""
    chosen, dtype = settings.train, WEIGHT_DTYPES[settings.train.precision]
    if settings.model.folder is not None:
        trained = load_folder(settings.model.folder, dtype).to(device)
        check_fit(trained, text.tokenizer, settings.model.context, settings.model.folder)
        trained.train()
        if chosen.gradient_checkpointing:
            trained.model.gradient_checkpointing_enable({"use_reentrant": False})
        return trained, trained.config()
    fresh = build(settings.model.shape(text.tokenizer.vocab), seed=chosen.seed, device=device).to(dtype)
    fresh.model.checkpointing = chosen.gradient_checkpointing
    return fresh, fresh.shape.config() | {"torch_dtype": str(dtype).removeprefix("torch.")}


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("train.device = 'cuda', and torch finds no CUDA device", allowed=["auto", "cpu"])
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
