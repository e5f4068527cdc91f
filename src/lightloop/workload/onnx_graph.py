"""An `.onnx` file as a list of matrix products.

Every operation of the graph is one of five things: a product (`onnx_products.py`), element-wise work, a move that
costs nothing, unpriced work with an estimate of its size (`onnx_elements.py`), or a mistake. None is left out
(`onnx_walk.py`).

Weights are not read: data beside the file stays there, and of data within it only small tensors are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightloop.errors import InputError, MissingProgramError
from lightloop.workload.onnx_mistakes import structural_mistakes
from lightloop.workload.onnx_shapes import ShapedGraph, bind_inputs, shaped_graph
from lightloop.workload.onnx_walk import Walk
from lightloop.workload.products import Unpriced, VectorWork, Workload
from lightloop.workload.request import Request, phaseless_mistakes, refuse, size_mistakes

_BINDING_HINT = (
    "bind open dimensions with batch, tokens or sizes={'NAME': SIZE}, on the command line --size NAME=SIZE for each"
)
_EXPORT_HINT = "export it in operations of the standard domain, with fixed shapes"


def onnx_workload(path: Path, request: Request, *, sizes: Mapping[str, int]) -> Workload:
    """The network of an ONNX file.

    Open dimensions of its inputs are bound by `sizes` (name of the dimension, or `input[axis]`, -> size), and by
    `batch` and `tokens` where their name says what they are. Element-wise work that adds a bias rides along with its
    product, as everywhere here. `parameters` counts stored tensors of fractional or 8-bit numbers with at least one
    axis; an exporter may store one weight twice, or two equal ones once.

    Raises:
        InputError: With all that stands against pricing it: open dimensions, undefined inputs, operations of unknown
            domains, operations that multiply matrices in a way that is not understood, operations whose output shape
            nobody can tell, sizes that do not fit, control flow.
        MissingProgramError: The package onnx is not installed.
    """
    model = _load(path)
    hints = [_binding_hint(model)]
    asked = [*size_mistakes(request), *phaseless_mistakes(request, "an ONNX graph")]
    unbound = bind_inputs(model, request, sizes)
    structural = structural_mistakes(model)
    parameters = _parameters(model)
    walk, graph = _walked(model, structural, bound=not asked and not unbound)
    hints = hints * bool(asked or unbound) + [_EXPORT_HINT] * bool(structural or walk.mistakes)
    found = [*asked, *unbound, *structural.values(), *walk.mistakes, *walk.misfits]
    refuse(str(path), found, hint="; ".join(hints) or None)
    if not any(product.macs for product in walk.products):
        raise InputError(f"{path} holds no matrix product")
    work = VectorWork(**walk.elements)
    unpriced = tuple(Unpriced(name, *counts) for name, counts in walk.unpriced.items())
    return Workload(
        path.stem,
        walk.products,
        work,
        _tokens(graph),
        batch=request.batch,
        parameters=parameters,
        unpriced=unpriced,
    )


def _load(path: Path) -> Any:
    try:
        import onnx
        import onnx.inliner
        import onnx.shape_inference
    except ImportError:
        raise MissingProgramError(
            f"{path} is an ONNX graph and the package onnx is not installed", hint="pip install 'lightloop[onnx]'"
        ) from None
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(path), load_external_data=False)
        return onnx.inliner.inline_local_functions(model) if model.functions else model
    except FileNotFoundError:
        raise InputError(f"file not found: {path}", hint="check the path") from None
    except (OSError, DecodeError) as error:
        raise InputError(f"cannot read {path} as an ONNX graph: {error}") from None


def _walked(model: Any, structural: Mapping[tuple[str, ...], str], *, bound: bool) -> tuple[Walk, ShapedGraph]:
    """Every operation taken, but for those that are mistakes already. Where sizes stay open, as far as they are known.

    A graph whose shapes contradict each other is a misfit with nothing taken.
    """
    import onnx

    try:
        graph = shaped_graph(model)
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError) as error:
        graph = ShapedGraph([], {}, {}, set(), [])
        walk = Walk(graph, bound=bound)
        walk.misfits.append(f"shapes do not fit together: {error}")
        return walk, graph
    walk = Walk(graph, bound=bound)
    for node in graph.nodes:
        if tuple(node.output) not in structural:
            walk.take(node)
    return walk, graph


def _binding_hint(model: Any) -> str:
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in stored]
    sizes = [
        [dim.dim_param or str(dim.dim_value or "?") for dim in value.type.tensor_type.shape.dim] for value in inputs
    ]
    shapes = [f"{value.name}[{', '.join(dims)}]" for value, dims in zip(inputs, sizes, strict=True)]
    return f"the inputs are {', '.join(shapes)}; {_BINDING_HINT}"


def _parameters(model: Any) -> int:
    """Elements of stored tensors that may be weights."""
    from onnx import TensorProto as T

    weights = {T.FLOAT, T.FLOAT16, T.BFLOAT16, T.DOUBLE, T.INT8, T.UINT8, T.INT4, T.UINT4}
    stored = model.graph.initializer
    return sum(math.prod(tensor.dims) for tensor in stored if tensor.data_type in weights and tensor.dims)


def _tokens(graph: ShapedGraph) -> int | None:
    """Elements of the first input of whole numbers."""
    from onnx import TensorProto

    whole = {TensorProto.INT64, TensorProto.INT32}
    found = [name for name in graph.inputs if graph.element_types.get(name) in whole and name in graph.shapes]
    return graph.elements(found[0]) if found else None
