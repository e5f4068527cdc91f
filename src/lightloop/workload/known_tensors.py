"""What is known of the tensors of a running network: which are weights, hold no negative number, or are copies.

All of it is kept by storage, so that views share it.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor

from lightloop.workload.torch_operations import ASSEMBLES, COPIES, FILLS, MOVES, NEVER_NEGATIVE, STARTS


class KnownTensors:
    """Facts about tensors, learnt from one operation after the other.

    A tensor that depends on parameters and buffers alone is a *constant*. A constant is a *start* if it was made of
    nothing but zeros or random numbers while the network ran: the state that a recurrence starts from, which no
    machine knows to be zero. Constants that are no starts are *weights*.
    """

    def __init__(self) -> None:
        self._alive: list[torch.Tensor] = []  # a storage's address must not be reused while we go by it
        self._constants: set[int] = set()
        self._starts: set[int] = set()
        self._nonnegative: set[int] = set()
        self._distinct: dict[int, tuple[int, int]] = {}  # storage -> its elements, and how many are no copies
        self._origins: dict[int, Hashable] = {}  # storage of a weight -> what it was computed from, and how

    def hold(self, tensors: list[torch.Tensor]) -> None:
        """Take parameters and buffers to be weights."""
        self._alive += tensors
        self._constants |= {_storage(tensor) for tensor in tensors}

    def is_constant(self, tensor: torch.Tensor) -> bool:
        """Independent of the inputs: a weight, a start, or a real tensor that a module keeps outside its parameters."""
        return not isinstance(tensor, FakeTensor) or _storage(tensor) in self._constants

    def is_weight(self, tensor: torch.Tensor) -> bool:
        """A constant that is no start."""
        return self.is_constant(tensor) and _storage(tensor) not in self._starts

    def is_nonnegative(self, tensor: torch.Tensor) -> bool:
        """Without negative numbers."""
        return _storage(tensor) in self._nonnegative

    def identity(self, tensor: torch.Tensor) -> Hashable:
        """What two tensors have in common if they are the same weight, be one a view or a cast of it anew."""
        key = _storage(tensor)
        return (self._origins.get(key, key), tensor.storage_offset(), tensor.numel())

    def distinct_elements(self, tensor: torch.Tensor) -> int:
        """Elements of a tensor that are no copies of others, as far as strides and earlier copies tell.

        Copies of whole matrices count, that is along any axis but the last two.
        """
        held, distinct = self._distinct.get(_storage(tensor), (0, 0))
        if held == tensor.numel():
            return distinct
        if any(stride == 0 and size > 1 for size, stride in zip(tensor.shape[-2:], tensor.stride()[-2:], strict=True)):
            return tensor.numel()
        return math.prod(size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride or not size)

    def learn(self, func: Any, name: str, arguments: Any, outputs: list[torch.Tensor], *, computed: bool) -> None:
        """Note what an operation tells of its outputs.

        Args:
            func: The operation.
            name: Its name, without the underscore of those that write in place.
            arguments: All that it was given.
            outputs: Its results.
            computed: It was a product that a machine runs, so that its results are data whatever went in.
        """
        inputs = tensors(arguments)
        for index, output in enumerate(outputs):
            self._alive.append(output)
            anew = func._schema.is_mutable or _storage(output) not in {_storage(tensor) for tensor in inputs}
            self._learn_origin(func, (name, index, arguments), inputs, output, anew=anew)
            self._learn_source(name, inputs, output, computed=computed)
            self._learn_sign(name, inputs, output, anew=anew)
            self._learn_copies(func, name, inputs, output, anew=anew)

    def _learn_source(self, name: str, inputs: list[torch.Tensor], output: torch.Tensor, *, computed: bool) -> None:
        key, constant = _storage(output), not computed and all(self.is_constant(tensor) for tensor in inputs)
        weights = any(self.is_weight(tensor) and _is_number(tensor) for tensor in inputs)
        assembled = name in FILLS or (name in ASSEMBLES and weights)
        start = name in STARTS or any(_storage(tensor) in self._starts for tensor in inputs)
        (self._constants.add if constant else self._constants.discard)(key)
        (self._starts.add if constant and start and not assembled else self._starts.discard)(key)

    def _learn_sign(self, name: str, inputs: list[torch.Tensor], output: torch.Tensor, *, anew: bool) -> None:
        key = _storage(output)
        numbers = [tensor for tensor in inputs if _is_number(tensor)]
        moved = name in MOVES and numbers and all(self.is_nonnegative(tensor) for tensor in numbers)
        if (name in NEVER_NEGATIVE and not output.is_complex()) or moved:
            self._nonnegative.add(key)
        elif anew:
            self._nonnegative.discard(key)

    def _learn_copies(
        self, func: Any, name: str, inputs: list[torch.Tensor], output: torch.Tensor, *, anew: bool
    ) -> None:
        key = _storage(output)
        if anew and inputs and (name in COPIES or _is_alone(func, inputs)):
            self._distinct[key] = (output.numel(), self.distinct_elements(inputs[0]))
        elif anew:
            self._distinct.pop(key, None)

    def _learn_origin(
        self, func: Any, call: tuple[str, int, Any], inputs: list[torch.Tensor], output: torch.Tensor, *, anew: bool
    ) -> None:
        """A weight that is made twice in the same way from the same weights is one weight."""
        key = _storage(output)
        if not anew:
            return
        self._origins.pop(key, None)
        random = torch.Tag.nondeterministic_seeded in func.tags
        if inputs and not random and not func._schema.is_mutable and all(self.is_weight(tensor) for tensor in inputs):
            name, index, arguments = call
            leaves = torch.utils._pytree.tree_leaves(arguments)
            plain = tuple(repr(leaf) for leaf in leaves if not isinstance(leaf, torch.Tensor))
            self._origins[key] = (name, index, plain, tuple(self._layout(tensor) for tensor in inputs))

    def _layout(self, tensor: torch.Tensor) -> Hashable:
        """Its identity with shape and strides: operations on a matrix and on its transpose differ."""
        return (self.identity(tensor), tuple(tensor.shape), tensor.stride())


def tensors(values: Any) -> list[torch.Tensor]:
    """The tensors within nested arguments."""
    return [leaf for leaf in torch.utils._pytree.tree_leaves(values) if isinstance(leaf, torch.Tensor)]


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _is_number(tensor: torch.Tensor) -> bool:
    return tensor.dtype.is_floating_point or tensor.is_complex()


def _is_alone(func: Any, inputs: list[torch.Tensor]) -> bool:
    """Element-wise work on one tensor and plain numbers: equal elements stay equal."""
    return torch.Tag.pointwise in func.tags and not any(tensor.dim() for tensor in inputs[1:])
