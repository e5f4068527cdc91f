"""Transformer encoders (ViT, BERT) as lists of matrix products."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from lightloop.errors import InputError
from lightloop.workload.products import MatrixProduct, VectorWork, Workload


@cache
def encoder_table() -> dict[str, dict[str, Any]]:
    """The encoder presets: name -> sizes and source."""
    return tomllib.loads((files("lightloop.workload") / "encoders.toml").read_text(encoding="utf-8"))


def encoder(name: str, *, tokens: int | None = None, batch: int = 1) -> Workload:
    """A preset encoder.

    Args:
        name: A name of `encoder_table()`.
        tokens: Sequence length, with the class token; the preset's own if None.
        batch: Sequences run together: linear layers see batch x tokens columns, attention batch x heads products.

    Raises:
        InputError: `tokens` or `batch` is too small.
    """
    size = encoder_table()[name]
    tokens = size["tokens"] if tokens is None else tokens
    for label, value, least in (("tokens", tokens, 2), ("batch", batch, 1)):
        if value < least:
            raise InputError(f"{label} must be at least {least} for {name}, got {value}")
    d, depth, heads = size["width"], size["depth"], size["heads"]
    t, d_head, columns = tokens, d // heads, batch * tokens
    layers = [
        MatrixProduct("qkv", 3 * d, d, columns, repeat=depth),
        MatrixProduct("attn.scores", t, d_head, t, heads=batch * heads, repeat=depth, dynamic=True),
        MatrixProduct("attn.values", t, t, d_head, heads=batch * heads, repeat=depth, dynamic=True, nonnegative="left"),
        MatrixProduct("proj", d, d, columns, repeat=depth),
        MatrixProduct("ffn1", 4 * d, d, columns, repeat=depth),
        MatrixProduct("ffn2", d, 4 * d, columns, repeat=depth),
        MatrixProduct("head", size["classes"], d, batch),
    ]
    if "patch_features" in size:
        layers.insert(0, MatrixProduct("embed", d, size["patch_features"], batch * (tokens - 1)))
    # One normalisation of d + 1 numbers per token and layer is the reference's count; a pre-norm block runs two.
    work = VectorWork(
        softmax=batch * heads * t * t,
        norm=columns * (d + 1),
        activation=4 * columns * d,
        add=2 * columns * d,
        repeat=depth,
    )
    return Workload(name, tuple(layers), work, columns)
