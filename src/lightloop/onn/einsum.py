"""An Einstein sum of two operands as one batched matrix product, for models that write attention that way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor


def einsum(multiply: Callable[[Tensor, Tensor], Tensor], equation: Any, *operands: Any) -> Any:
    """`torch.einsum(equation, a, b)` by `multiply`, or `NotImplemented` where that is not a sum of products.

    Taken: two operands, an explicit output, no ellipsis, no label twice in one operand, no label in one place
        only,
    and at least one label to sum over that is longer than one.
    """
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = tuple(operands[0])
    if not isinstance(equation, str) or len(operands) != 2:
        return NotImplemented
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if not arrow or "." in inputs or len(terms) != 2 or not all(_plain(term) for term in (*terms, output)):
        return NotImplemented
    a, b = terms
    batch = [label for label in a if label in b and label in output]
    summed = [label for label in a if label in b and label not in output]
    rows, columns = [label for label in a if label not in b], [label for label in b if label not in a]
    sizes = dict(zip(a + b, (*operands[0].shape, *operands[1].shape), strict=False))
    if set(output) != {*batch, *rows, *columns} or not summed or math.prod(sizes[label] for label in summed) < 2:
        return NotImplemented
    x = _arranged(operands[0], a, (batch, rows, summed))
    y = _arranged(operands[1], b, (batch, summed, columns))
    order = [*batch, *rows, *columns]
    product = multiply(x, y).reshape([sizes[label] for label in order])
    return product.permute([order.index(label) for label in output])


def _plain(term: str) -> bool:
    return term.isalpha() and len(set(term)) == len(term)


def _arranged(operand: Tensor, term: str, groups: tuple[list[str], ...]) -> Tensor:
    """The operand with its axes in the order of `groups`, one axis for each group."""
    operand = operand.permute([term.index(label) for group in groups for label in group])
    lengths = iter(operand.shape)
    return operand.reshape([math.prod(next(lengths) for _ in group) for group in groups])
