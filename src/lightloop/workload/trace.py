"""Any `torch.nn.Module` or exported program as a list of matrix products.

The network runs once on tensors that have shapes but no data, and every product that reaches the dispatcher is noted.
No weight is copied and nothing is computed, so a model of any size can be traced.

An operand is a weight if it was computed from parameters and buffers alone; a product of two operands that both
depend on the input is marked dynamic (attention scores and values). A tensor of zeros or random numbers that `forward`
makes, such as the state that a recurrent layer starts from, is data and no weight: its products are run. Repeats that
use one weight again (steps in time, tied layers) say so in `weight_sets`.

A product of complex matrices is priced as four real ones of its shape, its name ending in `.complex`: the real and the
imaginary part of the weight, two weights, each with both parts of the data. Parameters and element-wise work count a
complex number as two.

What is neither product nor element-wise work
(pooling, reductions, sorting, Fourier transforms, ...) is listed in `unpriced` with its floating-point operations.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel

from lightloop.errors import InputError
from lightloop.workload.exported import Call, ProgramRun, inputs_of
from lightloop.workload.products import Workload
from lightloop.workload.recorder import Recorder


def trace(
    network: torch.nn.Module | torch.export.ExportedProgram,
    example_inputs: Any = None,
    *,
    name: str | None = None,
    tokens: int | None = None,
) -> Workload:
    """The matrix products and element-wise work of `network` on inputs of the given shapes.

    Args:
        network: A module, on any device (`meta` included), or a program from `torch.export.export`.
        example_inputs: A tensor, a tuple of all arguments, or a dict of keyword arguments. Only shapes and types count.
            A program may go without: it knows its inputs. One with open sizes needs them, for they bind the sizes.
        name: Name of the workload; the class of the module if None.
        tokens: Tokens that the inputs stand for; the number of integer inputs if None.

    Returns:
        The workload. Identical products of repeated layers (`layers.0.attn`, `layers.1.attn`, ...) are one entry.

    Raises:
        InputError: The network cannot run without data, it runs no matrix product or one that is not understood, or
            the sizes of a program are open and no inputs bind them.
    """
    if isinstance(network, torch.export.ExportedProgram):
        if example_inputs is None:
            example_inputs = inputs_of(network)
        run = ProgramRun(network)
        module: torch.nn.Module = run.module
        name = name or "exported program"
    elif isinstance(network, torch.nn.Module):
        module, run = network, None
        name = name or type(network).__name__
    else:
        raise InputError(f"trace needs a torch.nn.Module or an exported program, got {type(network).__name__}")
    args, kwargs = _arguments(example_inputs)
    recorder = Recorder()
    try:
        _play(module, args, kwargs, recorder, run)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{name} cannot be traced on inputs {_shapes(args, kwargs)}: {error}",
            hint="give example inputs of the right shapes; forward must not depend on values",
        ) from error
    products = recorder.products
    if not any(product.macs for product in products):
        raise InputError(f"{name} runs no matrix product on inputs {_shapes(args, kwargs)}")
    return Workload(
        name,
        products,
        recorder.vector_work,
        _tokens([*args, *kwargs.values()]) if tokens is None else tokens,
        parameters=sum(parameter.numel() * (1 + parameter.is_complex()) for parameter in module.parameters()),
        unpriced=recorder.unpriced,
    )


def _play(
    module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], recorder: Recorder, run: ProgramRun | None
) -> None:
    """Run the network on shadows of its inputs, before the recorder's eyes."""
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    with ExitStack() as stack:
        with fake:
            args = tuple(_shadow(value) for value in args)
            kwargs = {key: _shadow(value) for key, value in kwargs.items()}
            recorder.hold_static(stack.enter_context(_shadowed(module)))
        stack.enter_context(_evaluating(module))
        if run is None:
            stack.enter_context(_named_calls(module, recorder))
        for context in (_quiet(), torch.no_grad(), sdpa_kernel(SDPBackend.MATH), fake, recorder):
            stack.enter_context(context)
        play: Callable[..., Any] = module if run is None else run.player(recorder)
        play(*args, **kwargs)


def _arguments(example_inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if example_inputs is None:
        raise InputError("a module needs example_inputs", hint="give tensors of the shapes that it shall run on")
    if isinstance(example_inputs, Call):
        return example_inputs.args, example_inputs.kwargs
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
    whole = [v for v in tensors if not (v.dtype.is_floating_point or v.is_complex() or v.dtype == torch.bool)]
    return whole[0].numel() if whole else None


@contextmanager
def _quiet() -> Iterator[None]:
    """torch logs a traceback of what goes wrong on tensors without data; here the error itself says it."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    disabled, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = disabled


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
    for part, _ in modes:
        part.training = False
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
def _named_calls(module: torch.nn.Module, recorder: Recorder) -> Iterator[None]:
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
