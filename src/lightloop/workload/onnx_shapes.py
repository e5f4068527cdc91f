"""An ONNX graph with all sizes known: open dimensions bound, shapes inferred, small whole-number constants worked out.

Shapes come from ONNX's own inference. Graphs exported with open sizes compute shapes at run time (Shape, Gather,
Concat, Reshape); where the inference does not follow them, those nodes are evaluated by ONNX's reference
implementation and the inference is run again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lightloop.workload.request import Request, is_size

# What exporters call the axes that a batch and a sequence lie on.
BATCH_AXES = {"batch", "batch_size", "batchsize", "bs", "b", "n"}
TOKEN_AXES = {"sequence", "sequence_length", "seq", "seq_len", "seqlen", "seq_length", "tokens", "length", "t", "time"}
_FOLDED_ELEMENTS = 1024  # shapes, axes and index ranges; never weights


@dataclass
class ShapedGraph:
    """A graph whose tensors have shapes.

    Args:
        nodes: Its operations, in an order in which they can run.
        shapes: Tensor -> shape, for those that are known.
        element_types: Tensor -> ONNX element type, for those that are known.
        weights: Names of the tensors that are stored in the file.
        inputs: Names of the tensors that are handed in.
        constants: Small tensors whose values are known.
    """

    nodes: list[Any]
    shapes: dict[str, tuple[int, ...]]
    element_types: dict[str, int]
    weights: set[str]
    inputs: list[str]
    constants: dict[str, Any] = field(default_factory=dict)

    def elements(self, name: str) -> int:
        """Elements of a tensor of known shape."""
        return math.prod(self.shapes[name])

    def is_number(self, name: str) -> bool:
        """Whether a tensor holds numbers of the network, with a fraction or quantised, and not indices or truth values.

        Taken for granted where the type is not known.
        """
        from onnx import TensorProto

        others = {TensorProto.BOOL, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64, TensorProto.STRING,
                  TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64}  # fmt: skip
        return self.element_types.get(name, TensorProto.FLOAT) not in others


def bind_inputs(model: Any, request: Request, sizes: Mapping[str, int]) -> list[str]:
    """Give each open dimension of the inputs its size, in place, and say what cannot be bound.

    A dimension is bound by `sizes` under its name (or `input[axis]` where it has none), or by `batch` and `tokens`
    where its name says that it is that axis.

    Returns:
        Mistakes: open dimensions that nothing binds, and sizes, batch or tokens that nothing asks for.
    """
    stored = {tensor.name for tensor in model.graph.initializer}
    used: set[str] = set()
    loose = []
    for value in model.graph.input:
        if value.name in stored:
            continue
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.HasField("dim_value") and dim.dim_value > 0:
                continue
            place = f"{value.name}[{axis}]"
            label = dim.dim_param or place
            key, size = _binding(label, place, request, sizes)
            if size is None:
                loose.append(f"{place} is open ({label})")
                continue
            used.add(key)
            if is_size(size):
                dim.dim_value = size
    return [*loose, *_unused(used, request, sizes)]


def _binding(label: str, place: str, request: Request, sizes: Mapping[str, int]) -> tuple[str, int | None]:
    """(what binds a dimension, its size)."""
    for key in (label, place):
        if key in sizes:
            return key, sizes[key]
    if label.lower() in BATCH_AXES:
        return "batch", request.batch
    if label.lower() in TOKEN_AXES:
        return "tokens", request.tokens
    return label, None


def _unused(used: set[str], request: Request, sizes: Mapping[str, int]) -> list[str]:
    found = [f"sizes: no open dimension of the inputs is called {key!r}" for key in sizes if key not in used]
    found += [
        f"sizes: {key} must be a whole number of at least 1, got {value!r}"
        for key, value in sizes.items()
        if not is_size(value)
    ]
    if request.batch != 1 and "batch" not in used:
        found.append(f"batch = {request.batch} binds nothing: no open dimension is named like a batch")
    if request.tokens is not None and "tokens" not in used:
        found.append(f"tokens = {request.tokens} binds nothing: no open dimension is named like a sequence")
    return found


def shaped_graph(model: Any) -> ShapedGraph:
    """Shapes of all tensors of a model whose inputs are bound. The model's stored weights are emptied on the way."""
    import onnx

    _forget_weights(model)
    _forget_open_shapes(model.graph)
    constants = _small_constants(model.graph)
    while True:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
        shapes, types = _known(inferred.graph)
        if not _fold(model.graph, shapes, types, constants):
            break
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in stored]
    return ShapedGraph(list(model.graph.node), shapes, types, stored, inputs, constants)


