"""A transformer by its sizes: what a decoder, an encoder and a vision transformer have in common.

Presets (`decoders.toml`) and Hugging Face configurations (`families.toml`) both end here; `layers.py` turns the sizes
into matrix products.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Head:
    """What stands after the last layer.

    Args:
        transform: Where a width x width layer runs: "none", "first" (position of each sequence) or "all".
        transform_norm: That layer is followed by a normalisation.
        output: Rows of the last layer: words or classes; 0 for none.
        at: Positions the last layer runs on: "first" or "all".
        tied: Its weight is the embedding's, and no parameter of its own.
        bias: It has a bias.
        copies: Layers of this kind side by side.
    """

    transform: str = "none"
    transform_norm: bool = False
    output: int = 0
    at: str = "all"
    tied: bool = False
    bias: bool = False
    copies: int = 1


@dataclass(frozen=True)
class LayerKind:
    """What tells the layers of one network apart: a sliding window over the keys, experts in place of one layer."""

    sliding: bool = False
    sparse: bool = False


@dataclass(frozen=True)
class Transformer:
    """Sizes of a transformer.

    Args:
        width: Features of a token between layers.
        depth: Layers.
        heads: Query heads.
        inner: Features within the feed-forward layer.
        kv_heads: Key and value heads; each serves heads / kv_heads query heads.
        head_dim: Features of one head.
        context: Longest sequence it was made for.
        head: What stands after the last layer.
        causal: It generates text: it has the phases prefill and decode, and a key-value cache.
        vocab: Rows of the word embedding; 0 for images.
        embedding_width: Features of the word embedding, where a projection follows it; 0 where they are `width`.
        positions: Rows of a learned table of positions; 0 for none.
        token_types: Rows of a table of token types; 0 for none.
        rotary: Share of the features of queries and keys that rotary positions turn.
        patch_features: Pixels x channels of an image patch; 0 for text.
        special_tokens: Learned tokens that stand before the patches.
        fused: Queries, keys and values come from one product.
        qkv_bias: That product has a bias.
        proj_bias: The product after attention has one.
        qk_norm: Normalisation of queries and keys: "none", "head" (each head) or "together" (all heads as one).
        window: Keys that a layer with a sliding window sees; 0 where there is none.
        sliding: For each layer, whether it has that window; empty for none.
        score_cap: Scores go through a soft limit (tanh) before the softmax.
        word_cap: So do the results of the head.
        gated: The feed-forward layer multiplies two products, act(gate) * up.
        ffn_bias: Its products have a bias.
        relu: Its activation leaves no negative numbers.
        experts: Experts of a sparse layer; 0 for none.
        top_k: Experts that each token goes to.
        expert_inner: Features within an expert.
        shared_inner: Features within the expert that every token goes to; 0 for none.
        shared_gate: The shared expert is weighted by a product with one row.
        sparse: For each layer, whether it has experts; empty for none.
        norms: Normalisations of a token in each layer.
        norm_bias: They have a bias beside their scale.
        final_norm: One more after the last layer.
        embedding_norm: One more before the first layer.
    """

    width: int
    depth: int
    heads: int
    inner: int
    kv_heads: int
    head_dim: int
    context: int
    head: Head
    causal: bool = True
    vocab: int = 0
    embedding_width: int = 0
    positions: int = 0
    token_types: int = 0
    rotary: float = 0.0
    patch_features: int = 0
    special_tokens: int = 0
    fused: bool = False
    qkv_bias: bool = False
    proj_bias: bool = False
    qk_norm: str = "none"
    window: int = 0
    sliding: tuple[bool, ...] = ()
    score_cap: bool = False
    word_cap: bool = False
    gated: bool = False
    ffn_bias: bool = False
    relu: bool = False
    experts: int = 0
    top_k: int = 0
    expert_inner: int = 0
    shared_inner: int = 0
    shared_gate: bool = False
    sparse: tuple[bool, ...] = ()
    norms: int = 2
    norm_bias: bool = False
    final_norm: bool = True
    embedding_norm: bool = False

    @property
    def q_width(self) -> int:
        """Features of all queries of a token."""
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """Features of all keys of a token, and of all values."""
        return self.kv_heads * self.head_dim

    def layer_kinds(self) -> Counter[LayerKind]:
        """Kind of layer -> how many of them, in the order in which they first stand."""
        sliding = self.sliding or (False,) * self.depth
        sparse = self.sparse or (False,) * self.depth
        return Counter(LayerKind(*both) for both in zip(sliding, sparse, strict=True))

    def cached_positions(self, context: int, kind: LayerKind) -> int:
        """Positions that the next tokens of a sequence of `context` tokens can see in one layer, one window at most."""
        return min(context, self.window) if kind.sliding else context


def parameter_count(model: Transformer) -> int:
    """All weights: embeddings, layers with all their experts, and the head. A tied head is counted once."""
    layers = sum(_layer_parameters(model, kind) * count for kind, count in model.layer_kinds().items())
    once = int(model.final_norm) + int(model.embedding_norm)
    return _embedding_parameters(model) + layers + once * _norm(model, model.width) + _head_parameters(model)


def _norm(model: Transformer, width: int) -> int:
    return width * (1 + model.norm_bias)


def _embedding_parameters(model: Transformer) -> int:
    words = model.vocab * (model.embedding_width or model.width)
    projections = 2 * model.embedding_width * model.width  # into the layers and out of them
    patches = (model.patch_features + 1) * model.width if model.patch_features else 0
    tables = (model.positions + model.token_types + model.special_tokens) * model.width
    return words + projections + patches + tables


def _layer_parameters(model: Transformer, kind: LayerKind) -> int:
    d = model.width
    qkv = (model.q_width + 2 * model.kv_width) * (d + model.qkv_bias)
    proj = d * (model.q_width + model.proj_bias)
    qk_norms = {"none": 0, "head": 2 * model.head_dim, "together": model.q_width + model.kv_width}[model.qk_norm]
    return qkv + proj + qk_norms + _feed_forward_parameters(model, kind) + model.norms * _norm(model, d)


def _feed_forward_parameters(model: Transformer, kind: LayerKind) -> int:
    if not kind.sparse:
        return _mlp_parameters(model, model.inner)
    router, gate = model.experts * model.width, model.width * model.shared_gate
    shared = _mlp_parameters(model, model.shared_inner) if model.shared_inner else 0
    return router + gate + shared + model.experts * _mlp_parameters(model, model.expert_inner)


def _mlp_parameters(model: Transformer, inner: int) -> int:
    rising = 2 if model.gated else 1
    biases = (rising * inner + model.width) * model.ffn_bias
    return (rising + 1) * inner * model.width + biases


def _head_parameters(model: Transformer) -> int:
    head, d = model.head, model.width
    transform = 0 if head.transform == "none" else d * (d + 1) + _norm(model, d) * head.transform_norm
    weight = 0 if head.tied else head.output * (model.embedding_width or d)
    return transform + head.copies * (weight + head.output * head.bias)
