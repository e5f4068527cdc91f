"""Notes what reaches torch's dispatcher while a network runs on tensors that have shapes but no data."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lightloop.errors import InputError
from lightloop.workload.known_tensors import KnownTensors, tensors
from lightloop.workload.products import MatrixProduct, Unpriced, VectorWork
from lightloop.workload.torch_operations import (
    FREE,
    FUSED_ATTENTION,
    KIND_OF,
    OUTPUTS,
    PRODUCTS,
    fused_softmax,
    is_not_understood,
    unpriced_flops,
)

# The number of a layer among its like: a number with something after it (`blocks.3.proj`, not `classifier.3`).
_LAYER_NUMBER = re.compile(r"(?:(?<=\.)|^)\d+(?=\.)")


class Recorder(TorchDispatchMode):
    """Notes every matrix product, the size of the work between them, and what is neither.

    Work on whole numbers and truth values (indices, masks) is no arithmetic of the network and is not noted. A
    complex number counts as two, and a complex product as four real ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self._products: dict[MatrixProduct, int] = {}
        self._weights: dict[MatrixProduct, set[Hashable]] = {}  # the different weights of its repeats
        self._elements = {"softmax": 0, "norm": 0, "activation": 0, "add": 0}
        self._unpriced: dict[str, tuple[int, int]] = {}
        self._known = KnownTensors()
        self._path: list[str] = []
        self._calls: list[int] = []

    @property
    def products(self) -> tuple[MatrixProduct, ...]:
        """The matrix products, those of repeated layers as one."""
        return tuple(
            replace(product, repeat=repeat, weight_sets=_fewer(len(self._weights[product]), repeat, product))
            for product, repeat in self._products.items()
        )

    @property
    def vector_work(self) -> VectorWork:
        """Element-wise work of the whole network."""
        return VectorWork(**self._elements)

    @property
    def unpriced(self) -> tuple[Unpriced, ...]:
        """Everything else that computes."""
        return tuple(Unpriced(name, *counts) for name, counts in self._unpriced.items())

    def hold_static(self, weights: list[torch.Tensor]) -> None:
        """Take parameters and buffers to be weights."""
        self._known.hold(weights)

    def enter(self, path: str) -> None:
        """A submodule starts to run."""
        self._path.append(path)
        self._calls.append(0)

    def leave(self) -> None:
        """The submodule that started last is done."""
        self._path.pop()
        self._calls.pop()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        outputs = OUTPUTS[name](args) if name in OUTPUTS else func(*args, **(kwargs or {}))
        inputs = tensors((args, kwargs))
        if is_not_understood(func) and not self._constant(inputs):
            raise InputError(f"the operation {name} multiplies matrices in a way that is not traced yet")
        noted = False
        for shape in PRODUCTS[name](args, outputs) if name in PRODUCTS else ():
            noted |= self._note(name, *shape)
        plain = name.removesuffix("_")
        self._known.learn(func, plain, (args, kwargs), tensors(outputs), computed=noted)
        self._count(func, plain, args, inputs, outputs)
        return outputs

    def _constant(self, inputs: list[torch.Tensor]) -> bool:
        return all(self._known.is_constant(tensor) for tensor in inputs)

    def _count(self, func: Any, name: str, args: Any, inputs: list[torch.Tensor], outputs: Any) -> None:
        produced = tensors(outputs)
        computes = any(tensor.dtype.is_floating_point or tensor.is_complex() for tensor in (*inputs, *produced))
        if not produced or not computes or name in FREE or name in PRODUCTS or self._constant(inputs):
            if name in FUSED_ATTENTION:
                self._elements["softmax"] += fused_softmax(args)
            return
        kind = KIND_OF.get(name, "add" if torch.Tag.pointwise in func.tags else None)
        if kind is not None:
            self._elements[kind] += _numbers(produced[0])
        elif not func.is_view:
            name = name if func.namespace == "aten" else f"{func.namespace}.{name}"
            count, flops = self._unpriced.get(name, (0, 0))
            self._unpriced[name] = (count + 1, flops + unpriced_flops(func, name, args, inputs, produced[0]))

    def _note(self, name: str, m: int, k: int, n: int, heads: int, left: torch.Tensor, right: torch.Tensor) -> bool:
        """Note a product. False if it is one of weights with weights, which is no work of the network."""
        weights = [self._known.is_weight(operand) for operand in (left, right)]
        if all(weights):
            return False
        signs = [self._known.is_nonnegative(operand) for operand in (left, right)]
        if weights[1]:  # the weight is the left operand, whatever side the layer wrote it on
            m, n, signs, left, right = n, m, signs[::-1], right, left
        m, n, heads = self._shared(m, k, n, heads, left, right)
        dynamic = not any(weights)
        complex_ = left.is_complex() and right.is_complex()
        product = MatrixProduct(
            f"{self._name(dynamic)}{'.complex' if complex_ else ''}",
            m,
            k,
            n,
            heads,
            dynamic=dynamic,
            nonnegative="right" if signs[1] else "left" if signs[0] else None,
            kind=_KINDS.get(name, "attention" if dynamic else "linear"),
            stored_right=right.numel() if name == "convolution" and right.numel() < heads * k * n else None,
        )
        parts = ("real", "imaginary") if complex_ else ("real",)  # of the weight; each meets both parts of the data
        self._products[product] = self._products.get(product, 0) + len(parts) ** 2
        self._weights.setdefault(product, set()).update((self._known.identity(left), part) for part in parts)
        return True

    def _shared(self, m: int, k: int, n: int, heads: int, left: Any, right: Any) -> tuple[int, int, int]:
        """(m, n, heads) with products that share an operand as one: a weight serves the whole batch, a key its group.

        Which of the products share is told by how many copies there are, not by where they lie; counts and sizes of
        the work are the same for either.
        """
        copies = self._copies(left, m * k, heads)
        if copies > 1:
            return m, n * copies, heads // copies
        copies = self._copies(right, k * n, heads)
        return m * copies, n, heads // copies

    def _copies(self, operand: torch.Tensor, each: int, heads: int) -> int:
        """How many of `heads` operands are the same one."""
        if heads == 1 or operand.numel() != heads * each:
            return 1
        distinct = self._known.distinct_elements(operand)
        return operand.numel() // distinct if distinct and distinct % each == 0 else 1

    def _name(self, dynamic: bool) -> str:
        """The submodule's path with layer numbers as stars; products without a weight are numbered within it."""
        path = (self._path[-1] if self._path else "") or "network"
        if dynamic:
            if self._calls:
                self._calls[-1] += 1
            path = f"{path}.product_{self._calls[-1] if self._calls else len(self._products) + 1}"
        return _LAYER_NUMBER.sub("*", path)


_KINDS = {"convolution": "convolution", "_grouped_mm": "experts"}


def _fewer(weights: int, repeat: int, product: MatrixProduct) -> int | None:
    """`weight_sets` of a product whose repeats use that many different weights."""
    return weights if not product.dynamic and weights < repeat else None


def _numbers(tensor: torch.Tensor) -> int:
    """Numbers with a fraction: a complex element is two, and an index or a truth value none."""
    return 2 * tensor.numel() if tensor.is_complex() else tensor.numel() * tensor.dtype.is_floating_point
