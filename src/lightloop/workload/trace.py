"""Any `torch.nn.Module` as a list of matrix products.

The module runs once on tensors that have shapes but no data, and every product that reaches the dispatcher is noted.
No weight is copied and nothing is computed, so a model of any size can be traced.

An operand is a weight if it was computed from parameters and buffers alone; a product of two operands that both
depend on the input is marked dynamic (attention scores and values).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from lightloop.errors import InputError
from lightloop.workload.products import MatrixProduct, VectorWork, Workload

aten = torch.ops.aten


def trace(
    module: torch.nn.Module, example_inputs: Any, *, name: str | None = None, tokens: int | None = None
) -> Workload:
    """The matrix products and element-wise work of `module` on inputs of the given shapes.

    Args:
        module: The network, on any device (`meta` included).
        example_inputs: A tensor, a tuple of arguments, or a dict of keyword arguments. Only shapes and types count.
        name: Name of the workload; the class of the module if None.
        tokens: Tokens that the inputs stand for; the number of integer inputs if None.

    Returns:
        The workload. Identical products of repeated layers (`layers.0.attn`, `layers.1.attn`, ...) are one entry.

    Raises:
        InputError: The module cannot run without data, it runs no matrix product, or one that is not understood.
    """
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"trace needs a torch.nn.Module, got {type(module).__name__}")
    args, kwargs = _arguments(example_inputs)
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    recorder = _Recorder()
    try:
        with ExitStack() as stack:
            with fake:
                args = tuple(_shadow(value) for value in args)
                kwargs = {key: _shadow(value) for key, value in kwargs.items()}
                recorder.hold_static(stack.enter_context(_shadowed(module)))
            stack.enter_context(_evaluating(module))
            stack.enter_context(_named_calls(module, recorder))
            for context in (torch.no_grad(), sdpa_kernel(SDPBackend.MATH), fake, recorder):
                stack.enter_context(context)
            module(*args, **kwargs)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{type(module).__name__} cannot be traced on inputs {_shapes(args, kwargs)}: {error}",
            hint="give example inputs of the right shapes; forward must not depend on values",
        ) from error
    if not any(product.macs for product in recorder.products.values()):
        raise InputError(f"{type(module).__name__} runs no matrix product on inputs {_shapes(args, kwargs)}")
    work = VectorWork(**recorder.elements)
    if tokens is None:
        tokens = _tokens([*args, *kwargs.values()])
    return Workload(name or type(module).__name__, tuple(recorder.products.values()), work, tokens)


def _arguments(example_inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(example_inputs, Mapping):
        return (), dict(example_inputs)
    return (tuple(example_inputs) if isinstance(example_inputs, tuple | list) else (example_inputs,)), {}


def _shadow(value: Any) -> Any:
    """A tensor's shape and type without its data."""
    return torch.empty(value.shape, dtype=value.dtype) if isinstance(value, torch.Tensor) else value


def _shapes(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    values = [*args, *kwargs.values()]
    return ", ".join(str(tuple(v.shape)) if isinstance(v, torch.Tensor) else repr(v) for v in values)


def _tokens(values: list[Any]) -> int | None:
    """Elements of the first integer input."""
    tensors = [value for value in values if isinstance(value, torch.Tensor)]
    whole = [value for value in tensors if not value.dtype.is_floating_point and value.dtype != torch.bool]
    return whole[0].numel() if whole else None


@contextmanager
def _shadowed(module: torch.nn.Module) -> Iterator[list[torch.Tensor]]:
    """Parameters and buffers stand aside for tensors without data, and come back whatever happens."""
    held: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (slots, dict(slots))
        for part in module.modules()
        for slots in (part._parameters, part._buffers)  # type: ignore[misc]
    ]
    shadows: dict[int, torch.Tensor] = {}  # a tensor that is used twice has one shadow
    try:
        for slots, originals in held:
            for name, value in originals.items():
                if value is None:
                    continue
                if id(value) not in shadows:
                    shadows[id(value)] = _shadow(value)
                slots[name] = shadows[id(value)]
        yield list(shadows.values())
    finally:
        for slots, originals in held:
            slots.update(originals)


@contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode without fused attention and recurrent layers, which would hide products; restored afterwards."""
    modes = [(part, part.training) for part in module.modules()]
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    module.eval()
    recurrent_fused = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(recurrent_fused)
        torch.backends.mha.set_fastpath_enabled(fast_path)
        for part, training in modes:
            part.training = training


@contextmanager
def _named_calls(module: torch.nn.Module, recorder: _Recorder) -> Iterator[None]:
    """Tell the recorder which submodule is running."""
    hooks = []
    for path, part in module.named_modules():
        hooks.append(part.register_forward_pre_hook(lambda *_, path=path: recorder.enter(path)))
        hooks.append(part.register_forward_hook(lambda *_: recorder.leave(), always_call=True))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


# The number of a layer among its like: a number with something after it (`blocks.3.proj`, not `classifier.3`).
_LAYER_NUMBER = re.compile(r"(?:(?<=\.)|^)\d+(?=\.)")

# Element-wise work by the kind that the cost model prices; every other element-wise operation counts as an addition.
KINDS = {
    "softmax": ("_softmax", "_log_softmax", "_safe_softmax"),
    "norm": ("native_layer_norm", "native_group_norm", "native_batch_norm", "_native_batch_norm_legit_no_training",
             "_fused_rms_norm"),
    "activation": ("gelu", "silu", "relu", "sigmoid", "tanh", "elu", "leaky_relu", "hardswish", "mish"),
}  # fmt: skip
_KIND_OF = {operation: kind for kind, operations in KINDS.items() for operation in operations}
_NEVER_NEGATIVE = {"_softmax", "_safe_softmax", "relu", "sigmoid", "exp", "abs", "square"}
# Operations that move numbers without changing their sign.
_MOVES = {
    "clone",
    "_to_copy",
    "copy_",
    "cat",
    "stack",
    "index",
    "index_select",
    "repeat",
    "dropout",
    "native_dropout",
}


class _Recorder(TorchDispatchMode):
    """Notes every matrix product and the size of the work between them."""

    def __init__(self) -> None:
        super().__init__()
        self.products: dict[tuple[Any, ...], MatrixProduct] = {}
        self.elements = {"softmax": 0, "norm": 0, "activation": 0, "add": 0}
        self._alive: list[torch.Tensor] = []  # a storage's address must not be reused while we go by it
        self._static: set[int] = set()
        self._nonnegative: set[int] = set()
        self._path: list[str] = []
        self._calls: list[int] = []

    def hold_static(self, tensors: list[torch.Tensor]) -> None:
        """Take parameters and buffers to be constants."""
        self._alive += tensors
        self._static |= {_storage(tensor) for tensor in tensors}

    def enter(self, path: str) -> None:
        self._path.append(path)
        self._calls.append(0)

    def leave(self) -> None:
        self._path.pop()
        self._calls.pop()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        inputs = _tensors((args, kwargs))
        name = func.overloadpacket.__name__
        if name in NOT_UNDERSTOOD and not self._constant(inputs):
            raise InputError(f"the operation {name} multiplies matrices in a way that is not traced yet")
        if name in PRODUCTS and not self._constant(inputs):
            for m, k, n, heads, left, right in PRODUCTS[name](args, outputs):
                self._note(m, k, n, heads, left, right)
        for output in _tensors(outputs):
            self._remember(name, inputs, output, writes=func._schema.is_mutable)
        self._count(func, name, inputs, outputs)
        return outputs

    def _constant(self, tensors: list[torch.Tensor]) -> bool:
        return all(self._is_static(tensor) for tensor in tensors)

    def _is_static(self, tensor: torch.Tensor) -> bool:
        """A constant, or a real tensor that a module keeps outside of its parameters."""
        return not isinstance(tensor, FakeTensor) or _storage(tensor) in self._static

    def _remember(self, name: str, inputs: list[torch.Tensor], output: torch.Tensor, *, writes: bool) -> None:
        self._alive.append(output)
        key = _storage(output)
        (self._static.add if self._constant(inputs) else self._static.discard)(key)
        moved = name in _MOVES and inputs and all(_storage(tensor) in self._nonnegative for tensor in inputs)
        if name.removesuffix("_") in _NEVER_NEGATIVE or moved:
            self._nonnegative.add(key)
        elif writes or key not in {_storage(tensor) for tensor in inputs}:
            self._nonnegative.discard(key)

    def _count(self, func: Any, name: str, inputs: list[torch.Tensor], outputs: Any) -> None:
        kind = _KIND_OF.get(name.removesuffix("_"), "add" if torch.Tag.pointwise in func.tags else None)
        produced = _tensors(outputs)
        if kind is None or not produced or self._constant(inputs) or not produced[0].dtype.is_floating_point:
            return
        if name not in _MOVES:
            self.elements[kind] += produced[0].numel()

    def _note(self, m: int, k: int, n: int, heads: int, left: torch.Tensor, right: torch.Tensor) -> None:
        static = [self._is_static(operand) for operand in (left, right)]
        signs = [_storage(operand) in self._nonnegative for operand in (left, right)]
        if static[1] and not static[0]:  # the weight is the left operand, whatever side the layer wrote it on
            m, n, signs = n, m, signs[::-1]
        if any(static) and heads > 1 and (left if static[0] else right).stride(0) == 0:
            n, heads = n * heads, 1  # one weight for the whole batch, not one for each entry
        nonnegative = "right" if signs[1] else "left" if signs[0] else None
        product = MatrixProduct(self._name(any(static)), m, k, n, heads, 1, not any(static), nonnegative)
        key = (product.name, *product.shape, product.nonnegative)
        held = self.products.get(key)
        if held is not None:
            product = MatrixProduct(**{**vars(held), "repeat": held.repeat + 1})
        self.products[key] = product

    def _name(self, static: bool) -> str:
        """The submodule's path with layer numbers as stars; products without a weight are numbered within it."""
        path = (self._path[-1] if self._path else "") or "network"
        if not static:
            self._calls[-1] += 1
            path = f"{path}.product_{self._calls[-1]}"
        return _LAYER_NUMBER.sub("*", path)


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _tensors(values: Any) -> list[torch.Tensor]:
    return [leaf for leaf in torch.utils._pytree.tree_leaves(values) if isinstance(leaf, torch.Tensor)]


