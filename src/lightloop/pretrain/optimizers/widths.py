"""What builders read of a model beside its parameters: of our decoder, or of a model of `transformers`."""

from __future__ import annotations

from typing import Any

from lightloop.pretrain.shapes import ModelShape


def hidden_width(model: Any) -> int:
    """Width of the residual stream."""
    shape = getattr(model, "shape", None)
    return shape.hidden if isinstance(shape, ModelShape) else model.get_input_embeddings().weight.shape[1]


def attention_heads(model: Any) -> tuple[int, int]:
    """Heads of the queries and of the keys, which several queries may share."""
    shape = getattr(model, "shape", None)
    if isinstance(shape, ModelShape):
        return shape.heads, shape.heads
    queries = model.config.num_attention_heads
    return queries, getattr(model.config, "num_key_value_heads", None) or queries
