"""The matrix products and the element-wise work of a transformer, in closed form.

Weights are left operands: m out_features, k in_features, n the tokens of all sequences (`columns`).

Attention is dense: q queries against c keys are q x c scores for each head, also where a causal mask or a sliding
window will throw many of them away, because a machine for dense products computes them all. Query heads that share a
key head are one product, so that each key is read once:

    no cache (the keys have just been computed)     scores (g q, d_head) @ (d_head, c), values (g q, c) @ (c, d_head)
    with cache (it stands where a weight stands)    scores (c, d_head) @ (d_head, g q), values (d_head, c) @ (c, g q)

with g = heads / kv_heads and batch x kv_heads products side by side.

Element-wise work counts each element once for each thing that is done to it: softmax of the scores and of the router;
normalisations; activations, soft limits among them; and as additions the sums with positions and token types, residual
sums, rotary turns of queries and keys, products of gates, and weighted sums over experts. Biases and scales ride along
with their products.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import reduce

from lightloop.workload.products import MatrixProduct, VectorWork
from lightloop.workload.transformer import LayerKind, Transformer


@dataclass(frozen=True)
class Run:
    """One run of a transformer.

    Args:
        batch: Sequences.
        queries: Tokens of each sequence that are computed.
        context: Tokens of each sequence that they see, themselves included.
        cached: Keys and values come from a cache.
    """

    batch: int
    queries: int
    context: int
    cached: bool = False

    @property
    def columns(self) -> int:
        """Tokens of all sequences."""
        return self.batch * self.queries

    def keys(self, model: Transformer, kind: LayerKind) -> int:
        """Positions that the queries of one layer meet: with a cache, the windows of all its queries together."""
        if self.cached and kind.sliding:
            return min(self.context, model.window + self.queries - 1)
        return self.context

    def held(self, model: Transformer, kind: LayerKind) -> int:
        """Positions in the cache of one layer when the run ends: what was met from it, or what prefill leaves there."""
        return self.keys(model, kind) if self.cached else model.cached_positions(self.context, kind)

    def written(self, model: Transformer, kind: LayerKind) -> int:
        """Positions that the run adds to the cache of one layer. In decode all new ones, for they are read from it."""
        if not model.causal:
            return 0
        return self.queries if self.cached else model.cached_positions(self.queries, kind)


def products(model: Transformer, run: Run) -> tuple[MatrixProduct, ...]:
    """All products of one run, in order; what several layers do alike is one entry."""
    layers = [
        replace(product, repeat=count)
        for kind, count in model.layer_kinds().items()
        for product in (*_attention(model, kind, run), *_feed_forward(model, kind, run))
    ]
    return tuple(_merged([*_embedding(model, run), *layers, *_head(model, run)]))


def _merged(entries: Iterable[MatrixProduct]) -> Iterator[MatrixProduct]:
    """Entries that differ in `repeat` alone become one."""
    repeats: dict[MatrixProduct, int] = {}
    for entry in entries:
        once = replace(entry, repeat=1)
        repeats[once] = repeats.get(once, 0) + entry.repeat
    return (replace(entry, repeat=repeat) for entry, repeat in repeats.items())


def _embedding(model: Transformer, run: Run) -> Iterator[MatrixProduct]:
    if model.patch_features:
        patches = run.batch * (run.queries - model.special_tokens)
        yield MatrixProduct("embed", model.width, model.patch_features, patches, kind="convolution")
    if model.embedding_width:
        yield MatrixProduct("embed", model.width, model.embedding_width, run.columns)


def _attention(model: Transformer, kind: LayerKind, run: Run) -> Iterator[MatrixProduct]:
    d, columns = model.width, run.columns
    written = run.written(model, kind)
    kept = run.batch * model.kv_width * written
    end = ".sliding" if 0 < written < run.queries else ""  # of a long prompt the cache keeps one window
    if model.fused:
        yield MatrixProduct(f"qkv{end}", model.q_width + 2 * model.kv_width, d, columns, to_cache=2 * kept)
    else:
        yield MatrixProduct("q", model.q_width, d, columns)
        yield MatrixProduct(f"k{end}", model.kv_width, d, columns, to_cache=kept)
        yield MatrixProduct(f"v{end}", model.kv_width, d, columns, to_cache=kept)
    yield from _dynamic(model, run, run.keys(model, kind))
    yield MatrixProduct("proj", d, model.q_width, columns)


def _dynamic(model: Transformer, run: Run, keys: int) -> Iterator[MatrixProduct]:
    rows, width = model.heads // model.kv_heads * run.queries, model.head_dim
    if run.cached:
        end = "" if keys == run.context else ".sliding"
        shared = MatrixProduct(
            f"attn.scores{end}",
            keys,
            width,
            rows,
            heads=run.batch * model.kv_heads,
            dynamic=True,
            kind="attention",
            cached="left",
        )
        yield shared
        yield replace(shared, name=f"attn.values{end}", m=width, k=keys, nonnegative="right")
        return
    shared = MatrixProduct(
        "attn.scores", rows, width, keys, heads=run.batch * model.kv_heads, dynamic=True, kind="attention"
    )
    yield shared
    yield replace(shared, name="attn.values", k=keys, n=width, nonnegative="left")


def _feed_forward(model: Transformer, kind: LayerKind, run: Run) -> Iterator[MatrixProduct]:
    d, columns = model.width, run.columns
    if not kind.sparse:
        yield from _mlp(model, "", MatrixProduct("", model.inner, d, columns))
        return
    yield MatrixProduct("router", model.experts, d, columns)
    for end, experts, slots in expert_groups(model.experts, columns * model.top_k):
        one = MatrixProduct("", model.expert_inner, d, slots, heads=experts, kind="experts")
        yield from _mlp(model, "experts.", one, end)
    if model.shared_inner:
        yield from _mlp(model, "shared.", MatrixProduct("", model.shared_inner, d, columns, kind="experts"))
    if model.shared_gate:
        yield MatrixProduct("shared.weight", 1, d, columns)


def _mlp(model: Transformer, start: str, rising: MatrixProduct, end: str = "") -> Iterator[MatrixProduct]:
    """A feed-forward layer, given its first product."""
    up, down = ("up", "down") if model.gated or start else ("ffn1", "ffn2")
    if model.gated:
        yield replace(rising, name=f"{start}gate{end}")
    yield replace(rising, name=f"{start}{up}{end}")
    sign = "right" if model.relu and not model.gated else None
    yield replace(rising, name=f"{start}{down}{end}", m=rising.k, k=rising.m, nonnegative=sign)


def expert_groups(experts: int, slots: int) -> list[tuple[str, int, int]]:
    """(end of the name, experts, tokens of each): `slots` tokens spread as evenly as whole numbers can.

    A router that balances its load is what such networks are trained towards, and of all ways to spread tokens it
    touches the most experts: the weights that this asks for are an upper figure. Tokens that choose at random would
    leave experts out: 4 tokens with 2 of 8 experts each touch 8 here, and 8 (1 - (6/8)^4) = 5.5 on average. No expert
    without a token is touched.
    """
    active = min(experts, slots)
    few, left = divmod(slots, active)
    groups = [("", left, few + 1), (".rest" if left else "", active - left, few)]
    return [group for group in groups if group[1]]


def _head(model: Transformer, run: Run) -> Iterator[MatrixProduct]:
    head, at = model.head, {"first": run.batch, "all": run.columns, "none": 0}
    if at[head.transform]:
        yield MatrixProduct("head.transform", model.width, model.width, at[head.transform])
    if model.embedding_width:
        yield MatrixProduct("head.project", model.embedding_width, model.width, run.columns)
    if head.output:
        features = model.embedding_width or model.width
        yield MatrixProduct("head", head.output, features, at[head.at], repeat=head.copies)


def vector_work(model: Transformer, run: Run) -> VectorWork:
    """Element-wise work of one run, of all layers together (`repeat` is 1: layers may differ)."""
    parts = [_scaled(_layer_work(model, kind, run), count) for kind, count in model.layer_kinds().items()]
    return reduce(_sum, parts, _outer_work(model, run))


def _layer_work(model: Transformer, kind: LayerKind, run: Run) -> VectorWork:
    columns, d, turned = run.columns, model.width, model.q_width + model.kv_width
    norm = columns * (model.norms * d + (model.qk_norm != "none") * turned)
    scores = columns * model.heads * run.keys(model, kind)
    softmax, activation = scores, scores * model.score_cap
    inner, mixed = columns * model.inner, 0
    if kind.sparse:
        inner = columns * (model.top_k * model.expert_inner + model.shared_inner)
        mixed = columns * d * (model.top_k + (model.shared_inner > 0))
        softmax += columns * model.experts
        activation += columns * model.shared_gate
    add = 2 * columns * d + round(model.rotary * columns * turned) + inner * model.gated + mixed
    return VectorWork(softmax=softmax, norm=norm, activation=activation + inner, add=add)


def _outer_work(model: Transformer, run: Run) -> VectorWork:
    """What stands before the first layer and after the last."""
    head, d, columns = model.head, model.width, run.columns
    transformed = {"none": 0, "first": run.batch, "all": columns}[head.transform] * d
    tables = (model.positions > 0) + (model.token_types > 0)
    norms = columns * d * (model.final_norm + model.embedding_norm)
    capped = {"first": run.batch, "all": columns}[head.at] * head.output * model.word_cap
    return VectorWork(
        norm=norms + transformed * head.transform_norm, activation=transformed + capped, add=columns * d * tables
    )


def _scaled(work: VectorWork, times: int) -> VectorWork:
    return VectorWork(work.softmax * times, work.norm * times, work.activation * times, work.add * times)


def _sum(one: VectorWork, other: VectorWork) -> VectorWork:
    return VectorWork(
        one.softmax + other.softmax, one.norm + other.norm, one.activation + other.activation, one.add + other.add
    )
