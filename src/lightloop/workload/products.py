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
    """

    name: str
    m: int
    k: int
    n: int
    heads: int = 1
    repeat: int = 1
    dynamic: bool = False
    nonnegative: str | None = None

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
class Workload:
    """A network at one input size: its matrix products, in order, and its element-wise work.

    Args:
        name: Its name.
        products: Its matrix products.
        vector_work: Its element-wise work.
        tokens: Tokens of all sequences together; None where the network knows no tokens.
    """

    name: str
    products: tuple[MatrixProduct, ...]
    vector_work: VectorWork
    tokens: int | None

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole network."""
        return sum(product.macs for product in self.products)

    def shapes(self) -> Counter[tuple[int, int, int, int, bool]]:
        """How often each product shape is run, whatever the layers are called."""
        counts: Counter[tuple[int, int, int, int, bool]] = Counter()
        for product in self.products:
            counts[product.shape] += product.repeat
        return counts

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        return asdict(self) | {"macs": self.macs}