def _forget_weights(model: Any) -> None:
    """Drop the data of tensors that no shape can depend on, so that the inference does not copy them."""
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) > _FOLDED_ELEMENTS:
            for data in ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data"):
                tensor.ClearField(data)


def _forget_open_shapes(graph: Any) -> None:
    """Shapes that were noted with sizes open; the inference finds them anew."""
    for values in (graph.value_info, graph.output):
        for value in values:
            if value.type.HasField("tensor_type") and _shape(value) is None:
                value.type.tensor_type.ClearField("shape")


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of a tensor, if all of it is known."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    dims = tensor.shape.dim
    return tuple(dim.dim_value for dim in dims) if all(dim.HasField("dim_value") for dim in dims) else None


def _known(graph: Any) -> tuple[dict[str, tuple[int, ...]], dict[str, int]]:
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        shape = _shape(value)
        if shape is not None:
            shapes[value.name] = shape
        if value.type.tensor_type.elem_type:
            types[value.name] = value.type.tensor_type.elem_type
    return shapes, types


def _fold(
    graph: Any, shapes: Mapping[str, tuple[int, ...]], types: Mapping[str, int], constants: dict[str, Any]
) -> bool:
    """Work out what shapes are computed from, and put it into the graph. True if that is anything new.

    Only what stands before a tensor of unknown shape is worked out; the rest needs no help.
    """
    from onnx import helper, numpy_helper

    if all(name in shapes for node in graph.node for name in node.output if name):
        return False
    new = _evaluated(graph.node, shapes, constants)
    for name in new.keys() & types.keys():  # the reference implementation may answer in a wider type
        new[name] = new[name].astype(helper.tensor_dtype_to_np_dtype(types[name]))
    left = [node for node in graph.node if not new.keys() & set(node.output)]
    del graph.node[:]
    graph.node.extend(left)
    noted = [value for value in graph.value_info if value.name not in new]  # else the note outweighs the value
    del graph.value_info[:]
    graph.value_info.extend(noted)
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in new.items())
    constants |= new
    return bool(new)


def _small_constants(graph: Any) -> dict[str, Any]:
    """Values of the stored tensors that are small and lie in the file itself."""
    from onnx import numpy_helper

    small = [t for t in graph.initializer if math.prod(t.dims) <= _FOLDED_ELEMENTS and not t.external_data]
    given = {tensor.name: numpy_helper.to_array(tensor) for tensor in small}
    constants = [node for node in graph.node if node.op_type == "Constant"]
    found = {node.output[0]: _value(node, {}) for node in constants}
    return given | {name: value for name, value in found.items() if value is not None}


def _evaluated(
    nodes: Iterable[Any], shapes: Mapping[str, tuple[int, ...]], constants: Mapping[str, Any]
) -> dict[str, Any]:
    """Outputs of the nodes whose inputs are constants, and of `Shape` where the shape is known."""
    import numpy as np

    known, new = dict(constants), {}
    for node in nodes:
        if len(node.output) != 1 or node.domain not in {"", "ai.onnx"}:
            continue
        if node.op_type == "Shape" and node.input[0] in shapes:
            bounds = {attribute.name: attribute.i for attribute in node.attribute}
            value = np.array(shapes[node.input[0]][bounds.get("start", 0) : bounds.get("end")], dtype=np.int64)
        elif all(name in known for name in node.input if name):
            value = _value(node, known)
        else:
            continue
        if value is not None and value.size <= _FOLDED_ELEMENTS:
            known[node.output[0]] = new[node.output[0]] = value
    return new


def _value(node: Any, known: Mapping[str, Any]) -> Any:
    """What a node makes of constants, or None where the reference implementation does not know it."""
    import numpy as np
    from onnx.reference import ReferenceEvaluator

    if any(attribute.HasField("g") for attribute in node.attribute):
        return None
    try:
        (value,) = ReferenceEvaluator(node).run(None, {name: known[name] for name in node.input if name})
    except Exception:  # an operation that is not there, or one that cannot take these values: its shape stays unknown
        return None
    return np.asarray(value) if isinstance(value, np.ndarray | np.generic) else None
