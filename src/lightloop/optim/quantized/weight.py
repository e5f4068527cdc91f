"""A weight in 8 bits that a module, autograd and an optimizer take for a plain one.

It says it is float32 or bfloat16. A linear layer makes plain numbers of it for the length of a product, forward and
again backward, and its gradient is a plain tensor. Other operations that read it get the plain numbers too; what would
write into the tensor itself is refused, since a change of less than a step of the grid would be lost. A view is of the
plain numbers: what is written into it changes nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_map_only

from lightloop.errors import InputError
from lightloop.optim.plan.states import WEIGHT_GROUP
from lightloop.optim.precision.strips import runs, strip_elements
from lightloop.optim.quantized.grid import groups_in, to_nearest, write_codes, write_values
from lightloop.optim.quantized.linear import quantized_linear

PARTS = ("codes", "scale", "zero")
DTYPES = (torch.float32, torch.bfloat16)


class QuantizedTensor(Tensor):
    """A matrix of weights, scale · (code − zero), with one byte for each and four for each group.

    Attributes:
        codes: uint8, shape (rows, columns).
        scale: bfloat16, shape (rows, ⌈columns / group⌉).
        zero: bfloat16 whole numbers, of the same shape.
        group: Numbers along a row that share a scale and a zero; the last group of a row may have fewer.
    """

    codes: Tensor
    scale: Tensor
    zero: Tensor
    group: int

    @staticmethod
    def __new__(
        cls: type[QuantizedTensor],
        codes: Tensor,
        scale: Tensor,
        zero: Tensor,
        group: int = WEIGHT_GROUP,
        dtype: torch.dtype = torch.float32,
    ) -> QuantizedTensor:
        """A tensor of these parts that says it is `dtype`."""
        return Tensor._make_wrapper_subclass(cls, codes.shape, dtype=dtype, device=codes.device)  # type: ignore[no-any-return, attr-defined]

    def __init__(
        self, codes: Tensor, scale: Tensor, zero: Tensor, group: int = WEIGHT_GROUP, dtype: torch.dtype = torch.float32
    ) -> None:
        self.codes, self.scale, self.zero, self.group = codes, scale, zero, group

    @classmethod
    def of(cls, weight: Tensor, group: int = WEIGHT_GROUP) -> QuantizedTensor:
        """A matrix rounded to the nearest numbers of fresh grids.

        Raises:
            InputError: It is no matrix of float32 or bfloat16, has numbers that are not finite, or the group is none.
        """
        _check(weight, group)
        rows, columns = weight.shape
        scale = weight.new_zeros(rows, groups_in(columns, group), dtype=torch.bfloat16)
        made = cls(torch.empty_like(weight, dtype=torch.uint8), scale, torch.zeros_like(scale), group, weight.dtype)
        made.assign(weight)
        return made

    def dequantize(self, dtype: torch.dtype | None = None) -> Tensor:  # type: ignore[override]
        """The plain numbers, in the dtype that the tensor says it has, or in another; nothing else is allocated."""
        out = torch.empty(self.shape, dtype=dtype or self.dtype, device=self.device)
        write_values(self.codes, self.scale, self.zero, self.group, out)
        return out

    def row_strips(self) -> list[slice]:
        """Ranges of rows to widen to float32 at a time."""
        rows, columns = self.shape
        return list(runs(rows, max(1, strip_elements(self.codes) // max(1, columns))))

    def assign(self, weight: Tensor) -> None:
        """Round a plain matrix of this shape to the nearest numbers of fresh grids.

        Raises:
            InputError: It has numbers that are not finite; nothing is changed then.
        """
        if not torch.isfinite(weight).all():
            raise InputError("a matrix with NaN or infinity cannot be quantised")
        for rows in self.row_strips():
            self.scale[rows].zero_()
            wide = weight[rows].to(self.device, torch.float32, copy=True)
            write_codes(wide, self.codes[rows], self.scale[rows], self.zero[rows], self.group, to_nearest)

    def parts(self) -> dict[str, Tensor]:
        """Codes, scales and zeros by name."""
        return {name: getattr(self, name) for name in PARTS}

    def with_parts(self, change: Callable[[Tensor], Tensor], dtype: torch.dtype | None = None) -> QuantizedTensor:
        """The same tensor with each part changed."""
        codes, scale, zero = (change(part) for part in self.parts().values())
        return QuantizedTensor(codes, scale, zero, self.group, dtype or self.dtype)

    def __repr__(self) -> str:  # type: ignore[override]
        kind = f"{str(self.dtype).removeprefix('torch.')} in 8 bits"
        return f"QuantizedTensor({tuple(self.shape)}, {kind}, group={self.group}, device={str(self.device)!r})"

    def __tensor_flatten__(self) -> tuple[list[str], tuple[int, torch.dtype]]:
        return list(PARTS), (self.group, self.dtype)

    @staticmethod
    def __tensor_unflatten__(
        parts: Mapping[str, Tensor], context: tuple[int, torch.dtype], size: Any, stride: Any
    ) -> QuantizedTensor:
        return QuantizedTensor(parts["codes"], parts["scale"], parts["zero"], *context)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            if func is F.linear:
                return quantized_linear(*args, **(kwargs or {}))
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        kwargs = kwargs or {}
        if func in OPERATIONS:
            return OPERATIONS[func](*args, **kwargs)
        if func._schema.is_mutable and _writes_codes(func, args, kwargs):
            raise InputError(
                f"{func.overloadpacket.__name__} cannot write into weights of 8 bits",
                allowed=["copy_ of a whole matrix", "the step of Apollo on a group with 'rank'"],
                hint="optimizers other than Apollo need plain weights: lightloop.optim.dequantize_weights(model)",
            )
        plain = tree_map_only(QuantizedTensor, QuantizedTensor.dequantize, (args, kwargs))
        return func(*plain[0], **plain[1])


def _check(weight: Tensor, group: int) -> None:
    if weight.ndim != 2 or weight.dtype not in DTYPES or weight.is_complex():
        raise InputError(
            f"a {weight.ndim}-dimensional tensor of {weight.dtype} cannot be quantised",
            allowed=["matrices of float32 or bfloat16"],
        )
    if isinstance(group, bool) or not isinstance(group, int) or group < 1:
        raise InputError(f"group={group!r} cannot be used", allowed=["an integer >= 1"])


def _writes_codes(func: Any, args: Any, kwargs: Any) -> bool:
    """Whether an argument that the operation writes into is, or holds, a quantised tensor."""
    written = []
    for place, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            written.append(args[place] if place < len(args) else kwargs.get(argument.name))
    found: list[Tensor] = []
    tree_map_only(QuantizedTensor, found.append, written)
    return bool(found)


def _alias(tensor: QuantizedTensor) -> QuantizedTensor:
    return tensor.with_parts(lambda part: part)


def _clone(tensor: QuantizedTensor, **_: Any) -> QuantizedTensor:
    return tensor.with_parts(Tensor.clone)


def _to_copy(tensor: QuantizedTensor, *, dtype: torch.dtype | None = None, **options: Any) -> Any:
    """The codes on another device; another floating-point dtype is another outward one."""
    if dtype is not None and dtype not in DTYPES:
        return torch.ops.aten._to_copy.default(tensor.dequantize(), dtype=dtype, **options)
    where = {key: options[key] for key in ("device", "non_blocking") if options.get(key) is not None}
    return tensor.with_parts(lambda part: part.to(**where, copy=True), dtype)


def _copy(target: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
    """Into a quantised tensor: part by part where the grids are alike, else rounded to the nearest."""
    if not isinstance(target, QuantizedTensor):
        return target.copy_(source.dequantize(), non_blocking)
    if isinstance(source, QuantizedTensor) and source.group == target.group and source.shape == target.shape:
        for name, part in target.parts().items():
            part.copy_(getattr(source, name), non_blocking)
        return target
    target.assign(
        torch.Tensor.expand(source.dequantize() if isinstance(source, QuantizedTensor) else source, target.shape)
    )
    return target


_aten = torch.ops.aten
OPERATIONS: dict[Any, Callable[..., Any]] = {
    _aten.detach.default: _alias,
    _aten.alias.default: _alias,
    _aten.clone.default: _clone,
    _aten._to_copy.default: _to_copy,
    _aten.copy_.default: _copy,
}
