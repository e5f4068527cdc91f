"""An Einstein sum of two operands as one batched matrix product, for models that write attention that way."""

from __future__ import annotations

import math
import string
from collections.abc import Callable
from typing import Any

from torch import Tensor


def einsum(multiply: Callable[[Tensor, Tensor], Tensor], equation: Any, *operands: Any) -> Any:
    """`torch.einsum(equation, a, b)` by `multiply`, or `NotImplemented` where that is not a matrix product.

    Taken are two operands, an explicit output, and at least one summed label of length two or more; not taken are a
    label twice in one operand, a label that only one side has, and lengths of one that broadcast.
    """
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = tuple(operands[0])
    terms = _terms(equation, operands)
    if terms is None:
        return NotImplemented
    a, b, output = terms
    batch = [label for label in a if label in b and label in output]
    summed = [label for label in a if label in b and label not in output]
    rows, columns = [label for label in a if label not in b], [label for label in b if label not in a]
    sizes = dict(zip(a + b, (*operands[0].shape, *operands[1].shape), strict=True))
    if set(output) != {*batch, *rows, *columns} or not summed or math.prod(sizes[label] for label in summed) < 2:
        return NotImplemented
    x, y = _arranged(operands[0], a, (batch, rows, summed)), _arranged(operands[1], b, (batch, summed, columns))
    order = [*batch, *rows, *columns]
    product = multiply(x, y).reshape([sizes[label] for label in order])
    return product.permute([order.index(label) for label in output])


def _terms(equation: Any, operands: tuple[Any, ...]) -> list[str] | None:
    """Labels of a, of b and of the output, or None if they are not of the kind that `einsum` takes."""
    if not isinstance(equation, str) or len(operands) != 2 or not all(item.is_floating_point() for item in operands):
        return None
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    if inputs.count(",") != 1 or not arrow:
        return None
    terms = _without_ellipsis([*inputs.split(","), output], [item.dim() for item in operands])
    whole = all(len(term) == item.dim() for term, item in zip(terms, operands, strict=False))
    if not whole or any(len(set(term)) < len(term) for term in terms):
        return None
    a, b = (dict(zip(term, item.shape, strict=True)) for term, item in zip(terms, operands, strict=False))
    return terms if all(a[label] == b[label] for label in a.keys() & b.keys()) else None


def _without_ellipsis(terms: list[str], dims: list[int]) -> list[str]:
    """The terms with `...` spelt out in labels that none of them has, aligned to the right as broadcasting does."""
    hidden = [dim - len(term.replace("...", "")) for term, dim in zip(terms, dims, strict=False) if "..." in term]
    spare = "".join(label for label in string.ascii_letters if label not in "".join(terms))[: max(hidden, default=0)]
    lengths = [*(dim - len(term.replace("...", "")) for term, dim in zip(terms, dims, strict=False)), len(spare)]
    return [term.replace("...", spare[len(spare) - length :]) for term, length in zip(terms, lengths, strict=True)]


def _arranged(operand: Tensor, term: str, groups: tuple[list[str], ...]) -> Tensor:
    """The operand with its axes in the order of `groups`, one axis for each group."""
    operand = operand.permute([term.index(label) for group in groups for label in group])
    lengths = iter(operand.shape)
    return operand.reshape([math.prod(next(lengths) for _ in group) for group in groups])
