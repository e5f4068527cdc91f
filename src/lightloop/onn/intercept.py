"""Products of a running model, caught on their way into torch and sent to a photonic core.

A `torch.overrides.TorchFunctionMode` sees every torch function that is called while it is active. Those that
are matrix products (`PRODUCTS`) are computed by the mode's `multiply`; everything else passes. Inside
`digital()` all passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import FunctionType
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from lightloop.onn.attention import attention
from lightloop.onn.einsum import einsum

Multiply = Callable[[Tensor, Tensor], Tensor]

_DIGITAL: ContextVar[bool] = ContextVar("products stay digital", default=False)


@contextmanager
def digital() -> Iterator[None]:
    """Let torch compute all products in this block itself."""
    token = _DIGITAL.set(True)
    try:
        yield
    finally:
        _DIGITAL.reset(token)


class ProductMode(TorchFunctionMode):
    """While active, matrix products of torch are computed by `multiply`.

    Args:
        multiply: The product of tensors `(..., t, k)` and `(..., k, o)`, with the broadcasting of
            `torch.matmul`.
        photonic: Counts the functions that were computed by `multiply`.
        digital: Counts products that were left to torch.
    """

    def __init__(self, multiply: Multiply, photonic: Counter[str], digital: Counter[str]) -> None:
        super().__init__()
        self.multiply, self.photonic, self.digital = multiply, photonic, digital

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if _DIGITAL.get():
            return func(*args, **kwargs)
        if name in COMPOSITES:
            with self:
                return _opened(func)(*args, **kwargs)
        if name in PRODUCTS:
            options = {key: value for key, value in kwargs.items() if key != "out"}
            result = PRODUCTS[name](self.multiply, *args, **options)
            if result is not NotImplemented:
                self.photonic[name] += 1
                return result if kwargs.get("out") is None else kwargs["out"].copy_(result)
        if name in PRODUCTS or name in LEFT_DIGITAL:
            self.digital[name] += 1
        return func(*args, **kwargs)


def _matmul(multiply: Multiply, input: Tensor, other: Tensor) -> Any:
    return multiply(input, other) if _is_dot_product(input) and _is_dot_product(other, -2) else NotImplemented


def _is_dot_product(operand: Any, summed_axis: int = -1) -> bool:
    """Not so for an outer product (length 1), which sums nothing, nor for whole numbers, which are indices or masks."""
    if not isinstance(operand, Tensor) or not operand.is_floating_point() or operand.dim() == 0:
        return False
    return operand.shape[summed_axis if operand.dim() > 1 else 0] > 1


def _rmatmul(multiply: Multiply, input: Tensor, other: Tensor) -> Any:
    return _matmul(multiply, other, input)


def _bmm(multiply: Multiply, input: Tensor, mat2: Tensor) -> Any:
    return _matmul(multiply, input, mat2)


def _addmm(multiply: Multiply, input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Any:
    product = _matmul(multiply, mat1, mat2)
    if product is NotImplemented:
        return product
    product = product if alpha == 1 else alpha * product
    return product + (input if beta == 1 else beta * input) if beta else product


def _baddbmm(
    multiply: Multiply, input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Any:
    return _addmm(multiply, input, batch1, batch2, beta=beta, alpha=alpha)


def _linear(multiply: Multiply, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    product = multiply(input, weight.mT if weight.dim() > 1 else weight)
    return product if bias is None else product + bias


PRODUCTS: dict[str, Callable[..., Any]] = {
    "matmul": _matmul,
    "linalg_matmul": _matmul,
    "__matmul__": _matmul,
    "__rmatmul__": _rmatmul,
    "mm": _bmm,
    "bmm": _bmm,
    "addmm": _addmm,
    "baddbmm": _baddbmm,
    "linear": _linear,
    "einsum": einsum,
    "scaled_dot_product_attention": attention,
}

# Functions of torch written in Python, with products in their body.
COMPOSITES = frozenset({"multi_head_attention_forward"})

LEFT_DIGITAL = frozenset(
    {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}
    | {"rnn_tanh", "rnn_relu", "lstm", "gru", "rnn_tanh_cell", "rnn_relu_cell", "lstm_cell", "gru_cell"}
    | {"bilinear", "tensordot", "inner", "dot", "vdot", "mv", "addmv", "addbmm", "chain_matmul"}
    | {"linalg_multi_dot", "linalg_vecdot", "addmm_", "baddbmm_", "addmv_", "addbmm_", "cdist", "cov", "corrcoef"}
)


@cache
def _opened(function: FunctionType) -> Callable[..., Any]:
    """A Python function of torch without the question at its top that would hand it back to the mode.

    The code object is torch's own, so what it computes (masks, biases, head splitting) is that of the
    installed torch.
    """
    names = {**function.__globals__, "has_torch_function": lambda tensors: False}
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
