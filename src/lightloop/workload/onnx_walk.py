"""Takes the operations of an ONNX graph one by one and notes what each of them is."""

from __future__ import annotations

import ast
import re
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from lightloop.workload.onnx_elements import COPIES_KEPT, FREE, KIND_OF, NEVER_NEGATIVE, SIGN_KEPT, unpriced_flops
from lightloop.workload.onnx_mistakes import STANDARD, label, misfit
from lightloop.workload.onnx_products import PRODUCTS, WORK, Step, UnreadableError
from lightloop.workload.onnx_shapes import ShapedGraph
from lightloop.workload.products import MatrixProduct

# Their output is as long as their data make it.
_DATA_DEPENDENT = {"NonMaxSuppression", "NonZero", "Unique", "Compress"}
_RANDOM = {"RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"}
# The number of a layer among its like.
_LAYER_NUMBER = re.compile(r"(?:(?<=\.)|^)\d+(?=\.)")


class Walk:
    """Takes the operations of a graph one by one and notes what each of them is."""

    def __init__(self, graph: ShapedGraph, *, bound: bool) -> None:
        self.elements = {"softmax": 0, "norm": 0, "activation": 0, "add": 0}
        self.unpriced: dict[str, tuple[int, int]] = {}
        self.mistakes: list[str] = []
        self.misfits: list[str] = []  # sizes that contradict each other
        self._counts: dict[MatrixProduct, int] = {}
        self._sets: dict[MatrixProduct, set[Hashable]] = {}  # the different weights of its repeats
        self._origins: dict[str, Hashable] = {}  # weight -> what it was computed from, and how
        self._graph = graph
        self._bound = bound
        self._weights = set(graph.weights)
        self._nonnegative: set[str] = set()
        self._run_time: set[str] = set()  # tensors that are as large as the data make them
        self._linear: set[str] = set()  # outputs of products with a weight, which a bias may follow
        self._numbers: dict[str, int] = {}
        self._copies: dict[str, int] = {}

    @property
    def products(self) -> tuple[MatrixProduct, ...]:
        """The matrix products, those of repeated layers as one."""
        return tuple(self._repeated(product, count) for product, count in self._counts.items())

    def _repeated(self, product: MatrixProduct, count: int) -> MatrixProduct:
        repeat = product.repeat * count
        weights = (product.weight_sets or product.repeat) * len(self._sets[product])
        shared = weights < repeat and not product.dynamic
        return replace(product, repeat=repeat, weight_sets=weights if shared else None)

    def take(self, node: Any) -> None:
        """Note one operation."""
        from onnx.helper import get_attribute_value

        inputs, outputs = tuple(node.input), tuple(name for name in node.output if name)
        static = all(name in self._weights for name in inputs if name) or node.op_type in {"Shape", "Size"}
        attributes = {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}
        step = Step(node.op_type, inputs, outputs, attributes, self._graph.shapes, self._weights, self._copies)
        if self._is_mistake(node, step):
            return
        self._carry(node.op_type, inputs, outputs, static=static)
        if static:
            self._carry_origin(node)
        self._carry_copies(node.op_type, inputs, outputs)
        if static or node.op_type in FREE:
            return
        if self._run_time & {*inputs, *outputs} - (set(outputs) if node.op_type in _DATA_DEPENDENT else set()):
            self._unprice(f"{node.op_type} (of a size known at run time only)", 0)
            return
        if node.op_type in PRODUCTS and node.domain in STANDARD:
            self._multiply(node, step)
        elif node.op_type in KIND_OF and node.domain in STANDARD:
            self._elementwise(step)
        else:
            self._other(node, step)

    def _is_mistake(self, node: Any, step: Step) -> bool:
        """Whether nobody can price this node. Only the first of those that hang on each other is noted."""
        shapes = self._graph.shapes
        unknown = [name for name in step.outputs if name not in shapes]
        wrong = misfit(step) if node.domain in STANDARD else None
        if wrong:
            self.misfits.append(f"{label(node)}: {wrong}")
        elif node.op_type in _DATA_DEPENDENT or self._run_time & set(step.inputs):
            self._run_time |= set(unknown)
            if node.op_type in PRODUCTS and unknown:
                self.mistakes.append(f"{label(node)}: a product of a size that is known at run time only")
                return True
            return False
        elif unknown and all(name in shapes for name in step.inputs if name):
            if self._bound:
                given = ", ".join(f"{name} {shapes[name]}" for name in step.inputs if name)
                of = f" of {given}" if given else ""
                self.mistakes.append(f"{label(node)}{of}: the shape of its output {unknown[0]!r} cannot be inferred")
        else:
            return any(name not in shapes for name in (*step.inputs, *unknown) if name)
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

    def _carry_origin(self, node: Any) -> None:
        """A weight that is made twice in the same way from the same weights is one weight."""
        how = tuple(sorted(attribute.SerializeToString(deterministic=True) for attribute in node.attribute))
        given = tuple(self._origins.get(name, name) for name in node.input)
        if node.input and node.op_type not in _RANDOM:
            self._origins |= {name: (node.op_type, how, given, index) for index, name in enumerate(node.output) if name}

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
            weight = step.inputs[operands.left]
            self._sets.setdefault(product, set()).add(self._origins.get(weight, weight))
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
        name = step.operation if node.domain in STANDARD else f"{node.domain}.{step.operation}"
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
