"""What each ONNX operation that is no product is to us: element-wise work, a move, or unpriced work."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

KINDS = {
    "softmax": ("Softmax", "LogSoftmax"),
    "norm": ("LayerNormalization", "RMSNormalization", "BatchNormalization", "InstanceNormalization",
             "GroupNormalization", "LpNormalization", "MeanVarianceNormalization"),
    "activation": ("Relu", "Gelu", "Sigmoid", "Tanh", "Elu", "Selu", "Celu", "LeakyRelu", "PRelu", "HardSwish", "Swish",
                   "HardSigmoid", "Softplus", "Softsign", "Mish", "ThresholdedRelu", "Erf", "Clip"),
    "add": ("Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Exp", "Log", "Neg", "Abs", "Reciprocal", "Min", "Max", "Sum",
            "Mean", "Where", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh",
            "Mod", "Floor", "Ceil", "Round", "Sign", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear",
            "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor", "Not", "IsNaN", "IsInf",
            "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "Shrink", "RotaryEmbedding"),
}  # fmt: skip
KIND_OF = {operation: kind for kind, operations in KINDS.items() for operation in operations}

NEVER_NEGATIVE = {"Softmax", "Relu", "Sigmoid", "HardSigmoid", "Softplus", "Exp", "Abs", "Sqrt"}
# Operations whose output is free of negative numbers if all of their numbers are.
SIGN_KEPT = {
    "Identity", "Cast", "CastLike", "Dropout", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Slice",
    "Split", "Gather", "GatherElements", "GatherND", "Concat", "Expand", "Tile", "DepthToSpace", "SpaceToDepth",
    "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool", "ReduceMax", "ReduceMean", "ReduceSum", "Trilu",
    "Where",
}  # fmt: skip
# Operations that leave copies of whole matrices what they are.
COPIES_KEPT = {"Reshape", "Transpose", "Identity", "Cast", "Unsqueeze", "Squeeze", "Flatten", "Mul", "Div", "Expand"}
# Operations that move numbers or make them from nothing.
FREE = {
    "Identity", "Cast", "CastLike", "Dropout", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Slice",
    "Split", "Gather", "GatherElements", "GatherND", "Concat", "Expand", "Tile", "DepthToSpace", "SpaceToDepth",
    "Trilu", "Shape", "Size", "Constant", "ConstantOfShape", "Range", "EyeLike", "OneHot", "Pad", "Scatter",
    "ScatterElements", "ScatterND", "ReverseSequence", "CenterCropPad", "Col2Im", "TensorScatter", "BitCast",
}  # fmt: skip

# Floating-point operations of what is not priced, as functions of (attributes, shapes of the inputs, shapes of the
# outputs); all others count one for each output element.
Shape = tuple[int, ...]
Flops = Callable[[Mapping[str, Any], list[Shape], list[Shape]], int]


def _window(attributes: Mapping[str, Any], _inputs: list[Shape], outputs: list[Shape]) -> int:
    """Pooling: one for each element under each window."""
    return math.prod(outputs[0]) * math.prod(attributes.get("kernel_shape", ()))


def _each_input(_attributes: Mapping[str, Any], inputs: list[Shape], _outputs: list[Shape]) -> int:
    return math.prod(inputs[0])


def _comparisons(attributes: Mapping[str, Any], inputs: list[Shape], _outputs: list[Shape]) -> int:
    """Sorting n numbers: n log2 n."""
    length = inputs[0][attributes.get("axis", -1)] if inputs[0] else 1
    return math.prod(inputs[0]) * max(1, math.ceil(math.log2(max(length, 2))))


def _fourier(attributes: Mapping[str, Any], inputs: list[Shape], outputs: list[Shape]) -> int:
    """5 n log2 n for a complex transform of n numbers (Cooley and Tukey 1965). Pairs stand on the last axis."""
    points = math.prod(outputs[0][:-1])
    return math.ceil(5 * points * math.log2(max(inputs[0][attributes.get("axis", -2)], 2)))


def _interpolation(attributes: Mapping[str, Any], inputs: list[Shape], outputs: list[Shape]) -> int:
    """Two for each tap; taps along each axis whose size changes. Nearest neighbours are read and not computed."""
    taps = {b"linear": 2, b"cubic": 4}.get(attributes.get("mode", b"nearest"), 0)
    changed = sum(before != after for before, after in zip(inputs[0], outputs[0], strict=True))
    return 2 * taps**changed * math.prod(outputs[0]) if taps else 0


def _pairs(_attributes: Mapping[str, Any], inputs: list[Shape], _outputs: list[Shape]) -> int:
    """Suppression of overlapping boxes: each against each, in each class; about ten for the overlap of two."""
    boxes, scores = inputs[0], inputs[1]
    return 10 * scores[0] * scores[1] * boxes[1] ** 2


def _cubic(_attributes: Mapping[str, Any], inputs: list[Shape], _outputs: list[Shape]) -> int:
    """Factorisations: 2 n^3 for a square matrix of n."""
    return 2 * math.prod(inputs[0]) * inputs[0][-1]


def _default(_attributes: Mapping[str, Any], _inputs: list[Shape], outputs: list[Shape]) -> int:
    return math.prod(outputs[0])


_REDUCTIONS = ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
               "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare", "ArgMax", "ArgMin", "GlobalAveragePool",
               "GlobalMaxPool", "GlobalLpPool", "CumSum", "CumProd")  # fmt: skip
FLOPS: dict[str, Flops] = {
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool"), _window),
    **dict.fromkeys(_REDUCTIONS, _each_input),
    **dict.fromkeys(("TopK", "Unique"), _comparisons),
    "DFT": _fourier,
    **dict.fromkeys(("Resize", "Upsample"), _interpolation),
    "NonMaxSuppression": _pairs,
    "Det": _cubic,
}


def unpriced_flops(operation: str, attributes: Mapping[str, Any], inputs: list[Shape], outputs: list[Shape]) -> int:
    """Floating-point operations of an operation that is neither product, nor element-wise, nor a move."""
    return FLOPS.get(operation, _default)(attributes, inputs, outputs)
