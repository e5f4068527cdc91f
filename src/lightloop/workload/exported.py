"""Programs of `torch.export`: their inputs, and a way to run them that still knows which submodule each step is of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.export.graph_signature import InputKind

from lightloop.errors import InputError
from lightloop.workload.recorder import Recorder

_DROPS = {torch.ops.aten.dropout.default, torch.ops.aten.feature_dropout.default, torch.ops.aten.alpha_dropout.default}


@dataclass(frozen=True)
class Call:
    """Positional and keyword arguments."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def inputs_of(program: torch.export.ExportedProgram) -> Call:
    """The inputs that a program was exported with, as tensors without data.

    Raises:
        InputError: Sizes are open; all of them are listed.
    """
    users = {spec.arg.name for spec in program.graph_signature.input_specs if spec.kind == InputKind.USER_INPUT}
    nodes = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in users]
    values = [node.meta.get("val") for node in nodes]
    open_sizes = [
        f"{node.name}.shape[{axis}] = {size} ({_range(program, size)})"
        for node, value in zip(nodes, values, strict=True)
        if isinstance(value, torch.Tensor)
        for axis, size in enumerate(value.shape)
        if not isinstance(size, int)
    ]
    if open_sizes:
        raise InputError(
            f"the exported program has open sizes: {', '.join(open_sizes)}",
            hint="give example_inputs, whose shapes bind them, or export it without dynamic_shapes",
        )
    flat = [torch.empty(v.shape, dtype=v.dtype, device="meta") if isinstance(v, torch.Tensor) else v for v in values]
    args, kwargs = torch.utils._pytree.tree_unflatten(flat, program.call_spec.in_spec)
    return Call(tuple(args), dict(kwargs))


def _range(program: torch.export.ExportedProgram, size: Any) -> str:
    """The values an open size may take."""
    bounds = program.range_constraints.get(size.node.expr)
    return "any" if bounds is None else f"{bounds.lower} to {bounds.upper}"


class ProgramRun:
    """A program as a module with its weights, and its graph as something that tells a recorder where it is."""

    def __init__(self, program: torch.export.ExportedProgram) -> None:
        self.module = program.module()
        self._in_spec = program.call_spec.in_spec

    def player(self, recorder: Recorder) -> Callable[..., Any]:
        """What runs the graph, step by step."""
        interpreter = _Player(self.module, recorder)

        def play(*args: Any, **kwargs: Any) -> Any:
            flat, given = torch.utils._pytree.tree_flatten((args, kwargs))
            if given != self._in_spec:
                raise InputError(f"the program takes inputs {self._in_spec}, and was given {given}")
            return interpreter.run(*flat, enable_io_processing=False)

        return play


class _Player(torch.fx.Interpreter):
    """Runs a graph and enters and leaves submodules as the network it came from did."""

    def __init__(self, module: Any, recorder: Recorder) -> None:
        super().__init__(module)
        self._recorder = recorder
        self._within: list[tuple[str, str]] = []

    def run_node(self, n: torch.fx.Node) -> Any:
        """One step, with the recorder told of the submodules around it."""
        if n.op == "call_module" and str(n.target).startswith("_guards"):
            return None  # checks of values, which shadows have not
        if n.op.startswith("call_"):
            self._move([(key, path) for key, (path, _) in (n.meta.get("nn_module_stack") or {}).items()])
        return super().run_node(n)

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One operation. A program that was exported for training still drops numbers; a machine does not."""
        return args[0] if target in _DROPS else super().call_function(target, args, kwargs)

    def _move(self, wanted: list[tuple[str, str]]) -> None:
        common = 0
        while common < min(len(wanted), len(self._within)) and wanted[common] == self._within[common]:
            common += 1
        for _ in self._within[common:]:
            self._recorder.leave()
        for _, path in wanted[common:]:
            self._recorder.enter(path)
        self._within = wanted
