"""The run file of a training: `[model]`, `[text]`, `[train]`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, model_validator

from lightloop.errors import unknown_name
from lightloop.pretrain.corpus import corpora
from lightloop.pretrain.optimizers import OPTIMIZERS
from lightloop.pretrain.shapes import ModelShape, shape_of, sizes
from lightloop.settings import Settings

DEFAULT_BPE_VOCAB = 2048


def _known_optimizer(name: str) -> str:
    if name not in OPTIMIZERS:
        raise unknown_name("optimizer", name, OPTIMIZERS)
    return name


OptimizerName = Annotated[str, AfterValidator(_known_optimizer)]


class ModelSettings(Settings):
    """Which decoder: a named size, or all four widths.

    Attributes:
        size: A name of `sizes.toml`.
        hidden: Width of the residual stream.
        intermediate: Width of the gated layers.
        heads: Attention heads.
        layers: Blocks.
        context: Length of the training sequences, in tokens.
    """

    size: str | None = None
    hidden: PositiveInt | None = None
    intermediate: PositiveInt | None = None
    heads: PositiveInt | None = None
    layers: PositiveInt | None = None
    context: PositiveInt = 128

    @model_validator(mode="after")
    def _one_shape(self) -> ModelSettings:
        widths = self._widths()
        given = [name for name, value in widths.items() if value is not None]
        if self.size is not None:
            if given:
                raise ValueError(f"size = {self.size!r} already says {', '.join(given)}; give size or the widths")
            if self.size not in sizes():
                raise unknown_name("model size", self.size, sizes())
        elif len(given) < len(widths):
            missing = [name for name in widths if name not in given]
            raise ValueError(f"give size, or also {', '.join(missing)}")
        self.shape(vocab=1)  # checks that the heads divide the width
        return self

    def shape(self, vocab: int) -> ModelShape:
        """The sizes of the model for a vocabulary."""
        if self.size is not None:
            return shape_of(self.size, vocab=vocab, context=self.context)
        widths = {name: value for name, value in self._widths().items() if value is not None}
        return ModelShape(vocab=vocab, context=self.context, **widths)

    def _widths(self) -> dict[str, int | None]:
        return {name: getattr(self, name) for name in ("hidden", "intermediate", "heads", "layers")}


class TextSettings(Settings):
    """Which text, and how it becomes tokens.

    Attributes:
        corpus: A name of `corpora.toml`.
        files: The user's own text instead: files, folders or globs, relative to the working directory.
        tokenizer: "bpe", trained on the training split, or "bytes".
        vocab: Tokens of the BPE; 2048 if not given.
        held_out: Fraction at the end of the text that training never sees.
    """

    corpus: str | None = None
    files: tuple[str, ...] = ()
    tokenizer: Literal["bpe", "bytes"] = "bpe"
    vocab: int | None = Field(default=None, ge=256, le=1_000_000)
    held_out: float = Field(default=0.05, gt=0, le=0.5)

    @model_validator(mode="after")
    def _one_text(self) -> TextSettings:
        if (self.corpus is None) == (not self.files):
            raise ValueError(f"give either corpus (one of {', '.join(corpora())}) or files")
        if self.corpus is not None and self.corpus not in corpora():
            raise unknown_name("corpus", self.corpus, corpora())
        if self.tokenizer == "bytes" and self.vocab not in (None, 256):
            raise ValueError("a byte tokenizer has vocab = 256; leave vocab out, or choose tokenizer = 'bpe'")
        return self

    @property
    def bpe_vocab(self) -> int:
        """Tokens to train the BPE to."""
        return self.vocab or DEFAULT_BPE_VOCAB


class TrainSettings(Settings):
    """How to train.

    Attributes:
        optimizer: A name of `OPTIMIZERS`.
        lr: Highest learning rate.
        rank: Rank of low-rank optimizers; a quarter of the hidden width if not given. APOLLO-Mini has rank 1.
        scale: Factor of the low-rank update, or "auto"; the optimizer's own if not given.
        update_gap: Steps between new projections of low-rank optimizers.
        steps: Length of the run.
        batch: Sequences in a step.
        warmup_fraction: Part of the run in which the learning rate rises.
        min_lr_fraction: Last learning rate, as a fraction of the highest.
        weight_decay: Decoupled weight decay.
        grad_clip: Largest norm of the gradient of all parameters together; not limited if not given.
        seed: Seed of weights, batches and projections.
        eval_every: Steps between rows of the history.
        eval_tokens: Held-out tokens that a row is measured on. The final loss is of the whole held-out text.
        checkpoint_every: Steps between checkpoints.
        device: "auto" takes a CUDA device where there is one.
    """

    optimizer: OptimizerName = "adamw"
    lr: PositiveFloat = 3e-3
    rank: PositiveInt | None = None
    scale: PositiveFloat | Literal["auto"] | None = None
    update_gap: PositiveInt = 200
    steps: PositiveInt = 500
    batch: PositiveInt = 8
    warmup_fraction: float = Field(default=0.1, ge=0, lt=1)
    min_lr_fraction: float = Field(default=0.1, ge=0, le=1)
    weight_decay: float = Field(default=0.0, ge=0)
    grad_clip: PositiveFloat | None = None
    seed: int = Field(default=0, ge=0, lt=2**63)
    eval_every: PositiveInt = 50
    eval_tokens: PositiveInt = 16_384
    checkpoint_every: PositiveInt = 100
    device: Literal["auto", "cpu", "cuda"] = "auto"


class PretrainSettings(Settings):
    """Everything a training depends on.

    Attributes:
        model: The decoder.
        text: What it reads.
        train: How it learns.
    """

    model: ModelSettings
    text: TextSettings
    train: TrainSettings = TrainSettings()

    def with_seed(self, seed: int | None) -> PretrainSettings:
        """The same settings with another seed; unchanged if None."""
        if seed is None:
            return self
        table = self.model_dump()
        return PretrainSettings.model_validate({**table, "train": {**table["train"], "seed": seed}})
