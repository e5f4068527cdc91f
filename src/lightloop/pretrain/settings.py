"""The run file of a training: `[model]`, `[text]`, `[train]`, and `[noise]` for a model that shall live with noise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, model_validator

from lightloop.errors import InputError, unknown_name
from lightloop.pretrain.corpus import corpora
from lightloop.pretrain.documents import TABLES
from lightloop.pretrain.noise_settings import NoiseSettings
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
    """Which decoder: a named size, all four widths, or a trained model to go on from.

    Attributes:
        size: A name of `sizes.toml`.
        folder: A Hugging Face model folder, with its tokenizer; its weights are trained further.
        hidden: Width of the residual stream.
        intermediate: Width of the gated layers.
        heads: Attention heads.
        layers: Blocks.
        context: Length of the training sequences, in tokens.
    """

    size: str | None = None
    folder: str | None = None
    hidden: PositiveInt | None = None
    intermediate: PositiveInt | None = None
    heads: PositiveInt | None = None
    layers: PositiveInt | None = None
    context: PositiveInt = 128

    @model_validator(mode="after")
    def _one_shape(self) -> ModelSettings:
        widths = self._widths()
        given = [name for name, value in widths.items() if value is not None]
        if self.folder is not None:
            if self.size is not None or given:
                raise ValueError("the model in folder has its own sizes; leave out size and the widths")
            return self
        if self.size is not None:
            if given:
                raise ValueError(f"size = {self.size!r} already says {', '.join(given)}; give size or the widths")
            if self.size not in sizes():
                raise unknown_name("model size", self.size, sizes())
        elif len(given) < len(widths):
            missing = [name for name in widths if name not in given]
            raise ValueError(f"give size, or also {', '.join(missing)}; or the folder of a trained model")
        self.shape(vocab=1)  # checks that the heads divide the width
        return self

    def shape(self, vocab: int) -> ModelShape:
        """The sizes of the model for a vocabulary.

        Raises:
            InputError: The model is one of a folder, which has a `config.json` instead.
        """
        if self.folder is not None:
            raise InputError(f"the sizes of {self.folder} are in its config.json, not in the run file")
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
        files: The user's own text instead: files, folders or globs, relative to the working directory. Tables
            (`*.jsonl`, `*.parquet`) hold a document in each row, other files are one document each.
        dataset: A data set of Hugging Face instead: its name, or a local path.
        dataset_config: Its configuration, if it has several.
        split: Its split.
        column: The column of a table or data set that holds the text.
        documents: Read only so many documents of tables or a data set; all if not given.
        tokenizer: "bpe", trained on the training split, or "bytes". A model of a folder has its own.
        vocab: Tokens of the BPE; 2048 if not given.
        held_out: Fraction that training never sees: the end of a text, or documents evenly spread over all.
    """

    corpus: str | None = None
    files: tuple[str, ...] = ()
    dataset: str | None = None
    dataset_config: str | None = None
    split: str = "train"
    column: str = "text"
    documents: PositiveInt | None = None
    tokenizer: Literal["bpe", "bytes"] = "bpe"
    vocab: int | None = Field(default=None, ge=256, le=1_000_000)
    held_out: float = Field(default=0.05, gt=0, le=0.5)

    @model_validator(mode="after")
    def _one_text(self) -> TextSettings:
        if (self.corpus is not None) + bool(self.files) + (self.dataset is not None) != 1:
            raise ValueError(f"give either corpus (one of {', '.join(corpora())}), files or dataset")
        if self.corpus is not None and self.corpus not in corpora():
            raise unknown_name("corpus", self.corpus, corpora())
        if self.tokenizer == "bytes" and self.vocab not in (None, 256):
            raise ValueError("a byte tokenizer has vocab = 256; leave vocab out, or choose tokenizer = 'bpe'")
        if self.dataset_config is not None and self.dataset is None:
            raise ValueError("dataset_config is of a dataset, and none is given")
        if self.documents is not None and not self.by_documents:
            raise ValueError("documents counts those of tables (.jsonl, .parquet) or of a dataset")
        return self

    @property
    def by_documents(self) -> bool:
        """Whether the text comes as a stream of documents, and not as a whole."""
        return self.dataset is not None or any(place.endswith(tuple(TABLES)) for place in self.files)

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
        projection: Of APOLLO; "gaussian" if not given.
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
        precision: "fp32"; "bf16" for weights, gradients and activations in bfloat16; "bf16-mixed" for float32
            weights and products in bfloat16. Norms and the loss are computed in float32 in each.
        weight_rounding: How our optimizers write bfloat16 weights; "stochastic" follows small updates too.
        gradient_checkpointing: Keep the inputs of blocks only, and compute blocks again in backward.
        compile: Compile the blocks with `torch.compile`.
        accumulate: Parts that a batch is computed in, one after the other; the step is that of the whole batch.
        layerwise: Step and free each gradient inside backward. With grad_clip each batch is computed twice.
    """

    optimizer: OptimizerName = "adamw"
    lr: PositiveFloat = 3e-3
    rank: PositiveInt | None = None
    scale: PositiveFloat | Literal["auto"] | None = None
    projection: Literal["gaussian", "rademacher", "sparse", "svd"] | None = None
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
    precision: Literal["fp32", "bf16", "bf16-mixed"] = "fp32"
    weight_rounding: Literal["nearest", "stochastic"] = "nearest"
    gradient_checkpointing: bool = False
    compile: bool = False
    accumulate: PositiveInt = 1
    layerwise: bool = False

    @model_validator(mode="after")
    def _fit_together(self) -> TrainSettings:
        if self.batch % self.accumulate:
            raise ValueError(f"a batch of {self.batch} does not divide into accumulate = {self.accumulate} equal parts")
        if self.weight_rounding == "stochastic" and self.precision != "bf16":
            raise ValueError("weight_rounding = 'stochastic' is for weights in bfloat16: precision = 'bf16'")
        return self


class PretrainSettings(Settings):
    """Everything a training depends on.

    Attributes:
        model: The decoder.
        text: What it reads.
        train: How it learns.
        noise: The photonic noise it learns and is measured under; none if not given.
    """

    model: ModelSettings
    text: TextSettings
    train: TrainSettings = TrainSettings()
    noise: NoiseSettings | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> PretrainSettings:
        if self.model.folder is not None and (self.text.vocab is not None or self.text.tokenizer == "bytes"):
            raise ValueError("the model in model.folder has its own tokenizer; leave out text.tokenizer and text.vocab")
        if self.noise is not None and self.noise.train:
            for name in ("gradient_checkpointing", "compile"):
                if getattr(self.train, name):
                    raise ValueError(f"training under noise cannot go with train.{name}: its draws would change")
        return self

    def with_seed(self, seed: int | None) -> PretrainSettings:
        """The same settings with another seed; unchanged if None."""
        if seed is None:
            return self
        table = self.model_dump()
        return PretrainSettings.model_validate({**table, "train": {**table["train"], "seed": seed}})
