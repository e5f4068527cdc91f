"""Notes what reaches torch's dispatcher while a network runs on tensors that have shapes but no data."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import TorchDispatchMode

from lightloop.errors import InputError
from lightloop.workload.products import MatrixProduct, Unpriced, VectorWork
from lightloop.workload.torch_operations import (
    COPIES,
    FREE,
    FUSED_ATTENTION,
    KIND_OF,
    MOVES,
    NEVER_NEGATIVE,
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

    Work on whole numbers and truth values (indices, masks) is no arithmetic of the network and is not noted.
    """

    def __init__(self) -> None:
        super().__init__()
        self._products: dict[MatrixProduct, int] = {}
        self._elements = {"softmax": 0, "norm": 0, "activation": 0, "add": 0}
        self._unpriced: dict[str, tuple[int, int]] = {}
        self._alive: list[torch.Tensor] = []  # a storage's address must not be reused while we go by it
        self._static: set[int] = set()
        self._nonnegative: set[int] = set()
        self._distinct: dict[int, tuple[int, int]] = {}  # storage -> its elements, and how many are no copies
        self._path: list[str] = []
        self._calls: list[int] = []

    @property
    def products(self) -> tuple[MatrixProduct, ...]:
        """The matrix products, those of repeated layers as one."""
        return tuple(replace(product, repeat=repeat) for product, repeat in self._products.items())

    @property
    def vector_work(self) -> VectorWork:
        """Element-wise work of the whole network."""
        return VectorWork(**self._elements)

    @property
    def unpriced(self) -> tuple[Unpriced, ...]:
        """Everything else that computes."""
        return tuple(Unpriced(name, *counts) for name, counts in self._unpriced.items())

    def hold_static(self, tensors: list[torch.Tensor]) -> None:
        """Take parameters and buffers to be constants."""
        self._alive += tensors
        self._static |= {_storage(tensor) for tensor in tensors}

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
        inputs = _tensors((args, kwargs))
        if is_not_understood(func) and not self._constant(inputs):
            raise InputError(f"the operation {name} multiplies matrices in a way that is not traced yet")
        if name in PRODUCTS and not self._constant(inputs):
            for m, k, n, heads, left, right in PRODUCTS[name](args, outputs):
                self._note(name, m, k, n, heads, left, right)
        for output in _tensors(outputs):
            self._remember(func, name.removesuffix("_"), inputs, output)
        self._count(func, name.removesuffix("_"), args, inputs, outputs)
        return outputs

    def _constant(self, tensors: list[torch.Tensor]) -> bool:
        return all(self._is_static(tensor) for tensor in tensors)

    def _is_static(self, tensor: torch.Tensor) -> bool:
        """A constant, or a real tensor that a module keeps outside of its parameters."""
        return not isinstance(tensor, FakeTensor) or _storage(tensor) in self._static

    def _remember(self, func: Any, name: str, inputs: list[torch.Tensor], output: torch.Tensor) -> None:
        self._alive.append(output)
        key = _storage(output)
        (self._static.add if self._constant(inputs) else self._static.discard)(key)
        numbers = [tensor for tensor in inputs if tensor.dtype.is_floating_point]
        moved = name in MOVES and numbers and all(_storage(tensor) in self._nonnegative for tensor in numbers)
        anew = func._schema.is_mutable or key not in {_storage(tensor) for tensor in inputs}
        if name in NEVER_NEGATIVE or moved:
            self._nonnegative.add(key)
        elif anew:
            self._nonnegative.discard(key)
        if anew and inputs and (name in COPIES or _is_alone(func, inputs)):
            self._distinct[key] = (output.numel(), self._distinct_elements(inputs[0]))
        elif anew:
            self._distinct.pop(key, None)

    def _distinct_elements(self, tensor: torch.Tensor) -> int:
        """Elements of a tensor that are no copies of others, as far as strides and earlier copies tell.

        Copies of whole matrices count, that is along any axis but the last two.
        """
        held, distinct = self._distinct.get(_storage(tensor), (0, 0))
        if held == tensor.numel():
            return distinct
        if any(stride == 0 and size > 1 for size, stride in zip(tensor.shape[-2:], tensor.stride()[-2:], strict=True)):
            return tensor.numel()
        return math.prod(size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride or not size)

    def _count(self, func: Any, name: str, args: Any, inputs: list[torch.Tensor], outputs: Any) -> None:
        produced = _tensors(outputs)
        computes = any(tensor.dtype.is_floating_point or tensor.is_complex() for tensor in (*inputs, *produced))
        if not produced or not computes or name in FREE or name in PRODUCTS or self._constant(inputs):
            if name in FUSED_ATTENTION:
                self._elements["softmax"] += fused_softmax(args)
            return
        kind = KIND_OF.get(name, "add" if torch.Tag.pointwise in func.tags else None)
        if kind is not None and produced[0].dtype.is_floating_point:
            self._elements[kind] += produced[0].numel()
        elif kind is None and not func.is_view:
            name = name if func.namespace == "aten" else f"{func.namespace}.{name}"
            count, flops = self._unpriced.get(name, (0, 0))
            self._unpriced[name] = (count + 1, flops + unpriced_flops(func, name, args, inputs, produced[0]))

    def _note(self, name: str, m: int, k: int, n: int, heads: int, left: torch.Tensor, right: torch.Tensor) -> None:
        static = [self._is_static(operand) for operand in (left, right)]
        signs = [_storage(operand) in self._nonnegative for operand in (left, right)]
        if static[1] and not static[0]:  # the weight is the left operand, whatever side the layer wrote it on
            m, n, signs, left, right = n, m, signs[::-1], right, left
        m, n, heads = self._shared(m, k, n, heads, left, right)
        dynamic = not any(static)
        stored = right.numel() if name == "convolution" and right.numel() < heads * k * n else None
        product = MatrixProduct(
            self._name(dynamic),
            m,
            k,
            n,
            heads,
            dynamic=dynamic,
            nonnegative="right" if signs[1] else "left" if signs[0] else None,
            kind=_KINDS.get(name, "attention" if dynamic else "linear"),
            stored_right=stored,
        )
        self._products[product] = self._products.get(product, 0) + 1

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
        distinct = self._distinct_elements(operand)
        if heads == 1 or operand.numel() != heads * each or not distinct or distinct % each:
            return 1
        return operand.numel() // distinct

    def _name(self, dynamic: bool) -> str:
        """The submodule's path with layer numbers as stars; products without a weight are numbered within it."""
        path = (self._path[-1] if self._path else "") or "network"
        if dynamic:
            if self._calls:
                self._calls[-1] += 1
            path = f"{path}.product_{self._calls[-1] if self._calls else len(self._products) + 1}"
        return _LAYER_NUMBER.sub("*", path)


_KINDS = {"convolution": "convolution", "_grouped_mm": "experts"}


def _is_alone(func: Any, inputs: list[torch.Tensor]) -> bool:
    """Element-wise work on one tensor and plain numbers: equal elements stay equal."""
    return torch.Tag.pointwise in func.tags and not any(tensor.dim() for tensor in inputs[1:])


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _tensors(values: Any) -> list[torch.Tensor]:
    return [leaf for leaf in torch.utils._pytree.tree_leaves(values) if isinstance(leaf, torch.Tensor)]
