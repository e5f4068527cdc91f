"""How many bytes of tensors are alive, and were at the fullest moment: what plans of memory are held against."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lightloop.optim.quantized.weight import QuantizedTensor


class Alive(TorchDispatchMode):
    """Counts the bytes of every tensor storage from its first appearance to its end.

    Args:
        tensors: Those that are there at the beginning.

    Attributes:
        now: Bytes alive.
        peak: The most that there ever were.
    """

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.known: weakref.WeakSet[Any] = weakref.WeakSet()
        for tensor in tensors:
            self.add(tensor)

    def add(self, tensor: Tensor) -> None:
        """Count a tensor; of a quantised one its parts."""
        if isinstance(tensor, QuantizedTensor):
            for part in tensor.parts().values():
                self.add(part)
            return
        storage = tensor.untyped_storage()
        if storage not in self.known:
            self.known.add(storage)
            size = storage.nbytes()
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._drop, size)

    def _drop(self, size: int) -> None:
        self.now -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self.add(leaf)
        return out
