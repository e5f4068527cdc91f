"""What a network asks of a machine: a list of matrix products and the element-wise work between them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class MatrixProduct:
    """`heads` independent products (m, k) @ (k, n), run `repeat` times.

    For a linear layer the left operand is the weight: m is out_features, k in_features, n the number of tokens.
    A product that the network runs in several identical layers is one entry with `repeat` layers.

    Args:
        name: Name of the layer; parts of one layer share what stands before the first dot (`attn.scores`).
        m: Rows of the left operand.
        k: Length of each dot product.
        n: Columns of the right operand.
        heads: Products of this shape that run side by side, as attention heads do.
        repeat: How many times the network runs it.
        dynamic: Both operands are computed at run time; neither is a weight.
        nonnegative: The operand that holds no negative number: "left", "right" or None.
        kind: What sort of layer it belongs to: "linear", "attention", "convolution" or "experts"; a chip of several
            kinds of core sends products by it.
        cached: The operand of a dynamic product that lies in a key-value cache: "left", "right" or None.
        stored_right: Elements of all right operands as they are stored, where that is fewer than heads * k * n
            (a convolution reads each pixel under many kernels); None where it is that.
        to_cache: Numbers of one repeat's output that are keys or values for a key-value cache.
        weight_sets: How many different weights the repeats use, as the steps of a recurrent layer use one; None means
            one for each repeat.
    """

    name: str
    m: int
    k: int
    n: int
    heads: int = 1
    repeat: int = 1
    dynamic: bool = False
    nonnegative: str | None = None
    kind: str = "linear"
    cached: str | None = None
    stored_right: int | None = None
    to_cache: int = 0
    weight_sets: int | None = None

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all repeats."""
        return self.m * self.k * self.n * self.heads * self.repeat

    @property
    def shape(self) -> tuple[int, int, int, int, bool]:
        """(m, k, n, heads, dynamic): what a machine needs to know of it."""
        return (self.m, self.k, self.n, self.heads, self.dynamic)


@dataclass(frozen=True)
class VectorWork:
    """Elements that pass through the element-wise unit, for one of `repeat` identical layers."""

    softmax: int = 0
    norm: int = 0
    activation: int = 0
    add: int = 0
    repeat: int = 1

    @property
    def elements(self) -> int:
        """Elements of one repeat."""
        return self.softmax + self.norm + self.activation + self.add


@dataclass(frozen=True)
class Unpriced:
    """An operation of a network that no matrix product and no element-wise work stands for.

    Args:
        operation: Its name in the graph it came from.
        count: How often the network runs it.
        flops: Floating-point operations of all of them, as well as they can be told.
    """

    operation: str
    count: int
    flops: int


@dataclass(frozen=True)
class Workload:
    """A network at one input size: its matrix products, in order, and its element-wise work.

    Args:
        name: Its name.
        products: Its matrix products.
        vector_work: Its element-wise work.
        tokens: Tokens that one run computes, all sequences together; None where the network knows no tokens.
        phase: "prefill", "decode", or None for networks that have no such phases.
        batch: Sequences run together.
        context: Tokens of each sequence that the key-value cache holds after the run, the new ones included.
        cache_elements: Numbers in the key-value cache when the run ends, all layers and sequences. Where a layer has
            a sliding window, all that a query of this run sees is counted.
        cache_written: Those of them that this run adds.
        parameters: Weights of the whole network, those that this run does not touch included; None if unknown.
        unpriced: What the network does that is not priced.
    """

    name: str
    products: tuple[MatrixProduct, ...]
    vector_work: VectorWork
    tokens: int | None
    phase: str | None = None
    batch: int = 1
    context: int | None = None
    cache_elements: int = 0
    cache_written: int = 0
    parameters: int | None = None
    unpriced: tuple[Unpriced, ...] = ()

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole network."""
        return sum(product.macs for product in self.products)

    @property
    def flops(self) -> int:
        """Floating-point operations: two for each multiply-accumulate, one for each element-wise element, and the
        unpriced ones."""
        elementwise = self.vector_work.repeat * self.vector_work.elements
        return 2 * self.macs + elementwise + sum(operation.flops for operation in self.unpriced)

    def unpriced_shares(self) -> dict[str, float]:
        """Unpriced operation -> its share of all floating-point operations."""
        return {operation.operation: operation.flops / max(self.flops, 1) for operation in self.unpriced}

    def shapes(self) -> Counter[tuple[int, int, int, int, bool]]:
        """How often each product shape is run, whatever the layers are called."""
        counts: Counter[tuple[int, int, int, int, bool]] = Counter()
        for product in self.products:
            counts[product.shape] += product.repeat
        return counts

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        return asdict(self) | {"macs": self.macs}
