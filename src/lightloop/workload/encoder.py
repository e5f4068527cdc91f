"""Transformer encoders (ViT, BERT) as lists of matrix products."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from lightloop.workload.products import MatrixProduct, VectorWork, Workload
from lightloop.workload.request import Request, phaseless_mistakes, refuse, size_mistakes


@cache
def encoder_table() -> dict[str, dict[str, Any]]:
    """The encoder presets: name -> sizes and source."""
    return tomllib.loads((files("lightloop.workload") / "encoders.toml").read_text(encoding="utf-8"))


def encoder(name: str, request: Request) -> Workload:
    """A preset encoder.

    Args:
        name: A name of `encoder_table()`.
        request: Tokens of each sequence, with the class token (the preset's own if None), and the batch: linear
            layers see batch x tokens columns, attention batch x heads products.

    Raises:
        InputError: A size is too small, or a phase or a context is asked for.
    """
    size = encoder_table()[name]
    mistakes = [*size_mistakes(request, least_tokens=2), *phaseless_mistakes(request, "an encoder")]
    refuse(name, mistakes)
    tokens = size["tokens"] if request.tokens is None else request.tokens
    columns = request.batch * tokens
    layers = _products(size, tokens, request.batch)
    work = _vector_work(size, tokens, request.batch)
    return Workload(name, layers, work, columns, batch=request.batch, parameters=_parameters(size))


def _products(size: dict[str, Any], t: int, batch: int) -> tuple[MatrixProduct, ...]:
    d, depth, heads = size["width"], size["depth"], batch * size["heads"]
    d_head, columns = d // size["heads"], batch * t
    scores = MatrixProduct("attn.scores", t, d_head, t, heads, depth, dynamic=True, kind="attention")
    layers = [
        MatrixProduct("qkv", 3 * d, d, columns, repeat=depth),
        scores,
        replace(scores, name="attn.values", k=t, n=d_head, nonnegative="left"),
        MatrixProduct("proj", d, d, columns, repeat=depth),
        MatrixProduct("ffn1", 4 * d, d, columns, repeat=depth),
        MatrixProduct("ffn2", d, 4 * d, columns, repeat=depth),
        MatrixProduct("head", size["classes"], d, batch),
    ]
    if "patch_features" in size:
        layers.insert(0, MatrixProduct("embed", d, size["patch_features"], batch * (t - 1), kind="convolution"))
    return tuple(layers)


def _vector_work(size: dict[str, Any], t: int, batch: int) -> VectorWork:
    """One normalisation of d + 1 numbers per token and layer is the reference's count; a pre-norm block runs two."""
    d, columns = size["width"], batch * t
    return VectorWork(
        softmax=batch * size["heads"] * t * t,
        norm=columns * (d + 1),
        activation=4 * columns * d,
        add=2 * columns * d,
        repeat=size["depth"],
    )


def _parameters(size: dict[str, Any]) -> int:
    """Weights with biases, normalisations, and the tables of words and positions."""
    d, classes = size["width"], size["classes"]
    layer = 12 * d * d + 13 * d  # 4 d^2 of attention, 8 d^2 of the rest; 9 d biases, 4 d of two normalisations
    head = classes * (d + 1)
    if "patch_features" in size:
        embedding = (size["patch_features"] + 1) * d + d + size["tokens"] * d  # patches, class token, positions
        return embedding + size["depth"] * layer + 2 * d + head
    embedding = (size["vocab"] + size["positions"] + size["token_types"]) * d + 2 * d
    return embedding + size["depth"] * layer + d * (d + 1) + head  # with the pooler
