"""Decoder language models: presets, and the two phases in which any of them runs.

**Prefill** reads the prompt: `tokens` of each sequence at once, every one against every other, as a machine for dense
products computes it (a causal mask halves what is kept, not what is computed). The head runs on all positions, as a
forward pass does. Keys and values are written to the cache and none is read from it.

**Decode** writes one new token of each sequence (or `tokens` of them, checked together as in speculative decoding)
against a cache that holds `context` tokens of each sequence afterwards, the new ones included. The cache holds

    2 layers x kv_heads x head_dim x context x batch

numbers. A layer with a sliding window holds as many positions as the new tokens see, that is window + tokens - 1 where
that is fewer than the context: the first new token reads window - 1 older ones, however many tokens are new. Prefill
leaves one window there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from lightloop.workload.families import families, transformer
from lightloop.workload.layers import Run, products, vector_work
from lightloop.workload.products import Workload
from lightloop.workload.request import PHASES, Request, phaseless_mistakes, refuse, size_mistakes
from lightloop.workload.transformer import LayerKind, Transformer, parameter_count


@cache
def decoder_table() -> dict[str, dict[str, Any]]:
    """The decoder presets: name -> family, sizes and source."""
    return tomllib.loads((files("lightloop.workload") / "decoders.toml").read_text(encoding="utf-8"))


def preset(name: str) -> Transformer:
    """The sizes of a preset decoder."""
    sizes = {key: value for key, value in decoder_table()[name].items() if key not in {"family", "source"}}
    return transformer(families()[decoder_table()[name]["family"]].traits | sizes)


def decoder(name: str, request: Request) -> Workload:
    """A preset decoder. See the head of this file, and `run_transformer`."""
    return run_transformer(name, preset(name), request)


def run_transformer(name: str, model: Transformer, request: Request) -> Workload:
    """A transformer at one input size.

    Args:
        name: Its name.
        model: Its sizes.
        request: What is asked of it. Tokens are those of the prompt in prefill (`model.context` if None) and new ones
            in decode (1 if None); an encoder has no phase and a vision transformer one number of tokens. The phase of
            a decoder is prefill if None.

    Raises:
        InputError: With all that cannot be as asked.
    """
    refuse(name, _mistakes(model, request))
    if request.phase == "decode":
        return _decode(name, model, request)
    tokens = model.context if request.tokens is None else request.tokens
    return _workload(name, model, Run(request.batch, tokens, tokens), "prefill" if model.causal else None)


def _decode(name: str, model: Transformer, request: Request) -> Workload:
    context = model.context if request.context is None else request.context
    return _workload(name, model, Run(request.batch, request.tokens or 1, context, cached=True), "decode")


def _workload(name: str, model: Transformer, run: Run, phase: str | None) -> Workload:
    return Workload(
        name,
        products(model, run),
        vector_work(model, run),
        run.columns,
        phase=phase,
        batch=run.batch,
        context=run.context if phase else None,
        cache_elements=_cached(model, run, run.held) if phase else 0,
        cache_written=_cached(model, run, run.written),
        parameters=parameter_count(model),
    )


def _cached(model: Transformer, run: Run, positions: Callable[[Transformer, LayerKind], int]) -> int:
    """Keys and values of all layers, each with its number of positions of each sequence."""
    of_all_layers = sum(positions(model, kind) * count for kind, count in model.layer_kinds().items())
    return 2 * model.kv_width * of_all_layers * run.batch


def _mistakes(model: Transformer, request: Request) -> list[str]:
    found = size_mistakes(request, least_tokens=1 + model.special_tokens)
    if not model.causal:
        found += phaseless_mistakes(request, "an encoder")
    elif request.phase not in {None, *PHASES}:
        found.append(f"phase {request.phase!r} is unknown; allowed: {', '.join(PHASES)}")
    elif request.context is not None and request.phase != "decode":
        found.append("context is for phase='decode'; in prefill the cache holds the prompt, whose length is tokens")
    return found or _length_mistakes(model, request)


def _length_mistakes(model: Transformer, request: Request) -> list[str]:
    """Sequences that are longer than a table of positions, or a context that has no room for the new tokens."""
    decoding = request.phase == "decode"
    found = []
    if decoding and (request.tokens or 1) > (request.context or model.context):
        given = request.context or f"{model.context}, the model's own"
        found.append(f"context counts the new tokens too: {request.tokens} tokens do not fit in context {given}")
    length = request.context if decoding else request.tokens
    if length is not None and model.positions and length > model.context:
        found.append(f"the model has {model.context} learned positions, and {length} tokens are asked for")
    if length is not None and model.patch_features and length != model.context:
        found.append(f"an image makes {model.context} tokens, and {length} are asked for")
    return found
