"""An `.onnx` file as a list of matrix products.

Every operation of the graph is one of five things: a product (`onnx_products.py`), element-wise work, a move that
costs nothing, unpriced work with an estimate of its size (`onnx_elements.py`), or a mistake. None is left out.

Weights are not read: data beside the file stays there, and of data within it only small tensors are looked at.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lightloop.errors import InputError, MissingProgramError
from lightloop.workload.onnx_elements import COPIES_KEPT, FREE, KIND_OF, NEVER_NEGATIVE, SIGN_KEPT, unpriced_flops
from lightloop.workload.onnx_products import PRODUCTS, WORK, Step, UnreadableError, is_not_understood
from lightloop.workload.onnx_shapes import ShapedGraph, bind_inputs, shaped_graph
from lightloop.workload.products import MatrixProduct, Unpriced, VectorWork, Workload
from lightloop.workload.request import Request, phaseless_mistakes, refuse, size_mistakes

_STANDARD = {"", "ai.onnx", "ai.onnx.ml"}
_SUBGRAPHS = {"If", "Loop", "Scan", "SequenceMap"}
# Their output is as long as their data make it.
_DATA_DEPENDENT = {"NonMaxSuppression", "NonZero", "Unique", "Compress"}
_LAYER_NUMBER = re.compile(r"(?:(?<=\.)|^)\d+(?=\.)")


def onnx_workload(path: Path, request: Request, *, sizes: Mapping[str, int]) -> Workload:
    """The network of an ONNX file.

    Open dimensions of its inputs are bound by `sizes` (name of the dimension, or `input[axis]`, -> size), and by
    `batch` and `tokens` where their name says what they are. Element-wise work that adds a bias rides along with its
    product, as everywhere here. `parameters` counts stored tensors of fractional or 8-bit numbers with at least one
    axis; an exporter may store one weight twice, or two equal ones once.

    Raises:
        InputError: With all that stands against pricing it: open dimensions, operations that multiply matrices in a
            way that is not understood, operations whose output shape nobody can tell, control flow.
        MissingProgramError: The package onnx is not installed.
    """
    model = _load(path)
    mistakes = [*size_mistakes(request), *phaseless_mistakes(request, "an ONNX graph")]
    hint = _binding_hint(model)
    refuse(str(path), mistakes or bind_inputs(model, request, sizes), hint=hint)
    parameters = _parameters(model)
    graph = _shaped(model, path)
    walk = _Walk(graph)
    for node in graph.nodes:
        walk.take(node)
    refuse(str(path), walk.mistakes, hint="export it in operations of the standard domain, with fixed shapes")
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


def _shaped(model: Any, path: Path) -> ShapedGraph:
    import onnx

    try:
        return shaped_graph(model)
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError) as error:
        raise InputError(f"shapes of {path} do not fit together: {error}") from None


def _binding_hint(model: Any) -> str:
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in stored]
    sizes = [
        [dim.dim_param or str(dim.dim_value or "?") for dim in value.type.tensor_type.shape.dim] for value in inputs
    ]
    shapes = [f"{value.name}[{', '.join(dims)}]" for value, dims in zip(inputs, sizes, strict=True)]
    return f"the inputs are {', '.join(shapes)}; bind open dimensions with batch, tokens or sizes={{'name': size}}"


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


class _Walk:
    """Takes the operations of a graph one by one and notes what each of them is."""

    def __init__(self, graph: ShapedGraph) -> None:
        self.elements = {"softmax": 0, "norm": 0, "activation": 0, "add": 0}
        self.unpriced: dict[str, tuple[int, int]] = {}
        self.mistakes: list[str] = []
        self._counts: dict[MatrixProduct, int] = {}
        self._graph = graph
        self._weights = set(graph.weights)
        self._nonnegative: set[str] = set()
        self._run_time: set[str] = set()  # tensors that are as large as the data make them
        self._linear: set[str] = set()  # outputs of products with a weight, which a bias may follow
        self._numbers: dict[str, int] = {}
        self._copies: dict[str, int] = {}

    @property
    def products(self) -> tuple[MatrixProduct, ...]:
        """The matrix products, those of repeated layers as one."""
        return tuple(replace(product, repeat=product.repeat * count) for product, count in self._counts.items())

    def take(self, node: Any) -> None:
        """Note one operation."""
        from onnx.helper import get_attribute_value

        inputs, outputs = tuple(node.input), tuple(name for name in node.output if name)
        static = all(name in self._weights for name in inputs if name) or node.op_type in {"Shape", "Size"}
        if self._is_mistake(node, inputs, outputs, static=static):
            return
        self._carry(node.op_type, inputs, outputs, static=static)
        self._carry_copies(node.op_type, inputs, outputs)
        if static or node.op_type in FREE:
            return
        if self._run_time & {*inputs, *outputs} - (set(outputs) if node.op_type in _DATA_DEPENDENT else set()):
            self._unprice(f"{node.op_type} (of a size known at run time only)", 0)
            return
        attributes = {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}
        step = Step(node.op_type, inputs, outputs, attributes, self._graph.shapes, self._weights, self._copies)
        if node.op_type in PRODUCTS and node.domain in _STANDARD:
            self._multiply(node, step)
        elif node.op_type in KIND_OF and node.domain in _STANDARD:
            self._elementwise(step)
        else:
            self._other(node, step)

    def _is_mistake(self, node: Any, inputs: tuple[str, ...], outputs: tuple[str, ...], *, static: bool) -> bool:
        """Whether nobody can price this node. Only the first of those that hang on each other is noted."""
        shapes, label = self._graph.shapes, f"{node.op_type} ({node.name or ', '.join(outputs)})"
        unknown = [name for name in outputs if name not in shapes]
        if node.op_type in _SUBGRAPHS:
            self.mistakes.append(f"{label}: how often control flow runs is not known")
        elif is_not_understood(node.op_type, foreign=node.domain not in _STANDARD) and not static:
            self.mistakes.append(f"{label} multiplies matrices in a way that is not understood yet")
        elif node.op_type in _DATA_DEPENDENT or self._run_time & set(inputs):
            self._run_time |= set(unknown)
            if node.op_type in PRODUCTS and unknown:
                self.mistakes.append(f"{label}: a product of a size that is known at run time only")
                return True
            return False
        elif unknown and all(name in shapes for name in inputs if name):
            where = f" of domain {node.domain!r}" if node.domain not in _STANDARD else ""
            self.mistakes.append(f"{label}{where}: the shape of its output {unknown[0]!r} cannot be inferred")
        else:
            return any(name not in shapes for name in (*inputs, *unknown) if name)
        return True

    def _carry(self, operation: str, inputs: tuple[str, ...], outputs: tuple[str, ...], *, static: bool) -> None:
        """What is known of the inputs is known of the outputs."""
        if static:
            self._weights |= set(outputs)
        numbers = [name for name in inputs if name and self._graph.is_number(name)]
        numbers = numbers if operation in {"Concat", "Where"} else numbers[:1]
        kept = operation in SIGN_KEPT and numbers and all(self._is_nonnegative(name) for name in numbers)
        cut = operation == "Clip" and len(inputs) > 1 and inputs[1] and self._is_nonnegative(inputs[1])
        if operation in NEVER_NEGATIVE or kept or cut:
            self._nonnegative |= set(outputs)

    def _carry_copies(self, operation: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        """How often each matrix is repeated: what `Expand` adds along any axis but the last two."""
        if operation not in COPIES_KEPT or not {inputs[0], outputs[0]} <= self._graph.shapes.keys():
            return
        if operation in {"Mul", "Div"} and any(self._graph.elements(name) > 1 for name in inputs[1:]):
            return
        copies = self._copies.get(inputs[0], 1)
        before, after = self._graph.shapes[inputs[0]], self._graph.shapes[outputs[0]]
        if operation == "Expand" and before[-2:] == after[-2:]:
            copies *= self._graph.elements(outputs[0]) // max(self._graph.elements(inputs[0]), 1)
        if copies > 1:
            self._copies[outputs[0]] = copies

    def _is_nonnegative(self, name: str) -> bool:
        constant = self._graph.constants.get(name)
        return name in self._nonnegative or (constant is not None and constant.size > 0 and constant.min() >= 0)

    def _multiply(self, node: Any, step: Step) -> None:
        try:
            found = PRODUCTS[step.operation](step)
        except UnreadableError as error:
            self.mistakes.append(f"{step.operation} ({node.name}): {error}")
            return
        for operands in found:
            left, right = (step.inputs[side] in self._nonnegative for side in (operands.left, operands.right))
            sign = operands.product.nonnegative or ("right" if right else "left" if left else None)
            if operands.product.name == "state":
                sign = None
            name = self._name(node, operands.product)
            product = replace(operands.product, name=name, nonnegative=sign)
            self._counts[product] = self._counts.get(product, 0) + 1
            if not product.dynamic:
                self._linear |= set(step.outputs)
        for kind, elements in WORK.get(step.operation, lambda _: {})(step).items():
            self.elements[kind] += elements

    def _elementwise(self, step: Step) -> None:
        others = [name for name in step.inputs if name not in self._weights]
        is_bias = step.operation == "Add" and len(others) == 1 and others[0] in self._linear
        if self._graph.is_number(step.outputs[0]) and not is_bias:
            self.elements[KIND_OF[step.operation]] += self._graph.elements(step.outputs[0])

    def _other(self, node: Any, step: Step) -> None:
        known = self._graph.shapes
        if not any(self._graph.is_number(name) for name in (*step.inputs, *step.outputs) if name):
            return  # indices
        name = step.operation if node.domain in _STANDARD else f"{node.domain}.{step.operation}"
        inputs = [known[tensor] for tensor in step.inputs if tensor in known]
        outputs = [known.get(tensor, ()) for tensor in step.outputs]
        self._unprice(name, unpriced_flops(name, step.attributes, inputs, outputs))

    def _unprice(self, name: str, flops: int) -> None:
        count, sum_ = self.unpriced.get(name, (0, 0))
        self.unpriced[name] = (count + 1, sum_ + flops)

    def _name(self, node: Any, product: MatrixProduct) -> str:
        """The submodule it came from where the exporter says so, else the node's name; layer numbers as stars."""
        path = _scope(node)
        if product.dynamic:
            self._numbers[path] = self._numbers.get(path, 0) + 1
            path = f"{path}.product_{self._numbers[path]}"
        return _LAYER_NUMBER.sub("*", f"{path}.{product.name}" if product.name else path)


def _scope(node: Any) -> str:
    """Where a node comes from: the module path that torch's exporter writes down, or what its name says of it."""
    scopes = next((prop.value for prop in node.metadata_props if prop.key == "pkg.torch.onnx.name_scopes"), None)
    if scopes is not None:
        try:
            path = ast.literal_eval(scopes)
        except (ValueError, SyntaxError):
            path = []
        if len(path) >= 2:
            return str(path[-2]) or "network"
    name = node.name or (node.output[0] if node.output else node.op_type)
    return str(name.strip("/").replace("/", "."))
