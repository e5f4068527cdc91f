"""What optimizers keep for a tensor, from the formulas in `states.toml`. No torch is needed.

Shapes: a matrix has sides m ≤ n; r is the rank of the method.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from lightloop.errors import unknown_name

Terms = Mapping[str, int]

STATE_BLOCK = 256  # numbers that share a float32 scale in 8-bit states; arXiv 2110.02861, as bitsandbytes has it now
WEIGHT_GROUP = 128  # numbers of a row that share a scale and a zero in int8 weights; arXiv 2412.05270, section 5.3
SCALE_AND_ZERO_BYTES = 4  # two bfloat16
BY_MATRIX = ("nr", "mr")  # terms that each matrix of a stack keeps by itself
SMALL_TENSOR = 4096  # tensors with fewer numbers keep float32 where larger ones keep 8 bits; bitsandbytes

# Bytes of `count` numbers as optimizers keep their states.
STATE_FORMATS: dict[str, Callable[[int], int]] = {
    "fp32": lambda count: 4 * count,
    "bf16": lambda count: 2 * count,
    "int8": lambda count: count + 4 * math.ceil(count / STATE_BLOCK),
}
# Bytes of `rows` rows of `columns` numbers as models keep the matrices of their layers; groups end with a row.
WEIGHT_FORMATS: dict[str, Callable[[int, int], int]] = {
    "fp32": lambda rows, columns: 4 * rows * columns,
    "bf16": lambda rows, columns: 2 * rows * columns,
    "int8": lambda rows, columns: rows * (columns + SCALE_AND_ZERO_BYTES * math.ceil(columns / WEIGHT_GROUP)),
}


@dataclass(frozen=True, slots=True)
class PlannedTensor:
    """A tensor that memory is planned for, or several alike.

    Attributes:
        name: What it is called.
        shape: Its sizes.
        projected: Whether low-rank methods project it.
        trained: Whether it has a gradient.
        blocks: Second moments of Adam-mini; one for each row of a matrix if None, and one for a vector.
        count: How many there are.
        stacked: Whether it is a stack of matrices along its first axis, each projected by itself.
        last: Whether it is the last layer, as SCALE understands it.
    """

    name: str
    shape: tuple[int, ...]
    projected: bool
    trained: bool = True
    blocks: int | None = None
    count: int = 1
    stacked: bool = False
    last: bool = False

    @property
    def numel(self) -> int:
        """Numbers in one of them."""
        return math.prod(self.shape)

    @property
    def matrices(self) -> int:
        """Matrices in one of them."""
        return self.shape[0] if self.stacked else 1

    @property
    def rows(self) -> int:
        """Rows of each matrix; 1 for a vector. Trailing dimensions of a kernel count as columns."""
        shape = self.shape[1:] if self.stacked else self.shape
        return shape[0] if len(shape) > 1 else 1

    @property
    def sides(self) -> tuple[int, int]:
        """m ≤ n of each matrix."""
        small, large = sorted((self.rows, self.numel // max(self.matrices * self.rows, 1)))
        return small, large

    def terms(self, rank: int) -> dict[str, int]:
        """The value of each term of the formulas, summed over the matrices; the rank is held to m."""
        (m, n), k = self.sides, self.matrices
        r = min(rank, m)
        blocks = k * self.rows if self.blocks is None else self.blocks
        sizes = {"mn": self.numel, "nr": k * n * r, "mr": k * m * r, "m": k * m, "n": k * n}
        rows = self.shape[0] if self.shape else 1
        return sizes | {
            "rows": rows,
            "columns": self.numel // max(rows, 1),
            "blocks": blocks,
            "last": self.numel * self.last,
            "one": 1,
            "each": k,
        }


@dataclass(frozen=True)
class StateRule:
    """One entry of `states.toml`.

    Attributes:
        name: Of the optimizer.
        projected: Terms by storage for the matrices that are projected.
        source: Where the formula was published.
        vector: Terms by storage for tensors of one dimension; `projected` if None.
        rest: Entry for the tensors that are not projected; this one if None.
        adapters: Terms of what is trained instead of a frozen matrix, in the format of the gradients.
        states: Format of the states that the method prescribes.
        weights: Format of the weights that it prescribes.
        rank: Rank that it prescribes.
        int8_weights: Whether weights may be kept in 8 bits.
    """

    name: str
    projected: Mapping[str, Terms]
    source: str
    vector: Mapping[str, Terms] | None = None
    rest: str | None = None
    adapters: Terms = field(default_factory=dict)
    states: str | None = None
    weights: str | None = None
    rank: int | None = None
    int8_weights: bool = False

    @property
    def low_rank(self) -> bool:
        """Whether the state depends on a rank that one may choose."""
        return self.rank is None and any("nr" in terms for terms in self.projected.values())

    @property
    def formula(self) -> str:
        """Numbers kept for a projected matrix, as one reads them: "2nr + 2"."""
        total: dict[str, int] = {}
        for terms in self.projected.values():
            for term, factor in terms.items():
                total[term] = total.get(term, 0) + factor
        parts = [_product(factor, term) for term, factor in total.items()]
        written = " + ".join(parts) or "0"
        return written if self.rank is None else written.replace("r", "" if self.rank == 1 else f"·{self.rank}")

    def bytes_for(
        self, tensor: PlannedTensor, *, rank: int, states: str, gradients: str, rest: str | None = None
    ) -> int:
        """Bytes kept for one tensor of a kind.

        Args:
            tensor: The tensor; frozen ones keep nothing.
            rank: r, held to its smaller side.
            states: Format of the states, unless the entry prescribes one.
            gradients: Format of the gradients, which projectors are kept in.
            rest: Entry that tensors which are not projected follow, instead of the one that this entry names.
        """
        if not tensor.trained:
            return 0
        rest = rest or self.rest
        rule = self if tensor.projected or rest is None else state_rules()[rest]
        kept = rule.vector if rule.vector is not None and len(tensor.shape) == 1 else rule.projected
        wanted = rule.states or states
        formats = {
            "state": "fp32" if wanted == "int8" and tensor.numel < SMALL_TENSOR else wanted,
            "projector": gradients,
            "float32": "fp32",
            "int8": "int8",
        }
        return sum(_stored(terms, tensor, rank, formats[storage]) for storage, terms in kept.items())


def _stored(terms: Terms, tensor: PlannedTensor, rank: int, wanted: str) -> int:
    """Bytes of the terms, each factor and each matrix of a stack with scales of its own."""
    values = tensor.terms(rank)
    pieces = {term: tensor.matrices if term in BY_MATRIX else 1 for term in terms}
    return sum(
        factor * pieces[term] * STATE_FORMATS[wanted](values[term] // max(pieces[term], 1))
        for term, factor in terms.items()
    )


def _product(factor: int, term: str) -> str:
    if term in {"one", "each"}:
        return str(factor)
    return term if factor == 1 else f"{factor}{term}"


def total(terms: Terms, values: Mapping[str, int]) -> int:
    """Σ factor · value over the terms of a formula."""
    return sum(factor * values[term] for term, factor in terms.items())


@cache
def state_rules() -> dict[str, StateRule]:
    """The entries of `states.toml` by name."""
    table = tomllib.loads(Path(__file__).with_name("states.toml").read_text(encoding="utf-8"))
    return {name: StateRule(name=name, **entry) for name, entry in table.items()}


def state_rule(optimizer: str) -> StateRule:
    """The entry of one optimizer.

    Raises:
        InputError: There is none of this name.
    """
    if optimizer not in state_rules():
        raise unknown_name("optimizer", optimizer, state_rules())
    return state_rules()[optimizer]