# Products that no reader below counts; a model that runs one is refused rather than priced too low.
NOT_UNDERSTOOD = {
    "mkldnn_rnn_layer", "_trilinear", "addbmm", "addr", "_scaled_mm", "_int_mm", "_grouped_mm", "_thnn_fused_lstm_cell",
    "_thnn_fused_gru_cell", "_cdist_forward",
}  # fmt: skip

Shapes = list[tuple[int, int, int, int, torch.Tensor, torch.Tensor]]


def _plain(first: int) -> Callable[[Any, Any], Shapes]:
    """(m, k) @ (k, n), the operands standing at `first` and after it among the arguments."""

    def shapes(args: Any, _outputs: Any) -> Shapes:
        left, right = args[first], args[first + 1]
        return [(left.shape[0], left.shape[1], right.shape[1], 1, left, right)]

    return shapes


def _batched(first: int) -> Callable[[Any, Any], Shapes]:
    """(b, m, k) @ (b, k, n)."""

    def shapes(args: Any, _outputs: Any) -> Shapes:
        left, right = args[first], args[first + 1]
        return [(left.shape[1], left.shape[2], right.shape[2], left.shape[0], left, right)]

    return shapes


def _matrix_vector(first: int) -> Callable[[Any, Any], Shapes]:
    def shapes(args: Any, _outputs: Any) -> Shapes:
        left, right = args[first], args[first + 1]
        return [(left.shape[0], left.shape[1], 1, 1, left, right)]

    return shapes


def _dot(args: Any, _outputs: Any) -> Shapes:
    return [(1, args[0].shape[0], 1, 1, args[0], args[1])]


def _convolution(args: Any, outputs: Any) -> Shapes:
    """A convolution as the product of its kernels with the patches under them.

    A transposed one is the product of its kernels, each tap an output of its own, with the pixels of the signal.
    """
    signal, kernel, transposed, groups = args[0], args[1], args[6], args[8]
    first, rest = kernel.shape[0] // groups, kernel[0].numel()
    m, k = (rest, first) if transposed else (first, rest)
    positions = signal if transposed else outputs
    return [(m, k, positions.shape[0] * positions[0, 0].numel(), groups, kernel, signal)]


PRODUCTS: dict[str, Callable[[Any, Any], Shapes]] = {
    "mm": _plain(0),
    "addmm": _plain(1),
    "bmm": _batched(0),
    "baddbmm": _batched(1),
    "mv": _matrix_vector(0),
    "addmv": _matrix_vector(1),
    "dot": _dot,
    "convolution": _convolution,
}
