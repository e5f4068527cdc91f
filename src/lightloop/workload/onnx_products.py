"""The matrix products of each ONNX operation that multiplies matrices.

A reader takes a `Step` and returns products (without names) with the names of the tensors that are their operands.
Weights become left operands, m out_features.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lightloop.workload.products import MatrixProduct

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One operation of a graph.

    Args:
        operation: Its name.
        inputs: Names of its inputs; "" for one that is left out.
        outputs: Names of its outputs.
        attributes: Its settings.
        shapes: Tensor -> shape.
        weights: Tensors that do not depend on what is handed in.
        copies: Tensor -> how often each matrix in it is repeated, where it is.
    """

    operation: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    shapes: Mapping[str, Shape]
    weights: frozenset[str] | set[str]
    copies: Mapping[str, int]

    def input(self, index: int) -> Shape:
        """Shape of an input."""
        return self.shapes[self.inputs[index]]

    def has(self, index: int) -> bool:
        """Whether an input is given."""
        return index < len(self.inputs) and bool(self.inputs[index])

    def is_weight(self, index: int) -> bool:
        """Whether an input does not depend on what is handed in."""
        return self.inputs[index] in self.weights


class UnreadableError(ValueError):
    """An operation multiplies matrices in a way that no reader understands."""


@dataclass(frozen=True)
class Operands:
    """A product and which inputs of its step are its operands."""

    product: MatrixProduct
    left: int
    right: int


def _stacked(step: Step, left: int, right: int, m: int, k: int, n: int, stacks: tuple[int, int]) -> list[Operands]:
    """A stack of (m, k) @ (k, n), the left operand with `stacks[0]` different matrices, the right with `stacks[1]`.

    A weight becomes the left operand; what many products share is read once, as rows or columns of one product.
    """
    if step.is_weight(right) and not step.is_weight(left):
        m, n, stacks, left, right = n, m, stacks[::-1], right, left
    side_by_side = max(stacks)
    lefts, rights = _distinct(step, left, stacks[0]), _distinct(step, right, stacks[1])
    heads = min(lefts, rights)
    shared = side_by_side // heads
    m, n = (m, n * shared) if lefts < rights else (m * shared, n)
    dynamic = not step.is_weight(left)
    product = MatrixProduct("", m, k, n, heads, dynamic=dynamic, kind="attention" if dynamic else "linear")
    return [Operands(product, left, right)]


def _distinct(step: Step, operand: int, stack: int) -> int:
    """How many matrices of a stack are no copies of others, as the keys that several heads share."""
    copies = step.copies.get(step.inputs[operand], 1)
    return stack // copies if stack % copies == 0 else stack


def _matmul(left: int, right: int) -> Callable[[Step], list[Operands]]:
    """Matrices on the last two axes, stacked along the others (numpy.matmul)."""

    def read(step: Step) -> list[Operands]:
        a, b = step.input(left), step.input(right)
        a, b = (a if len(a) > 1 else (1, *a)), (b if len(b) > 1 else (*b, 1))
        axes = max(len(a), len(b)) - 2
        above = [(1,) * (axes + 2 - len(side)) + side[:-2] for side in (a, b)]
        wide = [max(pair) for pair in zip(*above, strict=True)]
        if any(0 in side for side in (a, b)):
            return []
        stacks = [math.prod(side) for side in above]
        if min(stacks) < math.prod(wide) and max(stacks) < math.prod(wide):
            stacks = [math.prod(wide)] * 2  # each shares along another axis: counted as if none did
        return _stacked(step, left, right, a[-2], a[-1], b[-1], (stacks[0], stacks[1]))

    return read


def _gemm(step: Step) -> list[Operands]:
    a, b = step.input(0), step.input(1)
    m, k = a[::-1] if step.attributes.get("transA", 0) else a
    n = b[0] if step.attributes.get("transB", 0) else b[1]
    return _stacked(step, 0, 1, m, k, n, (1, 1))


