"""What stands against pricing an ONNX graph that can be told before its shapes are known, and sizes that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightloop.workload.onnx_products import Shape, Step, is_not_understood, letters

STANDARD = {"", "ai.onnx", "ai.onnx.ml"}
_SUBGRAPHS = {"If", "Loop", "Scan", "SequenceMap"}


def label(node: Any) -> str:
    """An operation as messages call it."""
    return f"{node.op_type} ({node.name or ', '.join(name for name in node.output if name)})"


def structural_mistakes(model: Any) -> dict[tuple[str, ...], str]:
    """Outputs of an operation -> what is wrong with it, whatever its sizes are.

    Domains without an operator set are given one, in place, so that shapes can be inferred past them.
    """
    graph = model.graph
    imported = {_plain(entry.domain) for entry in model.opset_import}
    weights = {tensor.name for tensor in graph.initializer} | {t.values.name for t in graph.sparse_initializer}
    known = weights | {value.name for value in graph.input}
    later = {name for node in graph.node for name in node.output}
    noted = {value.name for value in (*graph.value_info, *graph.output) if value.type.tensor_type.HasField("shape")}
    found = {}
    for node in graph.node:
        inputs = [name for name in node.input if name]
        static = all(name in weights for name in inputs) or node.op_type in {"Shape", "Size"}
        reasons = [*_undefined(inputs, known, later), *_not_priced(node, noted, static=static)]
        if _plain(node.domain) not in imported:
            reasons.append(f"the file imports no operator set for its domain {_plain(node.domain) or 'ai.onnx'!r}")
        if reasons:
            found[tuple(node.output)] = f"{label(node)}: {'; '.join(reasons)}"
        known |= set(node.output)
        weights |= set(node.output) if static else set()
    _import(model, {_plain(node.domain) for node in graph.node} - imported)
    return found


def _plain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def _import(model: Any, domains: set[str]) -> None:
    from onnx import defs, helper

    versions = {"": defs.onnx_opset_version()}
    model.opset_import.extend(helper.make_opsetid(domain, versions.get(domain, 1)) for domain in sorted(domains))


def _undefined(inputs: list[str], known: set[str], later: set[str]) -> list[str]:
    """Inputs that nothing has made yet."""
    return [
        f"its input {name!r} is made after it"
        if name in later
        else f"its input {name!r} is undefined: no input of the graph, not stored, and made by no operation"
        for name in inputs
        if name not in known
    ]


def _not_priced(node: Any, noted: set[str], *, static: bool) -> list[str]:
    """Why an operation cannot be priced, were its inputs known."""
    from onnx import defs

    foreign = node.domain not in STANDARD
    if node.op_type in _SUBGRAPHS:
        return ["how often control flow runs is not known"]
    if is_not_understood(node.op_type, foreign=foreign) and not static:
        return ["it multiplies matrices in a way that is not understood yet"]
    unknown = [name for name in node.output if name and name not in noted]
    if foreign and unknown and not defs.has(node.op_type, node.domain):
        return [
            f"the shape of its output {unknown[0]!r} cannot be inferred, for its domain {node.domain!r} is not known"
        ]
    return []


def misfit(step: Step) -> str | None:
    """Why the sizes of a product's operands do not fit together; None if they do, or if one of them is not known."""
    if step.operation not in _OPERANDS:
        return None
    sides, sizes = _OPERANDS[step.operation]
    if not all(step.has(side) and len(step.shapes.get(step.inputs[side], ())) > 0 for side in sides):
        return None
    shapes = [step.input(side) for side in sides]
    differing = [f"{one} != {other}" for one, other in sizes(step, *shapes) if one != other]
    if not differing:
        return None
    named = " and ".join(f"{step.inputs[side]} {shape}" for side, shape in zip(sides, shapes, strict=True))
    return f"sizes that should be equal are not: {', '.join(differing)} (of {named})"


Pairs = list[tuple[int, int]]


def _stacked_pairs(_step: Step, a: Shape, b: Shape) -> Pairs:
    """Inner sizes, and those of the axes above where neither is 1."""
    above = zip(a[-3::-1], b[-3::-1], strict=False)
    inner = (a[-1], b[-2] if len(b) > 1 else b[0])
    return [inner, *((one, other) for one, other in above if 1 not in (one, other))]


def _gemm_pairs(step: Step, a: Shape, b: Shape) -> Pairs:
    if len(a) != 2 or len(b) != 2:
        return []
    return [(a[0] if step.attributes.get("transA", 0) else a[1], b[1] if step.attributes.get("transB", 0) else b[0])]


def _convolution_pairs(step: Step, signal: Shape, kernel: Shape) -> Pairs:
    return [(signal[1], kernel[1] * step.attributes.get("group", 1))] if min(len(signal), len(kernel)) > 1 else []


def _transposed_pairs(_step: Step, signal: Shape, kernel: Shape) -> Pairs:
    return [(signal[1], kernel[0])] if len(signal) > 1 else []


def _einsum_pairs(step: Step, a: Shape, b: Shape) -> Pairs:
    terms = step.attributes["equation"].decode().replace(" ", "").partition("->")[0].split(",")
    if len(terms) != 2 or any(
        len(term.replace("...", "")) > len(shape) for term, shape in zip(terms, (a, b), strict=True)
    ):
        return []
    first, second = letters(terms, [a, b])
    if len(first) != len(a) or len(second) != len(b):
        return [(len(a), len(first)), (len(b), len(second))]
    sizes = dict(zip(first, a, strict=True))
    pairs = [(sizes[letter], size) for letter, size in zip(second, b, strict=True) if letter in sizes]
    return [pair for pair in pairs if 1 not in pair]


_OPERANDS: dict[str, tuple[tuple[int, int], Callable[[Step, Shape, Shape], Pairs]]] = {
    "MatMul": ((0, 1), _stacked_pairs),
    "MatMulInteger": ((0, 1), _stacked_pairs),
    "QLinearMatMul": ((0, 3), _stacked_pairs),
    "Gemm": ((0, 1), _gemm_pairs),
    "Conv": ((0, 1), _convolution_pairs),
    "ConvInteger": ((0, 1), _convolution_pairs),
    "QLinearConv": ((0, 3), _convolution_pairs),
    "ConvTranspose": ((0, 1), _transposed_pairs),
    "Einsum": ((0, 1), _einsum_pairs),
}
