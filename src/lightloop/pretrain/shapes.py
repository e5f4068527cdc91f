"""The sizes of a decoder, as plain numbers: no torch is needed to count parameters."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lightloop.errors import InputError, unknown_name

RMS_EPS = 1e-6
ROTARY_BASE = 10_000.0
INIT_STD = 0.02
RANK_FRACTION = 4


@dataclass(frozen=True)
class ModelShape:
    """The sizes that define a LLaMA-style decoder.

    Attributes:
        vocab: Number of different tokens V.
        hidden: Width h of the residual stream.
        intermediate: Width f of the gated layer.
        heads: Attention heads; each is hidden / heads wide.
        layers: Number of blocks L.
        context: Longest sequence it is trained on, in tokens.
    """

    vocab: int
    hidden: int
    intermediate: int
    heads: int
    layers: int
    context: int

    def __post_init__(self) -> None:
        if self.hidden % (2 * self.heads):
            raise InputError(
                f"hidden = {self.hidden} does not divide into {self.heads} heads of an even width",
                hint="rotary positions turn pairs; choose hidden as a multiple of 2 * heads",
            )

    @property
    def parameters(self) -> int:
        """2 V h + L (4 h² + 3 h f + 2 h) + h: embedding and head; attention, gated layer and norms; last norm."""
        h, f = self.hidden, self.intermediate
        return 2 * self.vocab * h + self.layers * (4 * h * h + 3 * h * f + 2 * h) + h

    def config(self) -> dict[str, Any]:
        """The same sizes as a Hugging Face `config.json` of a LLaMA model."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": self.vocab,
            "hidden_size": self.hidden,
            "intermediate_size": self.intermediate,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.heads,
            "num_hidden_layers": self.layers,
            "max_position_embeddings": self.context,
            "hidden_act": "silu",
            "rms_norm_eps": RMS_EPS,
            "rope_theta": ROTARY_BASE,
            "initializer_range": INIT_STD,
            "attention_bias": False,
            "mlp_bias": False,
            "tie_word_embeddings": False,
            "torch_dtype": "float32",
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], source: str) -> ModelShape:
        """The sizes in a `config.json` that `config` wrote.

        Raises:
            InputError: A size is missing or not a whole number.
        """
        try:
            return cls(
                vocab=int(config["vocab_size"]),
                hidden=int(config["hidden_size"]),
                intermediate=int(config["intermediate_size"]),
                heads=int(config["num_attention_heads"]),
                layers=int(config["num_hidden_layers"]),
                context=int(config["max_position_embeddings"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{source} does not describe a model: {error!r}", hint="resume the run to write it again"
            ) from None


def usual_rank(hidden: int) -> int:
    """Rank of low-rank optimizers at a hidden width: a quarter of it, as in arXiv 2403.03507 and 2412.05270."""
    return max(hidden // RANK_FRACTION, 1)


@cache
def sizes() -> dict[str, dict[str, Any]]:
    """The named sizes of `sizes.toml`: hidden, intermediate, heads, layers and where they were published."""
    return tomllib.loads(Path(__file__).with_name("sizes.toml").read_text(encoding="utf-8"))


def shape_of(size: str, *, vocab: int = 32_000, context: int = 256) -> ModelShape:
    """The shape of a named size.

    Raises:
        InputError: The size is not in `sizes()`.
    """
    if size not in sizes():
        raise unknown_name("model size", size, sizes())
    widths = {key: value for key, value in sizes()[size].items() if key != "source"}
    return ModelShape(vocab=vocab, context=context, **widths)