def _convolution(signal: int, kernel: int) -> Callable[[Step], list[Operands]]:
    """The product of the kernels with the patches under them, for each group of channels."""

    def read(step: Step) -> list[Operands]:
        pixels, taps = step.input(signal), step.input(kernel)
        output = step.shapes[step.outputs[0]]
        groups = step.attributes.get("group", 1)
        n = output[0] * math.prod(output[2:])
        return [_patches(step, taps[0] // groups, math.prod(taps[1:]), n, groups, pixels, (kernel, signal))]

    return read


def _patches(step: Step, m: int, k: int, n: int, groups: int, pixels: Shape, sides: tuple[int, int]) -> Operands:
    stored = math.prod(pixels)
    product = MatrixProduct(
        "",
        m,
        k,
        n,
        groups,
        dynamic=not step.is_weight(sides[0]),
        kind="convolution",
        stored_right=stored if stored < groups * k * n else None,
    )
    return Operands(product, *sides)


def _transposed_convolution(step: Step) -> list[Operands]:
    """The product of the kernels, each tap an output of its own, with the pixels."""
    pixels, taps = step.input(0), step.input(1)
    groups = step.attributes.get("group", 1)
    n = pixels[0] * math.prod(pixels[2:])
    return [_patches(step, math.prod(taps[1:]), taps[0] // groups, n, groups, pixels, (1, 0))]


def _einsum(step: Step) -> list[Operands]:
    """Letters of both operands and the result are stacked, those of both alone are summed."""
    equation = step.attributes["equation"].decode().replace(" ", "")
    if len(step.inputs) == 1:
        return []
    if len(step.inputs) > 2:
        raise UnreadableError(f"Einsum {equation} of {len(step.inputs)} operands; export it as products of two")
    terms, _, result = equation.partition("->")
    first, second = letters(terms.split(","), [step.input(0), step.input(1)])
    if len(set(first)) < len(first) or len(set(second)) < len(second):
        raise UnreadableError(f"Einsum {equation} takes a diagonal")
    size = dict(zip(first, step.input(0), strict=True)) | dict(zip(second, step.input(1), strict=True))
    dots = {letter for letter in size if letter.isdigit()}
    once = {letter for letter in size if (letter in first) != (letter in second)}
    kept = (set(result.replace("...", "")) if "->" in equation else once) | dots

    def over(letters: set[str]) -> int:
        return math.prod(size[letter] for letter in letters)

    both = set(first) & set(second)
    m, n = (over((set(letters) - both) & kept) for letters in (first, second))
    return _stacked(step, 0, 1, m, over(both - kept), n, (over(both & kept),) * 2)


def letters(terms: list[str], shapes: list[Shape]) -> list[str]:
    """Terms of an equation with their dots written out as digits, counted so that the last ones agree."""
    found = []
    free = [len(shape) - len(term.replace("...", "")) for term, shape in zip(terms, shapes, strict=True)]
    for term, axes in zip(terms, free, strict=True):
        found.append(term.replace("...", "".join(str(max(free) - axes + i) for i in range(axes))))
    return found


_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def recurrent_shape(step: Step) -> tuple[int, int, int, int]:
    """(directions, steps in time, batch, features of the state)."""
    signal, state = step.input(0), step.attributes["hidden_size"]
    batch_first = step.attributes.get("layout", 0)
    time, batch = signal[1::-1] if batch_first else signal[:2]
    return step.input(1)[0], time, batch, state


def _recurrent(step: Step) -> list[Operands]:
    """All inputs at once, then the state step by step, every step with the weights of its direction.

    The first step is work too, for a machine that is handed a state does not know that it is zero.
    """
    gates = _GATES[step.operation]
    directions, time, batch, state = recurrent_shape(step)
    inputs = MatrixProduct("input", gates * state, step.input(0)[2], time * batch, repeat=directions)
    again = MatrixProduct(
        "state", gates * state, state, batch, repeat=directions * time, weight_sets=directions if time > 1 else None
    )
    return [Operands(inputs, 1, 0), Operands(again, 2, 0)]


def recurrent_work(step: Step) -> dict[str, int]:
    """Element-wise work of a recurrent layer: activations of the gates and the state, and what combines them."""
    directions, time, batch, state = recurrent_shape(step)
    each = directions * time * batch * state
    activations, sums = {"LSTM": (5, 4), "GRU": (3, 5), "RNN": (1, 1)}[step.operation]
    return {"activation": activations * each, "add": sums * each}


def attention_shape(step: Step) -> tuple[int, int, int, int, int, int, int]:
    """(batch, query heads, key heads, queries, keys, features of a key, features of a value) of `Attention`."""
    query, key, value = step.input(0), step.input(1), step.input(2)
    if len(query) == 4:
        batch, heads, q, d = query
        shared, c, width = key[1], key[2], value[3]
    else:
        heads, shared = step.attributes["q_num_heads"], step.attributes["kv_num_heads"]
        batch, q, d = query[0], query[1], query[2] // heads
        c, width = key[1], value[2] // shared
    c += step.input(4)[2] if step.has(4) else 0
    return batch, heads, shared, q, c, d, width


def _attention(step: Step) -> list[Operands]:
    """Scores and values; query heads that share a key head are one product."""
    batch, heads, shared, q, c, d, width = attention_shape(step)
    rows = heads // shared * q
    common: dict[str, Any] = {"heads": batch * shared, "dynamic": True, "kind": "attention"}
    return [
        Operands(MatrixProduct("scores", rows, d, c, **common), 0, 1),
        Operands(MatrixProduct("values", rows, c, width, nonnegative="left", **common), 0, 2),
    ]


def attention_work(step: Step) -> dict[str, int]:
    """The softmax of its scores."""
    batch, heads, _, q, c, _, _ = attention_shape(step)
    return {"softmax": batch * heads * q * c}


PRODUCTS: dict[str, Callable[[Step], list[Operands]]] = {
    "MatMul": _matmul(0, 1),
    "MatMulInteger": _matmul(0, 1),
    "QLinearMatMul": _matmul(0, 3),
    "Gemm": _gemm,
    "Conv": _convolution(0, 1),
    "ConvInteger": _convolution(0, 1),
    "QLinearConv": _convolution(0, 3),
    "ConvTranspose": _transposed_convolution,
    "Einsum": _einsum,
    **dict.fromkeys(_GATES, _recurrent),
    "Attention": _attention,
}
# Element-wise work within an operation that is first of all a product.
WORK: dict[str, Callable[[Step], dict[str, int]]] = {
    **dict.fromkeys(_GATES, recurrent_work),
    "Attention": attention_work,
}
# Operations that multiply matrices and that nothing here reads; a graph that holds one is refused.
NOT_UNDERSTOOD = {
    "DeformConv", "LinearAttention", "FlexAttention", "LinearClassifier", "LinearRegressor", "SVMClassifier",
    "SVMRegressor",
}  # fmt: skip
# Parts of the names under which other domains multiply matrices.
_PRODUCT_WORDS = ("MatMul", "Gemm", "Conv", "Attention", "Linear", "MoE", "LSTM", "GRU", "TransformerLayer", "Einsum")
_NO_PRODUCTS = {"QuantizeLinear", "DequantizeLinear", "QLinearAdd", "QLinearMul", "QLinearSigmoid", "QLinearSoftmax",
                "QLinearLeakyRelu", "QLinearConcat", "QLinearAveragePool", "QLinearGlobalAveragePool",
                "QLinearReduceMean", "QLinearWhere"}  # fmt: skip


def is_not_understood(operation: str, *, foreign: bool) -> bool:
    """Whether an operation multiplies matrices in a way that no reader knows; told by its name.

    Args:
        operation: Its name.
        foreign: It is of another domain than ONNX's own.
    """
    telling = foreign and operation not in _NO_PRODUCTS and any(word in operation for word in _PRODUCT_WORDS)
    return operation in NOT_UNDERSTOOD or telling
